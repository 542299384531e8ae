#include "wire/guest.h"

#include <string.h>

#include "base/log.h"
#include "unit_test.h"

#define TEXT(lit)               \
    {                           \
        "" lit, sizeof(lit) - 1 \
    }

static const struct guest_msg samples[] = {
    { .type = GUEST_HELLO,
      .version = GUEST_VERSION,
      .flags = GUEST_IN_INITRD,
      .program = TEXT("2.2.0+clima.0.1.0"),
      .arch = TEXT("x86_64"),
      .boot_id = TEXT("0a1b-2c") },
    { .type = GUEST_PHASE,
      .phase = GUEST_PHASE_BOOT,
      .state = GUEST_FAILED,
      .text = TEXT("provision.system/00000001") },
    { .type = GUEST_TIME, .time_ns = 1700000000123456789 },
    { .type = GUEST_TIME_RESULT, .drift_ns = -5000000000, .adjusted = 1, .text = TEXT("") },
    { .type = GUEST_LOG, .level = LOG_WARN, .text = TEXT("gr\303\274n") },
    { .type = GUEST_UPDATE, .program = TEXT("2.2.0"), .size = 700000, .crc = 0xcbf43926 },
    { .type = GUEST_UPDATE_DATA, .data = TEXT("\177ELF\0\0") },
    { .type = GUEST_UPDATE_RESULT, .text = TEXT("no space left on device") },
    { .type = GUEST_PING, .id = 0xfedcba9876543210 },
    { .type = GUEST_PONG, .id = 1 },
    { .type = GUEST_WATCH_PORTS, .flags = GUEST_WATCH_TCP | GUEST_WATCH_UDP },
    { .type = GUEST_PORTS,
      .flags = GUEST_PORTS_RESET,
      .data = TEXT("\x0a\x01\x00\x00\x1f\x90\x04\x7f\0\0\x01") },
    { .type = GUEST_LISTEN,
      .id = 3,
      .flags = GUEST_LISTEN_ADDRESS | GUEST_LISTEN_DNS,
      .proto = GUEST_UDP,
      .port = 53,
      .vsock_port = 5000,
      .address = TEXT("\xc0\xa8\x05\x03") },
    { .type = GUEST_UNLISTEN, .id = 3 },
    { .type = GUEST_LISTEN_RESULT, .id = 3, .port = 53, .text = TEXT("") },
    { .type = GUEST_MOUNT,
      .text = SV("trans=virtio"),
      .id = 4,
      .flags = GUEST_MOUNT_READ_ONLY,
      .name = TEXT("lima-f872001c91a4f2cf"),
      .mount_point = TEXT("/home/jane/my files") },
    { .type = GUEST_UNMOUNT,
      .id = 5,
      .flags = GUEST_UNMOUNT_LAZY,
      .name = TEXT("lima-f872001c91a4f2cf"),
      .mount_point = TEXT("/home/jane/my files") },
    { .type = GUEST_MOUNT_RESULT, .id = 4, .text = TEXT("it is in use") },
    { .type = GUEST_ECHO },
    { .type = GUEST_TOUCH,
      .mount_point = TEXT("/home/jane/my files"),
      .data = TEXT("a/\xff"),
      .time_ns = 1700000000123456789 },
};

static struct sv frame_of(const struct sb *stream)
{
    return sv_slice(sb_view(stream), 4, stream->n);
}

static bool same(const struct guest_msg *a, const struct guest_msg *b)
{
    return a->type == b->type && a->version == b->version && a->flags == b->flags &&
           a->phase == b->phase && a->state == b->state && a->level == b->level &&
           a->adjusted == b->adjusted && a->crc == b->crc && a->id == b->id && a->size == b->size &&
           a->time_ns == b->time_ns && a->drift_ns == b->drift_ns && a->proto == b->proto &&
           a->port == b->port && a->mode == b->mode && a->uid == b->uid &&
           a->vsock_port == b->vsock_port && sv_eq(a->address, b->address) &&
           sv_eq(a->path, b->path) && sv_eq(a->name, b->name) &&
           sv_eq(a->mount_point, b->mount_point) && sv_eq(a->program, b->program) &&
           sv_eq(a->arch, b->arch) && sv_eq(a->boot_id, b->boot_id) && sv_eq(a->text, b->text) &&
           sv_eq(a->data, b->data);
}

