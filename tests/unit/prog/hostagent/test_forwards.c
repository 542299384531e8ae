/* Every test ends with as many descriptors as it began with. */
#include <netinet/in.h>

#include "lang/json/json.h"
#include "svc/loop/http_server.h"

#include "forwards_fixture.h"

static void a_port_comes_and_goes_with_its_listener(void **state)
{
    uint16_t port = free_port();
    struct fixture f;
    int fd;

    fixture_open(&f, "");
    fake_agent_port(&f.devices, GUEST_TCP, "127.0.0.1", port, 0);
    run_until(is_open(port));
    assert_true(has_told(&f, "\"type\":\"forwarding\",\"protocol\":\"tcp\""));
    fd = dial(port);
    run_until(f.devices.pumps.n == 1);
    assert_int_equal(f.devices.pumps.v[0].kind, TUNNEL_TCP);
    assert_int_equal(f.devices.pumps.v[0].port, port);
    assert_int_equal(f.devices.pumps.v[0].flags, 0);
    assert_memory_equal(f.devices.pumps.v[0].target, "\x7f\0\0\1", 4);
    fake_agent_port(&f.devices, GUEST_TCP, "-127.0.0.1", port, 0);
    run_until(!is_open(port));
    assert_true(has_told(&f, "\"stopping\""));
    (void)close(fd);
    fixture_close(&f);
}

static void connections_are_chunked_where_both_sides_can(void **state)
{
    static const struct {
        uint32_t agent_flags, devices_flags;
        uint8_t flags;
    } cases[] = {
        { GUEST_CHUNKED, DEVCTL_CAN_FORWARD, TUNNEL_CHUNKED },
        { GUEST_CHUNKED, 0, 0 },
        { 0, DEVCTL_CAN_FORWARD, 0 },
    };
    uint16_t port = free_port();
    struct fixture f;

    fixture_open(&f, "");
    for (size_t i = 0; i < COUNT(cases); i++) {
        int fd;

        fake_send(&f.devices,
                  &(struct devctl_msg){ .type = DEVCTL_HELLO,
                                        .version = DEVCTL_VERSION,
                                        .flags = cases[i].devices_flags },
                  -1);
        f.devices.agent_flags = cases[i].agent_flags;
        fake_agent_connect(&f.devices);
        fake_agent_port(&f.devices, GUEST_TCP, "127.0.0.1", port, GUEST_PORTS_RESET);
        settle(&f);
        run_until(is_open(port));
        fd = dial(port);
        run_until(f.devices.pumps.n == i + 1);
        assert_int_equal(f.devices.pumps.v[i].flags, cases[i].flags);
        (void)close(fd);
    }
    fixture_close(&f);
}

static void ports_that_every_machine_has_are_no_errors(void **state)
{
    enum { LLMNR = 5355 };
    auto_strv struct strv errors = { 0 };
    struct fixture f;
    int fd = -1;

    (void)!sock_tcp_listen("127.0.0.1", LLMNR, &fd, NULL, NULL); /* or somebody else has it */
    fixture_open(&f, "");
    fake_agent_port(&f.devices, GUEST_TCP, "127.0.0.1", LLMNR, 0);
    run_until(has_told(&f, "\"type\":\"not-forwarding\",\"protocol\":\"tcp\""));
    forwards_errors(f.forwards, &errors);
    assert_int_equal(errors.n, 0);
    assert_false(has_told(&f, "failed"));
    fixture_close(&f);
    if (fd >= 0)
        (void)close(fd);
}

static void what_is_not_told_again_is_gone(void **state)
{
    uint16_t first = free_port(), second = free_port();
    struct fixture f;

    fixture_open(&f, "");
    fake_agent_port(&f.devices, GUEST_TCP, "127.0.0.1", first, 0);
    fake_agent_port(&f.devices, GUEST_TCP, "::1", second, 0);
    run_until(is_open(first) && is_open(second));
    fake_agent_connect(&f.devices); /* a new agent */
    fake_agent_port(&f.devices, GUEST_TCP, "::1", second, GUEST_PORTS_RESET);
    run_until(!is_open(first));
    assert_true(is_open(second));
    fixture_close(&f);
}

