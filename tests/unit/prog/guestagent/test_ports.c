#include "prog/guestagent/ports.h"

#include <string.h>

#include "../../unit_test.h"
#include "prog/guestagent/sock_diag.h"

static const uint8_t loopback[4] = { 127, 0, 0, 1 }, every[16] = { 0 };
static const uint8_t mapped[16] = { [10] = 0xff, [11] = 0xff, [12] = 10, [15] = 7 };

static bool same_port(const struct guest_port *a, const struct guest_port *b)
{
    return a->proto == b->proto && a->port == b->port && a->flags == b->flags &&
           a->n_address == b->n_address && memcmp(a->address, b->address, sizeof(a->address)) == 0;
}

/* Applies PORTS messages to a list, as the host does; returns how many messages there were. */
static size_t apply(const struct sb *frames, struct ports *list, bool *out_reset)
{
    auto_sb struct sb stream = { 0 };
    struct guest_reader reader = { 0 };
    struct guest_msg msg;
    size_t n = 0;

    *out_reset = false;
    guest_encode(&stream, &(struct guest_msg){ .type = GUEST_HELLO, .program = SV("x") });
    sb_put(&stream, sb_view(frames));
    guest_reader_feed(&reader, stream.p, stream.n);
    while (guest_reader_next(&reader, &msg, NULL) == GUEST_READ_MESSAGE) {
        struct guest_port port;

        if (msg.type != GUEST_PORTS)
            continue;
        n++;
        if (msg.flags & GUEST_PORTS_RESET) {
            *out_reset = true;
            list->list.n = 0;
        }
        while (guest_port_next(&msg.data, &port)) {
            if (!port.is_removed) {
                *vec_push(&list->list) = port;
                continue;
            }
            for (size_t i = 0; i < list->list.n; i++) {
                if (same_port(&list->list.v[i], &port)) {
                    vec_remove(&list->list, i);
                    break;
                }
            }
        }
    }
    guest_reader_done(&reader);
    return n;
}

static bool same(const struct ports *a, const struct ports *b)
{
    for (size_t i = 0; i < a->list.n && i < b->list.n; i++)
        if (!same_port(&a->list.v[i], &b->list.v[i]))
            return false;
    return a->list.n == b->list.n;
}

static void duplicates_and_mapped_addresses_are_one(void **state)
{
    struct ports p = { 0 };

    ports_add(&p, GUEST_TCP, GUEST_PORT_NAT, loopback, 4, 80);
    ports_add(&p, GUEST_TCP, 0, loopback, 4, 80);
    ports_add(&p, GUEST_TCP, 0, loopback, 4, 80);
    ports_add(&p, GUEST_TCP, 0, every, 16, 80);
    ports_add(&p, GUEST_UDP, 0, loopback, 4, 80);
    ports_add(&p, GUEST_TCP, 0, mapped, 16, 81);
    ports_add(&p, GUEST_TCP, 0, loopback, 4, 0);
    ports_settle(&p);
    assert_int_equal(p.list.n, 4);
    assert_int_equal(p.list.v[0].flags, 0); /* the socket, not the redirection */
    assert_int_equal(p.list.v[2].n_address, 4);
    assert_int_equal(p.list.v[2].address[3], 7);
    assert_false(ports_has_nat(&p, GUEST_TCP, 80));
    ports_add(&p, GUEST_TCP, GUEST_PORT_NAT, every, 4, 82);
    assert_true(ports_has_nat(&p, GUEST_TCP, 82));
    assert_false(ports_has_nat(&p, GUEST_UDP, 82));
    ports_done(&p);
}

static void changes_bring_the_host_to_the_same_list(void **state)
{
    struct ports before = { 0 }, now = { 0 }, host = { 0 };
    auto_sb struct sb frames = { 0 };
    bool is_reset;

    ports_put_changes(&before, &now, true, &frames);
    assert_int_equal(apply(&frames, &host, &is_reset), 1); /* also an empty list is told */
    assert_true(is_reset);

    for (uint16_t port = 1; port <= 5000; port++)
        ports_add(&now, port % 2 ? GUEST_TCP : GUEST_UDP, 0, every, port % 3 ? 4 : 16, port);
    ports_settle(&now);
    sb_truncate(&frames, 0);
    ports_put_changes(&before, &now, false, &frames);
    assert_int_equal(apply(&frames, &host, &is_reset), 2); /* more than one message holds */
    assert_false(is_reset);
    assert_true(same(&host, &now));

    ports_done(&before);
    before = now;
    now = (struct ports){ 0 };
    for (uint16_t port = 4000; port <= 6000; port++)
        ports_add(&now, port % 2 ? GUEST_TCP : GUEST_UDP, 0, every, port % 3 ? 4 : 16, port);
    ports_settle(&now);
    sb_truncate(&frames, 0);
    ports_put_changes(&before, &now, false, &frames);
    (void)apply(&frames, &host, &is_reset);
    ports_settle(&host);
    assert_true(same(&host, &now));

    sb_truncate(&frames, 0);
    ports_put_changes(&now, &now, false, &frames);
    assert_int_equal(frames.n, 0);
    ports_done(&before);
    ports_done(&now);
    ports_done(&host);
}

static void proc_tables_are_understood(void **state)
{
    static const char tcp[] =
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n"
        "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0\n"
        "   1: 0100007F:1F91 0100007F:1F90 01 00000000:00000000 00:00000000 00000000     0\n"
        "   2: 0100007F 00000000:0000 0A\n"
        "   3: 0100007F:1F9Z 00000000:0000 0A\n"
        "   4: \n";
    static const char udp6[] =
        "  sl  local_address                         remote_address                        st\n"
        "  50: 00000000000000000000000001000000:0035 00000000000000000000000000000000:0000 07\n"
        "  51: 00000000000000000000000001000000:0036 00000000000000000000000001000000:0001 01\n";
    struct ports p = { 0 };

    sock_diag_parse_table(sv_of(tcp), GUEST_TCP, &p);
    sock_diag_parse_table(sv_of(udp6), GUEST_UDP, &p);
    assert_int_equal(p.list.n, 2);
    assert_int_equal(p.list.v[0].port, 8080);
    assert_memory_equal(p.list.v[0].address, loopback, 4);
    assert_int_equal(p.list.v[1].port, 53);
    assert_int_equal(p.list.v[1].n_address, 16);
    assert_int_equal(p.list.v[1].address[15], 1);
    ports_done(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(duplicates_and_mapped_addresses_are_one),
        cmocka_unit_test(changes_bring_the_host_to_the_same_list),
        cmocka_unit_test(proc_tables_are_understood),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