static void every_type_comes_back_as_it_was_sent(void **state)
{
    assert_int_equal(COUNT(samples), GUEST_TYPE_END - 1);
    for (size_t i = 0; i < COUNT(samples); i++) {
        auto_sb struct sb stream = { 0 };
        struct guest_msg out;

        guest_encode(&stream, &samples[i]);
        assert_true(guest_decode(&out, frame_of(&stream), NULL));
        check_row(same(&out, &samples[i]), guest_type_name(samples[i].type));
    }
}

static void layout_is_fixed(void **state)
{
    static const char expected[] = "\0\0\0\x13\x02\x03\0\0\0\x04\0\0\0\x04\x04\0\0\0\x04\0\0\0\x01"
                                   "\x0f\0\0\0\0";
    auto_sb struct sb stream = { 0 };

    guest_encode(&stream, &(struct guest_msg){
                              .type = GUEST_PHASE, .phase = GUEST_PHASE_SSH, .state = GUEST_DONE });
    assert_int_equal(stream.n, 4 + 1 + 3 * 5 + 2 * 4);
    assert_memory_equal(stream.p + 4, expected + 4, stream.n - 4);
    assert_int_equal((uint8_t)stream.p[3], stream.n - 4);
}

static void every_cut_is_refused(void **state)
{
    for (size_t i = 0; i < COUNT(samples); i++) {
        auto_sb struct sb stream = { 0 };
        unsigned n_accepted = 0;

        guest_encode(&stream, &samples[i]);
        for (size_t cut = 0; cut < stream.n - 4; cut++) {
            auto_err struct err *err = NULL;
            struct guest_msg out;

            if (guest_decode(&out, (struct sv){ stream.p + 4, cut }, &err))
                n_accepted++;
            else
                assert_int_equal(err_kind(err), ERR_PROTOCOL);
        }
        /* only where an optional field ends the frame may a cut go unnoticed */
        check_row(n_accepted <= 6, guest_type_name(samples[i].type));
    }
}

static void broken_frames_are_refused(void **state)
{
    static const struct {
        const char *name;
        struct sv frame;
        enum err_kind kind;
    } cases[] = {
        { "empty", TEXT(""), ERR_PROTOCOL },
        { "type 0", TEXT("\0"), ERR_UNSUPPORTED },
        { "later type", TEXT("\x7f\x01"), ERR_UNSUPPORTED },
        { "later phase", TEXT("\x02\x03\0\0\0\x04\0\0\0\x63\x04\0\0\0\x04\0\0\0\x01"),
          ERR_UNSUPPORTED },
        { "later state", TEXT("\x02\x03\0\0\0\x04\0\0\0\x01\x04\0\0\0\x04\0\0\0\x63"),
          ERR_UNSUPPORTED },
        { "level", TEXT("\x05\x05\0\0\0\x04\0\0\0\x63\x0f\0\0\0\x01x"), ERR_PROTOCOL },
        { "missing field", TEXT("\x05\x05\0\0\0\x04\0\0\0\x01"), ERR_PROTOCOL },
        { "twice", TEXT("\x09\x08\0\0\0\x08zzzzzzzz\x08\0\0\0\x08zzzzzzzz"), ERR_PROTOCOL },
        { "short number", TEXT("\x09\x08\0\0\0\x07zzzzzzz"), ERR_PROTOCOL },
        { "long number", TEXT("\x02\x03\0\0\0\x05zzzzz"), ERR_PROTOCOL },
        { "huge length", TEXT("\x08\x0f\xff\xff\xff\xffz"), ERR_PROTOCOL },
        { "NUL in a text", TEXT("\x08\x0f\0\0\0\x02z\0"), ERR_PROTOCOL },
        { "not UTF-8", TEXT("\x08\x0f\0\0\0\x02\xc3\x28"), ERR_PROTOCOL },
        { "port entry cut off",
          TEXT("\x0c\x02\0\0\0\x04\0\0\0\0\x10\0\0\0\x0a\x0a\x01\0\0\0\x50\x04\x7f\0\0"),
          ERR_PROTOCOL },
        { "port entry too short", TEXT("\x0c\x02\0\0\0\x04\0\0\0\0\x10\0\0\0\x02\x01\x01"),
          ERR_PROTOCOL },
        { "port of 17 bits", TEXT("\x0f\x08\0\0\0\x08zzzzzzzz\x12\0\0\0\x04\0\1\0\0"),
          ERR_PROTOCOL },
        { "listen without address",
          TEXT("\x0d\x08\0\0\0\x08zzzzzzzz\x11\0\0\0\x04\0\0\0\0\x15\0\0\0\x04\0\0\0\1"),
          ERR_PROTOCOL },
        { "listen of a later protocol",
          TEXT("\x0d\x08\0\0\0\x08zzzzzzzz\x11\0\0\0\x04\0\0\0\x09\x15\0\0\0\x04\0\0\0\1"),
          ERR_UNSUPPORTED },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        auto_err struct err *err = NULL;
        struct guest_msg out = { 0 };

        check_row(!guest_decode(&out, cases[i].frame, &err), cases[i].name);
        check_row(err_kind(err) == cases[i].kind, cases[i].name);
        check_row(out.type == 0, cases[i].name);
    }
}