static void listeners_share_an_address_of_the_host(void **state)
{
    uint16_t port = free_port();
    struct fixture f;
    int fds[2];

    fixture_open(&f, "");
    fake_agent_port(&f.devices, GUEST_TCP, "0.0.0.0", port, 0);
    fake_agent_port(&f.devices, GUEST_TCP, "::", port, 0);
    run_until(is_open(port));
    settle(&f);
    fds[0] = dial(port);
    run_until(f.devices.pumps.n == 1);
    assert_int_equal(f.devices.pumps.v[0].target_len, 4);
    fake_agent_port(&f.devices, GUEST_TCP, "-0.0.0.0", port, 0);
    settle(&f);
    assert_true(is_open(port));
    fds[1] = dial(port);
    run_until(f.devices.pumps.n == 2);
    assert_int_equal(f.devices.pumps.v[1].target_len, 16);
    fake_agent_port(&f.devices, GUEST_TCP, "-::", port, 0);
    run_until(!is_open(port));
    (void)close(fds[0]);
    (void)close(fds[1]);
    fixture_close(&f);
}

static void ports_without_a_rule_are_named_once(void **state)
{
    struct fixture f;

    fixture_open(&f, "");
    fake_agent_port(&f.devices, GUEST_TCP, "0.0.0.0", 22, 0);
    fake_agent_port(&f.devices, GUEST_UDP, "127.0.0.53", 53, 0);
    settle(&f);
    assert_true(has_told(
        &f, "{\"type\":\"not-forwarding\",\"protocol\":\"tcp\",\"guestAddr\":\"0.0.0.0:22\"}"));
    assert_true(has_told(&f, "\"guestAddr\":\"127.0.0.53:53\""));
    fixture_close(&f);
}

static void nothing_is_watched_when_nothing_is_forwarded(void **state)
{
    struct fixture f;

    fixture_open(&f, "portForwardDefault: none\n");
    assert_int_equal(fake_agent_heard(&f.devices, GUEST_WATCH_PORTS)->flags, 0);
    fixture_close(&f);
    fixture_open(&f, "portForwardDefault: none\nportForwards: [{guestPort: 80, proto: udp}]\n");
    assert_int_equal(fake_agent_heard(&f.devices, GUEST_WATCH_PORTS)->flags, GUEST_WATCH_UDP);
    fixture_close(&f);
    fixture_open(&f, "");
    assert_int_equal(fake_agent_heard(&f.devices, GUEST_WATCH_PORTS)->flags,
                     GUEST_WATCH_TCP | GUEST_WATCH_UDP);
    fixture_close(&f);
}

static void a_taken_port_is_reported_and_forwarded_when_it_is_free(void **state)
{
    auto_strv struct strv errors = { 0 };
    struct fixture f;
    uint16_t port;
    int fd;

    assert_true(sock_tcp_listen("127.0.0.1", 0, &fd, &port, NULL));
    fixture_open(&f, "");
    fake_agent_port(&f.devices, GUEST_TCP, "127.0.0.1", port, 0);
    run_until(has_told(&f, "in use by another program"));
    forwards_errors(f.forwards, &errors);
    assert_int_equal(errors.n, 1);
    (void)close(fd);
    run_until(has_told(&f, "\"forwarding\""));
    assert_true(is_open(port));
    strv_clear(&errors);
    forwards_errors(f.forwards, &errors);
    assert_int_equal(errors.n, 0);
    fixture_close(&f);
}

static char *other_ports;

static void ports_requested(void *arg, struct http_exchange *x)
{
    http_respond(x, 200, "application/json", sv_of(other_ports));
}

static void a_port_of_another_instance_is_reported_by_its_name(void **state)
{
    static const struct http_route routes[] = { { "GET", "/v1/ports", ports_requested } };
    auto_mem char *dir = temp_path("other"), *path = temp_path("other/ha.sock");
    struct http_server *other;
    struct fixture f;
    uint16_t port;
    int fd;

    assert_true(dir_make(dir, 0700, NULL));
    other = http_server_open(&test_loop, path, routes, 1, NULL, NULL);
    assert_non_null(other);
    assert_true(sock_tcp_listen("127.0.0.1", 0, &fd, &port, NULL));
    other_ports = mem_printf("{\"ports\":[{\"hostProtocol\":\"tcp\",\"state\":\"open\","
                             "\"hostAddr\":\"0.0.0.0:%u\"}]}",
                             port);
    fixture_open(&f, "");
    fake_agent_port(&f.devices, GUEST_TCP, "127.0.0.1", port, 0);
    run_until(has_told(&f, "in use by the instance \\\"other\\\""));
    assert_true(has_told(&f, "\"failed\""));
    fixture_close(&f);
    http_server_close(other);
    (void)close(fd);
    free(other_ports);
}

