#include "wire/tunnel.h"

#include <string.h>

#include "unit_test.h"

#define TEXT(lit)               \
    {                           \
        "" lit, sizeof(lit) - 1 \
    }

static const struct tunnel_preface samples[] = {
    { .kind = TUNNEL_TCP,
      .port = 80,
      .address = TEXT("\x7f\0\0\x01"),
      .source = TEXT("127.0.0.1:5") },
    { .kind = TUNNEL_UDP, .port = 65535, .address = TEXT("0123456789abcdef") },
    { .kind = TUNNEL_UNIX, .flags = TUNNEL_FROM_UNIX, .path = TEXT("/run/docker.sock") },
};

static void preface_comes_back_however_it_is_cut(void **state)
{
    for (size_t i = 0; i < COUNT(samples); i++) {
        auto_sb struct sb stream = { 0 };
        struct tunnel_preface out;
        struct sv rest;
        size_t n;

        tunnel_preface_put(&stream, &samples[i]);
        n = stream.n;
        sb_put(&stream, SV("bytes"));
        for (size_t cut = 0; cut < n; cut++) {
            rest = (struct sv){ stream.p, cut };
            assert_int_equal(tunnel_preface_take(&rest, &out, NULL), TUNNEL_MORE);
            assert_int_equal(rest.n, cut);
        }
        rest = sb_view(&stream);
        assert_int_equal(tunnel_preface_take(&rest, &out, NULL), TUNNEL_TAKEN);
        assert_true(sv_eq_str(rest, "bytes"));
        assert_int_equal(out.kind, samples[i].kind);
        assert_int_equal(out.flags, samples[i].flags);
        assert_int_equal(out.port, samples[i].port);
        assert_true(sv_eq(out.address, samples[i].address) && sv_eq(out.path, samples[i].path) &&
                    sv_eq(out.source, samples[i].source));
    }
}

static void layout_is_fixed(void **state)
{
    auto_sb struct sb stream = { 0 };

    tunnel_preface_put(&stream, &samples[0]);
    assert_true(sv_eq(sb_view(&stream), SV("\0\x16\x01\0\0\0\x50\x04\x7f\0\0\x01\x0b"
                                           "127.0.0.1:5")));
}

static void long_sources_are_cut(void **state)
{
    auto_sb struct sb source = { 0 }, stream = { 0 };
    struct tunnel_preface preface = samples[0], out;
    struct sv rest;

    while (source.n < 4 * TUNNEL_SOURCE_LEN_MAX)
        sb_putc(&source, 'x');
    preface.source = sb_view(&source);
    tunnel_preface_put(&stream, &preface);
    rest = sb_view(&stream);
    assert_int_equal(tunnel_preface_take(&rest, &out, NULL), TUNNEL_TAKEN);
    assert_int_equal(out.source.n, TUNNEL_SOURCE_LEN_MAX);
}

static void bad_prefaces_are_refused(void **state)
{
    static const struct {
        const char *name;
        struct sv bytes;
        enum err_kind kind;
    } cases[] = {
        { "empty", TEXT("\0\0"), ERR_PROTOCOL },
        { "head cut off", TEXT("\0\x04\x01\0\0\0"), ERR_PROTOCOL },
        { "too long", TEXT("\x03\xff"), ERR_PROTOCOL },
        { "later version", TEXT("\0\x0b\x02\0\0\0\x50\x04\x7f\0\0\x01\0"), ERR_UNSUPPORTED },
        { "later kind", TEXT("\0\x0b\x01\x09\0\0\x50\x04\x7f\0\0\x01\0"), ERR_UNSUPPORTED },
        { "no target", TEXT("\0\x05\x01\0\0\0\x50"), ERR_PROTOCOL },
        { "target cut off", TEXT("\0\x08\x01\0\0\0\x50\x04\x7f\0"), ERR_PROTOCOL },
        { "no source", TEXT("\0\x0a\x01\0\0\0\x50\x04\x7f\0\0\x01"), ERR_PROTOCOL },
        { "address of 3 bytes", TEXT("\0\x0a\x01\0\0\0\x50\x03\x7f\0\0\0"), ERR_PROTOCOL },
        { "relative path", TEXT("\0\x08\x01\x02\0\0\0\x01x\0"), ERR_PROTOCOL },
        { "NUL in the path", TEXT("\0\x0a\x01\x02\0\0\0\x03/x\0\0"), ERR_PROTOCOL },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        auto_err struct err *err = NULL;
        struct tunnel_preface out = { 0 };
        struct sv rest = cases[i].bytes;

        check_row(tunnel_preface_take(&rest, &out, &err) == TUNNEL_BROKEN, cases[i].name);
        check_row(err_kind(err) == cases[i].kind, cases[i].name);
        check_row(rest.n == cases[i].bytes.n, cases[i].name);
    }
}

static void later_fields_are_ignored(void **state)
{
    struct sv rest = SV("\0\x0d\x01\0\0\0\x50\x04\x7f\0\0\x01\0++after");
    struct tunnel_preface out;

    assert_int_equal(tunnel_preface_take(&rest, &out, NULL), TUNNEL_TAKEN);
    assert_true(sv_eq_str(rest, "after"));
}