static void unknown_fields_are_skipped(void **state)
{
    struct guest_msg out;

    assert_true(guest_decode(
        &out, SV("\x09\xee\0\0\0\x03???\x08\0\0\0\x08\0\0\0\0\0\0\0\x07\x0f\0\0\0\x01\xff"), NULL));
    assert_int_equal(out.id, 7);
    assert_int_equal(out.text.n, 0); /* PING has no text, so it is not even looked at */
}

static void texts_have_limits(void **state)
{
    auto_sb struct sb text = { 0 }, stream = { 0 };
    struct guest_msg out;

    while (text.n < GUEST_TEXT_LEN_MAX)
        sb_put(&text, SV("\303\274x"));
    guest_encode(&stream, &(struct guest_msg){ .type = GUEST_LOG, .text = sb_view(&text) });
    assert_true(guest_decode(&out, frame_of(&stream), NULL));
    assert_true(out.text.n <= GUEST_TEXT_LEN_MAX && out.text.n > GUEST_TEXT_LEN_MAX - 3);

    auto_sb struct sb frame = { 0 };

    sb_put(&frame, SV("\x08\x0f\0\0\x10\x01"));
    while (frame.n < 6 + GUEST_TEXT_LEN_MAX + 1)
        sb_putc(&frame, 'x');
    assert_false(guest_decode(&out, sb_view(&frame), NULL));
}

static void reader_joins_pieces_and_skips_the_unknown(void **state)
{
    auto_sb struct sb stream = { 0 };

    for (size_t i = 0; i < COUNT(samples); i++) {
        guest_encode(&stream, &samples[i]);
        sb_put(&stream, SV("\0\0\0\x03\x63zz"));
    }
    for (size_t piece = 1; piece < 40; piece++) {
        struct guest_reader reader = { 0 };
        size_t n = 0;

        for (size_t at = 0; at < stream.n; at += piece) {
            struct guest_msg msg;
            enum guest_read status;

            guest_reader_feed(&reader, stream.p + at,
                              stream.n - at < piece ? stream.n - at : piece);
            while ((status = guest_reader_next(&reader, &msg, NULL)) == GUEST_READ_MESSAGE)
                assert_true(same(&msg, &samples[n++]));
            assert_int_equal(status, GUEST_READ_MORE);
        }
        assert_int_equal(n, COUNT(samples));
        guest_reader_done(&reader);
    }
}

static void reader_wants_hello_first(void **state)
{
    auto_sb struct sb stream = { 0 };
    auto_err struct err *err = NULL;
    struct guest_reader reader = { 0 };
    struct guest_msg msg;

    guest_encode(&stream, &(struct guest_msg){ .type = GUEST_PING });
    guest_reader_feed(&reader, stream.p, stream.n);
    assert_int_equal(guest_reader_next(&reader, &msg, &err), GUEST_READ_BROKEN);
    assert_string_equal(err_text(err), "the first guest message is PING, not HELLO");
    guest_reader_done(&reader);
}

static void reader_refuses_lengths_out_of_range(void **state)
{
    static const struct sv heads[] = { TEXT("\0\0\0\0"), TEXT("\0\x10\0\x01"),
                                       TEXT("\xff\xff\xff\xff") };

    for (size_t i = 0; i < COUNT(heads); i++) {
        struct guest_reader reader = { 0 };
        struct guest_msg msg;

        guest_reader_feed(&reader, heads[i].p, heads[i].n);
        assert_int_equal(guest_reader_next(&reader, &msg, NULL), GUEST_READ_BROKEN);
        guest_reader_done(&reader);
    }
}