static int udp_client(uint16_t port)
{
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons(port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    return fd;
}

/* Reads a session's preface and first datagram from the guest's end of its stream. */
static void expect_session(int fd, uint16_t port, const char *datagram)
{
    char bytes[512];
    ssize_t n = recv(fd, bytes, sizeof(bytes), 0);
    struct tunnel_preface preface;
    struct sv rest = { bytes, (size_t)n }, got;

    assert_true(n > 0);
    assert_int_equal(tunnel_preface_take(&rest, &preface, NULL), TUNNEL_TAKEN);
    assert_int_equal(preface.kind, TUNNEL_UDP);
    assert_int_equal(preface.port, port);
    assert_true(tunnel_datagram_take(&rest, &got));
    assert_true(sv_eq_str(got, datagram));
}

static void each_udp_peer_has_a_session(void **state)
{
    uint16_t port = free_port();
    auto_sb struct sb answer = { 0 };
    struct fixture f;
    char bytes[64];
    int clients[2];

    fixture_open(&f, "");
    fake_agent_port(&f.devices, GUEST_UDP, "127.0.0.1", port, 0);
    run_until(has_told(&f, "\"protocol\":\"udp\""));
    for (size_t i = 0; i < 2; i++) {
        const char *text = i ? "two" : "one";

        clients[i] = udp_client(port);
        assert_int_equal(send(clients[i], text, 3, 0), 3);
        run_until(f.devices.streams.n == i + 1);
        run_until(is_readable(f.devices.streams.v[i]));
        expect_session(f.devices.streams.v[i], port, text);
    }
    tunnel_datagram_put(&answer, SV("answer"));
    tunnel_datagram_put(&answer, SV(""));
    assert_int_equal(send(f.devices.streams.v[1], answer.p, answer.n, 0), (ssize_t)answer.n);
    run_until(is_readable(clients[1]));
    assert_int_equal(recv(clients[1], bytes, sizeof(bytes), 0), 6);
    run_until(is_readable(clients[1]));
    assert_int_equal(recv(clients[1], bytes, sizeof(bytes), 0), 0); /* an empty datagram */
    assert_false(is_readable(clients[0]));
    (void)close(clients[0]);
    (void)close(clients[1]);
    fixture_close(&f);
}

static int dial_unix(const char *path)
{
    int fd;

    assert_true(sock_unix_connect(path, SOCK_STREAM, &fd, NULL));
    return fd;
}

static void sockets_are_forwarded_and_removed(void **state)
{
    auto_mem char *path = temp_path("x/sock/web.sock");
    auto_mem char *dir = temp_path("x/sock");
    struct fixture f;
    int stale, fd;

    if (!dir_exists(dir))
        assert_true(dir_make(dir, 0700, NULL));
    assert_true(sock_unix_listen(path, SOCK_STREAM, &stale, NULL));
    (void)close(stale); /* the file stays */
    fixture_open(&f, "portForwards: [{guestSocket: /run/web.sock, hostSocket: web.sock}]\n");
    fd = dial_unix(path);
    run_until(f.devices.pumps.n == 1);
    assert_int_equal(f.devices.pumps.v[0].kind, TUNNEL_UNIX);
    assert_int_equal(f.devices.pumps.v[0].flags, TUNNEL_FROM_UNIX);
    assert_string_equal(f.devices.pumps.v[0].target, "/run/web.sock");
    (void)close(fd);
    fixture_close(&f);
    assert_false(file_exists(path));
}

static void static_ports_are_there_without_a_listener(void **state)
{
    uint16_t port = free_port();
    auto_mem char *yaml = mem_printf(
        "portForwards: [{guestPort: 80, hostPort: %u, proto: tcp, static: true}]\n", port);
    struct fixture f;

    fixture_open(&f, yaml);
    assert_true(is_open(port));
    fake_agent_port(&f.devices, GUEST_TCP, "127.0.0.1", 80, 0);
    fake_agent_port(&f.devices, GUEST_TCP, "-127.0.0.1", 80, 0);
    settle(&f);
    assert_true(is_open(port));
    fixture_close(&f);
    assert_false(is_open(port));
}

static void forwards_end_with_devices_and_come_back(void **state)
{
    uint16_t port = free_port();
    struct fixture f;

    fixture_open(&f, "");
    fake_agent_port(&f.devices, GUEST_TCP, "127.0.0.1", port, 0);
    run_until(is_open(port));
    watch_close(MOVE(f.devices.client)); /* `devices` ends */
    run_until(!f.link);
    assert_false(is_open(port));
    f.link = guest_link_open(
        &test_loop, (struct driver_link){ .kind = DRIVER_LINK_DEVICES, .path = f.devices_path },
        &link_events, &f, NULL);
    assert_non_null(f.link);
    fake_accept(&f.devices);
    forwards_attach(f.forwards, f.link);
    assert_true(is_open(port)); /* known until the agent tells otherwise */
    fixture_close(&f);
}

struct report {
    json_t *doc;
};

static void report_came(void *arg, json_t *doc)
{
    struct report *r = arg;

    r->doc = json_incref(doc);
}

static void the_report_has_both_ends_and_counters(void **state)
{
    uint16_t port = free_port();
    struct report r = { 0 };
    struct fixture f;
    json_t *entry;

    fixture_open(&f, "");
    f.devices.counters = (struct devctl_counters){
        .live = 1, .total = 2, .bytes_to_guest = 3, .bytes_from_guest = 4
    };
    fake_agent_port(&f.devices, GUEST_TCP, "::1", port, 0);
    run_until(is_open(port));
    forwards_report(f.forwards, report_came, &r);
    run_until(r.doc);
    entry = json_array_get(json_object_get(r.doc, "ports"), 1); /* behind that of ssh */
    assert_string_equal(json_string_value(json_object_get(entry, "rule")), "default");
    assert_string_equal(json_string_value(json_object_get(entry, "state")), "open");
    assert_int_equal(json_integer_value(json_object_get(entry, "connections")), 1);
    assert_int_equal(json_integer_value(json_object_get(entry, "bytesFromGuest")), 4);
    json_decref(r.doc);

    r.doc = NULL; /* and one that is not answered any more */
    forwards_report(f.forwards, report_came, &r);
    fixture_close(&f);
    assert_non_null(r.doc);
    json_decref(r.doc);
}

static void a_storm_of_ports_is_not_logged_in_full(void **state)
{
    uint64_t size;
    struct fixture f;

    fixture_open(&f, "");
    for (unsigned i = 0; i < 5000; i++) {
        fake_agent_port(&f.devices, GUEST_TCP, "10.1.2.3", (uint16_t)(1000 + i), 0);
        fake_agent_port(&f.devices, GUEST_TCP, "-10.1.2.3", (uint16_t)(1000 + i), 0);
    }
    settle(&f);
    assert_true(file_size(f.events_path, &size, NULL));
    assert_true(size < 1 << 20);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        loop_test(a_port_comes_and_goes_with_its_listener),
        loop_test(connections_are_chunked_where_both_sides_can),
        loop_test(ports_that_every_machine_has_are_no_errors),
        loop_test(what_is_not_told_again_is_gone),
        loop_test(listeners_share_an_address_of_the_host),
        loop_test(ports_without_a_rule_are_named_once),
        loop_test(nothing_is_watched_when_nothing_is_forwarded),
        loop_test(a_taken_port_is_reported_and_forwarded_when_it_is_free),
        loop_test(a_port_of_another_instance_is_reported_by_its_name),
        loop_test(each_udp_peer_has_a_session),
        loop_test(sockets_are_forwarded_and_removed),
        loop_test(static_ports_are_there_without_a_listener),
        loop_test(forwards_end_with_devices_and_come_back),
        loop_test(the_report_has_both_ends_and_counters),
        loop_test(a_storm_of_ports_is_not_logged_in_full),
    };

    log_setup(LOG_ERROR, LOG_FORMAT_TEXT);
    return cmocka_run_group_tests(tests, temp_dir_setup, temp_dir_teardown);
}