static void datagrams_keep_their_bounds(void **state)
{
    auto_sb struct sb stream = { 0 };
    struct sv rest, datagram;

    tunnel_datagram_put(&stream, SV("one"));
    tunnel_datagram_put(&stream, SV(""));
    tunnel_datagram_put(&stream, SV("three"));
    rest = sb_view(&stream);
    assert_true(tunnel_datagram_take(&rest, &datagram) && sv_eq_str(datagram, "one"));
    assert_true(tunnel_datagram_take(&rest, &datagram) && datagram.n == 0);
    rest.n--;
    assert_false(tunnel_datagram_take(&rest, &datagram));
    rest.n++;
    assert_true(tunnel_datagram_take(&rest, &datagram) && sv_eq_str(datagram, "three"));
    assert_false(tunnel_datagram_take(&rest, &datagram));
    rest = SV("\0");
    assert_false(tunnel_datagram_take(&rest, &datagram));
}

static void put_chunk(struct sb *out, struct sv bytes)
{
    uint8_t head[TUNNEL_CHUNK_HEAD_LEN];

    tunnel_chunk_head(head, bytes.n);
    sb_put_mem(out, (const char *)head, sizeof(head));
    sb_put(out, bytes);
}

/* What comes out of a stream that comes in two parts; true when it ended. */
static bool take_chunks(struct sv stream, size_t cut, struct sb *out, struct sv *rest)
{
    struct sv parts[] = { sv_slice(stream, 0, cut), sv_slice(stream, cut, stream.n) };
    struct tunnel_chunks chunks = { 0 };
    bool has_ended = false;

    for (size_t i = 0; i < COUNT(parts); i++) {
        enum tunnel_piece got;
        struct sv piece;

        while ((got = tunnel_chunks_take(&chunks, &parts[i], &piece)) == TUNNEL_PIECE_BYTES)
            sb_put(out, piece);
        has_ended = has_ended || got == TUNNEL_PIECE_END;
        assert_true(got == TUNNEL_PIECE_END || has_ended || parts[i].n == 0);
    }
    *rest = parts[1];
    return has_ended;
}

static void chunks_come_back_however_they_are_cut(void **state)
{
    auto_sb struct sb stream = { 0 };
    struct sv rest;

    put_chunk(&stream, SV("one"));
    put_chunk(&stream, SV("two"));
    put_chunk(&stream, SV(""));
    for (size_t cut = 0; cut <= stream.n; cut++) {
        auto_sb struct sb out = { 0 };

        assert_true(take_chunks(sb_view(&stream), cut, &out, &rest));
        assert_string_equal(sb_str(&out), "onetwo");
        assert_int_equal(rest.n, 0);
    }
    sb_puts(&stream, "next");
    for (size_t cut = 0; cut <= stream.n - 4; cut++) {
        auto_sb struct sb out = { 0 };

        assert_true(take_chunks(sb_view(&stream), cut, &out, &rest));
        assert_string_equal(sb_str(&out), "onetwo");
        assert_true(sv_eq_str(rest, "next"));
    }
}

static void raw_bytes_have_no_bounds(void **state)
{
    auto_sb struct sb stream = { 0 };
    uint8_t head[TUNNEL_CHUNK_HEAD_LEN];
    struct sv rest;

    put_chunk(&stream, SV("one"));
    tunnel_chunk_raw(head);
    sb_put_mem(&stream, (const char *)head, sizeof(head));
    sb_put(&stream, SV("\0\0\xff\xff"));
    for (size_t cut = 0; cut <= stream.n; cut++) {
        auto_sb struct sb out = { 0 };

        assert_false(take_chunks(sb_view(&stream), cut, &out, &rest));
        assert_true(sv_eq(sb_view(&out), SV("one\0\0\xff\xff")));
    }
}

static void layout_of_chunks_is_fixed(void **state)
{
    auto_sb struct sb stream = { 0 };
    uint8_t head[TUNNEL_CHUNK_HEAD_LEN];

    put_chunk(&stream, SV("abc"));
    put_chunk(&stream, SV(""));
    assert_true(sv_eq(sb_view(&stream), SV("\0\3abc\0\0")));
    tunnel_chunk_head(head, TUNNEL_CHUNK_LEN_MAX);
    assert_memory_equal(head, "\xff\xfe", 2);
    tunnel_chunk_raw(head);
    assert_memory_equal(head, "\xff\xff", 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(preface_comes_back_however_it_is_cut),
        cmocka_unit_test(layout_is_fixed),
        cmocka_unit_test(long_sources_are_cut),
        cmocka_unit_test(bad_prefaces_are_refused),
        cmocka_unit_test(later_fields_are_ignored),
        cmocka_unit_test(datagrams_keep_their_bounds),
        cmocka_unit_test(chunks_come_back_however_they_are_cut),
        cmocka_unit_test(raw_bytes_have_no_bounds),
        cmocka_unit_test(layout_of_chunks_is_fixed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