static void listen_wants_what_its_protocol_needs(void **state)
{
    static const struct {
        struct guest_msg msg;
        bool ok;
    } cases[] = {
        { { .proto = GUEST_TCP, .address = TEXT("\x7f\0\0\1") }, true },
        { { .proto = GUEST_UDP, .address = TEXT("0123456789abcdef") }, true },
        { { .proto = GUEST_TCP, .address = TEXT("\x7f\0\0") }, false },
        { { .proto = GUEST_TCP, .path = TEXT("/run/x") }, false },
        { { .proto = GUEST_UNIX, .path = TEXT("/run/x") }, true },
        { { .proto = GUEST_UNIX, .path = TEXT("run/x") }, false },
        { { .proto = GUEST_UNIX, .address = TEXT("\x7f\0\0\1") }, false },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        auto_sb struct sb stream = { 0 };
        struct guest_msg msg = cases[i].msg, out;

        msg.type = GUEST_LISTEN;
        guest_encode(&stream, &msg);
        assert_int_equal(guest_decode(&out, frame_of(&stream), NULL), cases[i].ok);
    }
}

static void port_entries_come_back_and_later_ones_are_left_out(void **state)
{
    static const struct guest_port ports[] = {
        { .proto = GUEST_TCP, .port = 80, .n_address = 4, .address = { 127, 0, 0, 1 } },
        { .is_removed = true,
          .proto = GUEST_UDP,
          .port = 65535,
          .flags = GUEST_PORT_NAT,
          .n_address = 16,
          .address = { [15] = 1 } },
    };
    auto_sb struct sb data = { 0 }, stream = { 0 };
    struct guest_msg out;
    struct guest_port port;
    struct sv rest;

    sb_put(&data, SV("\x0a\x09\0\0\0\x50\x04\x7f\0\0\x01")); /* a later operation */
    guest_port_put(&data, &ports[0]);
    sb_put(&data, SV("\x06\x01\0\0\0\x50\0"));                 /* without an address */
    sb_put(&data, SV("\x0a\x01\x07\0\0\x50\x04\x7f\0\0\x01")); /* a later protocol */
    guest_port_put(&data, &ports[1]);
    sb_put(&data, SV("\x0c\x01\0\0\0\x51\x04\x7f\0\0\x01++")); /* more than we know */
    guest_encode(&stream, &(struct guest_msg){ .type = GUEST_PORTS, .data = sb_view(&data) });
    assert_true(guest_decode(&out, frame_of(&stream), NULL));
    rest = out.data;
    for (size_t i = 0; i < COUNT(ports); i++) {
        assert_true(guest_port_next(&rest, &port));
        assert_int_equal(port.is_removed, ports[i].is_removed);
        assert_int_equal(port.proto, ports[i].proto);
        assert_int_equal(port.port, ports[i].port);
        assert_int_equal(port.flags, ports[i].flags);
        assert_int_equal(port.n_address, ports[i].n_address);
        assert_memory_equal(port.address, ports[i].address, sizeof(port.address));
    }
    assert_true(guest_port_next(&rest, &port));
    assert_int_equal(port.port, 0x51);
    assert_false(guest_port_next(&rest, &port));
}

static void crc_is_the_usual_one(void **state)
{
    assert_int_equal(guest_crc(0, SV("123456789")), 0xcbf43926);
    assert_int_equal(guest_crc(guest_crc(0, SV("1234")), SV("56789")), 0xcbf43926);
    assert_int_equal(guest_crc(0, SV("")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_comes_back_as_it_was_sent),
        cmocka_unit_test(layout_is_fixed),
        cmocka_unit_test(every_cut_is_refused),
        cmocka_unit_test(broken_frames_are_refused),
        cmocka_unit_test(unknown_fields_are_skipped),
        cmocka_unit_test(texts_have_limits),
        cmocka_unit_test(reader_joins_pieces_and_skips_the_unknown),
        cmocka_unit_test(reader_wants_hello_first),
        cmocka_unit_test(reader_refuses_lengths_out_of_range),
        cmocka_unit_test(listen_wants_what_its_protocol_needs),
        cmocka_unit_test(port_entries_come_back_and_later_ones_are_left_out),
        cmocka_unit_test(crc_is_the_usual_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
