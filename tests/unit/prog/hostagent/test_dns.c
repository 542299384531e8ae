/* The guest's name server: the guest agent and `devices` are played by the test. */
#include "prog/hostagent/dns.h"

#include "fake_name_server.h"
#include "forwards_fixture.h"

static const struct driver_facts facts = { .guest_address = "192.168.5.15",
                                           .gateway_address = "192.168.5.2",
                                           .dns_address = "192.168.5.3" };

static struct dns *open_dns_with(struct fixture *f, const char *resolv_conf_path)
{
    return dns_open(&(struct dns_params){ .loop = &test_loop,
                                          .config = &f->config,
                                          .facts = &facts,
                                          .hostname = "lima-x",
                                          .resolv_conf_path = resolv_conf_path });
}

static struct dns *open_dns(struct fixture *f)
{
    return open_dns_with(f, "/dev/null");
}

/* The last LISTEN of a protocol; NULL = none. */
static const struct guest_msg *listen_of(const struct fixture *f, enum guest_proto proto)
{
    for (size_t i = f->devices.said.n; i-- > 0;)
        if (f->devices.said.v[i].type == GUEST_LISTEN && f->devices.said.v[i].proto == proto)
            return &f->devices.said.v[i];
    return NULL;
}

/* A connection of the guest to the vsock port of a protocol; blocking. */
static int connect_guest(struct fixture *f, enum guest_proto proto)
{
    int fds[2];

    assert_true(sock_pair(SOCK_STREAM, fds, NULL));
    fake_send(&f->devices,
              &(struct devctl_msg){ .type = DEVCTL_ACCEPTED,
                                    .peer_port = 1,
                                    .port = listen_of(f, proto)->vsock_port },
              fds[0]);
    (void)close(fds[0]);
    return fds[1];
}

static void ask(int fd, const char *name)
{
    auto_sb struct sb out = { 0 };
    auto_mem uint8_t *bytes = NULL;
    ldns_pkt *pkt;
    size_t n;

    assert_int_equal(
        ldns_pkt_query_new_frm_str(&pkt, name, LDNS_RR_TYPE_A, LDNS_RR_CLASS_IN, LDNS_RD),
        LDNS_STATUS_OK);
    assert_int_equal(ldns_pkt2wire(&bytes, pkt, &n), LDNS_STATUS_OK);
    ldns_pkt_free(pkt);
    tunnel_datagram_put(&out, (struct sv){ (const char *)bytes, n });
    assert_int_equal(send(fd, out.p, out.n, 0), (ssize_t)out.n);
}

/* The data of the last record of the answer; owned. */
static char *read_answer(int fd)
{
    char bytes[2048], *text;
    struct sv rest, message;
    ldns_rr_list *records;
    ldns_pkt *pkt;
    ssize_t n;

    run_until(is_readable(fd));
    n = recv(fd, bytes, sizeof(bytes), 0);
    assert_true(n > 0);
    rest = (struct sv){ bytes, (size_t)n };
    assert_true(tunnel_datagram_take(&rest, &message));
    assert_int_equal(ldns_wire2pkt(&pkt, (const uint8_t *)message.p, message.n), LDNS_STATUS_OK);
    records = ldns_pkt_answer(pkt);
    assert_true(ldns_rr_list_rr_count(records) > 0);
    text =
        ldns_rdf2str(ldns_rr_rdf(ldns_rr_list_rr(records, ldns_rr_list_rr_count(records) - 1), 0));
    ldns_pkt_free(pkt);
    return text;
}

static void expect(int fd, const char *name, const char *data)
{
    auto_mem char *text = NULL;

    ask(fd, name);
    text = read_answer(fd);
    assert_string_equal(text, data);
}

static void the_guest_is_told_to_listen(void **state)
{
    static const enum guest_proto protos[] = { GUEST_UDP, GUEST_TCP };
    struct fixture f;
    struct dns *d;

    fixture_open(&f, "");
    d = open_dns(&f);
    dns_greeted(d, f.link);
    run_until(listen_of(&f, GUEST_UDP) && listen_of(&f, GUEST_TCP) && f.devices.listens.n == 3);
    for (size_t i = 0; i < COUNT(protos); i++) {
        const struct guest_msg *msg = listen_of(&f, protos[i]);

        assert_int_equal(msg->port, 53);
        assert_int_equal(msg->address.n, 4);
        assert_int_equal(msg->flags, GUEST_LISTEN_ADDRESS | GUEST_LISTEN_DNS);
        assert_true(dns_answer(d, &(struct guest_msg){ .id = msg->id }));
    }
    assert_false(dns_answer(d, &(struct guest_msg){ .id = 0x10001 })); /* a reverse forward's */

    /* Another agent is asked anew, on the same ports. */
    fake_agent_forget(&f.devices);
    dns_lost(d);
    dns_greeted(d, f.link);
    run_until(listen_of(&f, GUEST_UDP) && listen_of(&f, GUEST_TCP));
    assert_int_equal(f.devices.listens.n, 3);
    dns_detach(d);
    settle(&f);
    run_until(f.devices.listens.n == 1);
    dns_close(d);
    fixture_close(&f);
}

