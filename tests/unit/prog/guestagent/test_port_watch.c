/* The watch against the kernel of this machine, in a network namespace of its own. */
#include "prog/guestagent/port_watch.h"

#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>

#include "prog/guestagent/local_address.h"
#include "prog/guestagent/netlink.h"
#include "prog/guestagent/sock_diag.h"
#include "relay_bench.h"

struct bench {
    struct evloop *loop;
    struct port_watch *watch;
    struct guest_reader reader;
    unsigned n_resets, n_added, n_removed;
    struct guest_port last;
};

static bool has_namespace;

static int enter_namespace(void **state)
{
    struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
    auto_fd int fd = -1;

    has_namespace = unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0;
    if (!has_namespace)
        return 0;
    fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    return ioctl(fd, SIOCSIFFLAGS, &lo) == 0 ? 0 : -1;
}

static void ports_changed(void *arg, const struct sb *frames)
{
    struct bench *b = arg;
    struct guest_msg msg;

    guest_reader_feed(&b->reader, frames->p, frames->n);
    while (guest_reader_next(&b->reader, &msg, NULL) == GUEST_READ_MESSAGE) {
        struct guest_port port;

        b->n_resets += (msg.flags & GUEST_PORTS_RESET) != 0;
        while (guest_port_next(&msg.data, &port)) {
            b->n_added += !port.is_removed;
            b->n_removed += port.is_removed;
            b->last = port;
        }
    }
}

static void listeners_come_and_go(void **state)
{
    static const struct {
        int family, type;
        enum guest_proto proto;
    } cases[] = {
        { AF_INET, SOCK_STREAM, GUEST_TCP },
        { AF_INET6, SOCK_STREAM, GUEST_TCP },
        { AF_INET, SOCK_DGRAM, GUEST_UDP },
        { AF_INET6, SOCK_DGRAM, GUEST_UDP },
    };
    static const struct port_watch_events events = { ports_changed, NULL };
    struct bench b = { 0 };
    auto_sb struct sb hello = { 0 };

    if (!has_namespace)
        skip();
    b.loop = evloop_new(NULL);
    guest_encode(&hello, &(struct guest_msg){ .type = GUEST_HELLO, .program = SV("x") });
    ports_changed(&b, &hello);
    b.watch = port_watch_new(b.loop, &events, &b);
    port_watch_set(b.watch, GUEST_WATCH_TCP | GUEST_WATCH_UDP);
    assert_int_equal(b.n_resets, 1);
    assert_int_equal(b.n_added, 0);
    for (unsigned i = 0; i < COUNT(cases); i++) {
        uint16_t port;
        int fd = bench_socket(cases[i].family, cases[i].type, &port);

        until(&b, b.n_added == i + 1);
        assert_int_equal(b.last.proto, cases[i].proto);
        assert_int_equal(b.last.port, port);
        assert_int_equal(b.last.n_address, cases[i].family == AF_INET ? 4 : 16);
        (void)close(fd);
        until(&b, b.n_removed == i + 1);
        assert_int_equal(b.last.port, port);
    }
    port_watch_set(b.watch, 0);
    port_watch_set(b.watch, GUEST_WATCH_TCP);
    assert_int_equal(b.n_resets, 2);
    port_watch_free(b.watch);
    guest_reader_done(&b.reader);
    evloop_free(b.loop);
}

static void tables_and_sock_diag_agree(void **state)
{
    struct ports diag = { 0 }, tables = { 0 };
    unsigned missing = 0, all_missing = ~0u;
    uint16_t port;

    if (!has_namespace)
        skip();

    auto_fd int a = bench_socket(AF_INET, SOCK_STREAM, &port);
    auto_fd int b = bench_socket(AF_INET6, SOCK_STREAM, &port);
    auto_fd int c = bench_socket(AF_INET, SOCK_DGRAM, &port);
    auto_fd int d = bench_socket(AF_INET6, SOCK_DGRAM, &port);

    assert_true(a >= 0 && b >= 0 && c >= 0 && d >= 0);
    sock_diag_list(GUEST_WATCH_TCP | GUEST_WATCH_UDP, &missing, &diag);
    sock_diag_list(GUEST_WATCH_TCP | GUEST_WATCH_UDP, &all_missing, &tables);
    ports_settle(&diag);
    ports_settle(&tables);
    assert_int_equal(diag.list.n, 4);
    assert_int_equal(tables.list.n, 4);
    assert_memory_equal(diag.list.v, tables.list.v, 4 * sizeof(*diag.list.v));
    ports_done(&diag);
    ports_done(&tables);
}

/* Can a socket be bound to the address? */
static bool is_local(const char *text)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = inet_addr(text) };
    auto_fd int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    return bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0;
}

static void addresses_are_taken_and_given_back(void **state)
{
    static const struct sv address = { "\xc0\xa8\x05\x03", 4 };
    struct evloop *loop;
    struct local_addresses set;

    if (!has_namespace)
        skip();
    loop = evloop_new(NULL);
    local_addresses_init(&set, loop);
    assert_false(is_local("192.168.5.3"));
    assert_true(local_address_take(&set, address, NULL));
    assert_true(local_address_take(&set, address, NULL));
    assert_true(is_local("192.168.5.3"));
    local_address_give(&set, address);
    assert_true(is_local("192.168.5.3"));
    local_address_give(&set, address);
    assert_false(is_local("192.168.5.3"));
    assert_true(local_address_take(&set, address, NULL));
    local_addresses_done(&set);
    assert_false(is_local("192.168.5.3"));
    evloop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(listeners_come_and_go),
        cmocka_unit_test(tables_and_sock_diag_agree),
        cmocka_unit_test(addresses_are_taken_and_given_back),
    };

    return cmocka_run_group_tests(tests, enter_namespace, NULL);
}