static void names_of_the_configuration_are_known(void **state)
{
    struct fixture f;
    struct dns *d;
    int udp, tcp;

    fixture_open(&f, "hostResolver: {hosts: {db: 10.1.1.1, h: host.lima.internal, "
                     "lima-x: 6.6.6.6, '..': 1.1.1.1}}\n");
    d = open_dns(&f);
    dns_greeted(d, f.link);
    run_until(f.devices.listens.n == 3 && listen_of(&f, GUEST_TCP));
    udp = connect_guest(&f, GUEST_UDP);
    expect(udp, "db.", "10.1.1.1");
    expect(udp, "h.", "192.168.5.2");
    expect(udp, "host.lima.internal.", "192.168.5.2");
    expect(udp, "lima-x.", "192.168.5.15");
    tcp = connect_guest(&f, GUEST_TCP);
    expect(tcp, "lima-x.internal.", "192.168.5.15");
    expect(tcp, "db.", "10.1.1.1");
    (void)close(udp);
    settle(&f);
    dns_detach(d); /* the other connection ends */
    run_until(is_readable(tcp));
    assert_int_equal(recv(tcp, &(char){ 0 }, 1, 0), 0);
    (void)close(tcp);
    dns_close(d);
    fixture_close(&f);
}

static void who_asks_no_more_still_gets_the_answer(void **state)
{
    static const char *const zone[] = { "a.example. 60 IN A 10.0.0.1", NULL };
    auto_mem char *path = temp_path("resolv.conf");
    auto_mem char *text = NULL;
    auto_mem char *data = NULL;
    struct fake_name_server ns;
    struct fixture f;
    struct dns *d;
    int tcp;

    fixture_open(&f, "");
    fake_name_server_open(&ns, zone);
    text = mem_printf("nameserver [127.0.0.1]:%u\n", ns.port);
    assert_true(file_write_atomic(path, sv_of(text), 0644, NULL));
    d = open_dns_with(&f, path);
    dns_greeted(d, f.link);
    run_until(f.devices.listens.n == 3 && listen_of(&f, GUEST_TCP));
    tcp = connect_guest(&f, GUEST_TCP);
    ask(tcp, "a.example.");
    assert_int_equal(shutdown(tcp, SHUT_WR), 0);
    data = read_answer(tcp);
    assert_string_equal(data, "10.0.0.1");
    run_until(is_readable(tcp));
    assert_int_equal(recv(tcp, &(char){ 0 }, 1, 0), 0);
    (void)close(tcp);
    dns_close(d);
    fake_name_server_close(&ns);
    fixture_close(&f);
}

static void a_refusal_is_no_end(void **state)
{
    struct fixture f;
    struct dns *d;

    fixture_open(&f, "");
    d = open_dns(&f);
    dns_greeted(d, f.link);
    run_until(listen_of(&f, GUEST_UDP));
    assert_true(dns_answer(d, &(struct guest_msg){ .id = listen_of(&f, GUEST_UDP)->id,
                                                   .text = SV("port in use \x1b") }));
    dns_close(d);
    /* Answers that come late are nobody's harm. */
    assert_false(dns_answer(NULL, &(struct guest_msg){ .id = 1 }));
    fixture_close(&f);
}

static void it_can_be_off(void **state)
{
    struct fixture f;
    struct dns *d;

    fixture_open(&f, "hostResolver: {enabled: false}\n");
    d = open_dns(&f);
    assert_null(d);
    dns_greeted(d, f.link);
    settle(&f);
    assert_null(fake_agent_heard(&f.devices, GUEST_LISTEN));
    dns_lost(d);
    dns_detach(d);
    dns_close(d);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        loop_test(the_guest_is_told_to_listen),
        loop_test(names_of_the_configuration_are_known),
        loop_test(who_asks_no_more_still_gets_the_answer),
        loop_test(a_refusal_is_no_end),
        loop_test(it_can_be_off),
    };

    log_setup(LOG_PANIC, LOG_FORMAT_TEXT);
    return cmocka_run_group_tests(tests, temp_dir_setup, temp_dir_teardown);
}
