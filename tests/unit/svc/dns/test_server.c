/* The DNS server, asked as a guest asks; the name servers of the host are played by the test. */
#include "svc/dns/server.h"

#include "base/log.h"
#include "base/num.h"
#include "svc/dns/lookup.h"
#include "sys/file.h"
#include "temp_dir.h"

#include "fake_name_server.h"

static const char *const zone[] = {
    "www.example. 60 IN A 10.0.0.1",
    "www.example. 60 IN AAAA 2001:db8::1",
    "www.example. 60 IN MX 10 mail.example.",
    "www.example. 60 IN TXT \"hello world\"",
    "alias.example. 60 IN CNAME www.example.",
    "_http._tcp.example. 60 IN SRV 1 2 80 www.example.",
    "9.0.0.10.in-addr.arpa. 60 IN PTR nine.example.",
    "db.corp.example. 60 IN A 10.0.0.2",
    "v4only.lab.example. 60 IN A 10.0.0.3",
    "a.b. 60 IN A 10.0.0.4",
    "c.d.corp.example. 60 IN A 10.0.0.5",
    "txt.corp.example. 60 IN TXT \"no address\"",
    NULL,
};

struct fixture {
    struct fake_name_server ns[2];
    struct dns_names names;
    struct dns_server *server;
    struct dns_client client;
    char *conf_path, *hosts_path;
    char *answer; /* "NOERROR qr rd ra: name type data; ..." of the last one; owned */
    unsigned n_answers;
    size_t answer_len;
};

/* What matters of an answer, as text. */
static char *describe(struct sv answer)
{
    struct sb out = { 0 };
    auto_mem char *rcode = NULL;
    ldns_pkt *pkt;

    assert_int_equal(ldns_wire2pkt(&pkt, (const uint8_t *)answer.p, answer.n), LDNS_STATUS_OK);
    assert_true(ldns_pkt_qr(pkt) && ldns_pkt_ra(pkt) && ldns_pkt_id(pkt) == 0x55aa);
    rcode = ldns_pkt_rcode2str(ldns_pkt_get_rcode(pkt));
    sb_putf(&out, "%s%s%s%s", rcode, ldns_pkt_tc(pkt) ? " tc" : "", ldns_pkt_ad(pkt) ? " ad" : "",
            ldns_pkt_edns(pkt) ? " edns" : "");
    for (size_t i = 0; i < ldns_pkt_ancount(pkt); i++) {
        const ldns_rr *rr = ldns_rr_list_rr(ldns_pkt_answer(pkt), i);
        auto_mem char *name = ldns_rdf2str(ldns_rr_owner(rr));
        auto_mem char *type = ldns_rr_type2str(ldns_rr_get_type(rr));

        sb_putf(&out, "; %s %s", name, type);
        for (size_t j = 0; j < ldns_rr_rd_count(rr); j++) {
            auto_mem char *data = ldns_rdf2str(ldns_rr_rdf(rr, j));

            sb_putf(&out, " %s", data);
        }
    }
    ldns_pkt_free(pkt);
    return sb_steal(&out);
}

static void answered(struct dns_client *client, struct sv answer)
{
    struct fixture *f = CONTAINER_OF(client, struct fixture, client);

    f->n_answers++;
    f->answer_len = answer.n;
    mem_replace(&f->answer, describe(answer));
}

static void put(const char *path, const char *text)
{
    assert_true(file_write_atomic(path, sv_of(text), 0644, NULL));
}

/* resolv.conf with both servers and more lines. */
static void put_conf(struct fixture *f, const char *lines)
{
    auto_mem char *text = mem_printf("nameserver [127.0.0.1]:%u\nnameserver [127.0.0.1]:%u\n%s\n",
                                     f->ns[0].port, f->ns[1].port, lines);

    put(f->conf_path, text);
}

static void fixture_open(struct fixture *f, const char *lines, bool answers_aaaa)
{
    *f = (struct fixture){ .conf_path = temp_path("resolv.conf"),
                           .hosts_path = temp_path("hosts"),
                           .client.on_answer = answered };
    fake_name_server_open(&f->ns[0], zone);
    fake_name_server_open(&f->ns[1], zone);
    put_conf(f, lines);
    put(f->hosts_path, "10.0.0.7 printer printer.lan\n10.0.0.8 printer\nfd00::7 printer\n");
    assert_true(dns_names_set(&f->names, "host.lima.internal", "192.168.5.2", NULL));
    assert_true(dns_names_set(&f->names, "Host.Name", "host.lima.internal", NULL));
    assert_true(dns_names_set(&f->names, "web.test", "www.example", NULL));
    assert_true(dns_names_set(&f->names, "short.test", "db", NULL));
    assert_true(dns_names_set(&f->names, "one.test", "two.test", NULL));
    assert_true(dns_names_set(&f->names, "two.test", "one.test", NULL));
    assert_true(dns_names_set(&f->names, "six.test", "fd00::6", NULL));
    assert_true(dns_names_set(&f->names, "www.example", "1.1.1.1", NULL));
    f->server = dns_server_open(&(struct dns_server_params){ .loop = &test_loop,
                                                             .names = &f->names,
                                                             .answers_aaaa = answers_aaaa,
                                                             .resolv_conf_path = f->conf_path,
                                                             .hosts_path = f->hosts_path });
    dns_client_init(&f->client);
}

static void fixture_close(struct fixture *f)
{
    dns_client_done(&f->client);
    dns_server_close(f->server);
    dns_names_done(&f->names);
    fake_name_server_close(&f->ns[0]);
    fake_name_server_close(&f->ns[1]);
    free(f->conf_path);
    free(f->hosts_path);
    free(f->answer);
}

static void put_query(struct sb *out, const char *name, const char *type, uint16_t edns)
{
    ldns_pkt *pkt = NULL;
    auto_mem uint8_t *bytes = NULL;
    size_t n;

    assert_int_equal(ldns_pkt_query_new_frm_str(&pkt, name, ldns_get_rr_type_by_name(type),
                                                LDNS_RR_CLASS_IN, LDNS_RD),
                     LDNS_STATUS_OK);
    ldns_pkt_set_id(pkt, 0x55aa);
    if (edns)
        ldns_pkt_set_edns_udp_size(pkt, edns);
    assert_int_equal(ldns_pkt2wire(&bytes, pkt, &n), LDNS_STATUS_OK);
    sb_put_mem(out, bytes, n);
    ldns_pkt_free(pkt);
}

static void ask(struct fixture *f, const char *name, const char *type, uint16_t edns,
                enum dns_transport transport)
{
    auto_sb struct sb query = { 0 };

    put_query(&query, name, type, edns);
    dns_server_ask(f->server, &f->client, sb_view(&query), transport);
}

/* Asks over UDP and compares the answer. */
static void expect(struct fixture *f, const char *name, const char *type, const char *answer)
{
    unsigned before = f->n_answers;

    ask(f, name, type, 0, DNS_UDP);
    run_until(f->n_answers > before);
    if (strcmp(f->answer, answer) != 0)
        fail_msg("%s %s: %s, not %s", name, type, f->answer, answer);
    assert_int_equal(f->client.n_queries, 0);
}

static unsigned n_asked(const struct fixture *f)
{
    return f->ns[0].n_udp + f->ns[0].n_tcp + f->ns[1].n_udp + f->ns[1].n_tcp;
}

static void known_names_ask_nobody(void **state)
{
    static const struct {
        const char *name, *type, *answer;
    } cases[] = {
        { "host.lima.internal.", "A", "NOERROR; host.lima.internal. A 192.168.5.2" },
        { "HOST.Lima.Internal.", "A", "NOERROR; HOST.Lima.Internal. A 192.168.5.2" },
        { "host.lima.internal.", "AAAA", "NOERROR" },
        { "host.lima.internal.", "CNAME", "NOERROR" },
        { "host.name.", "A",
          "NOERROR; host.name. CNAME host.lima.internal.; host.lima.internal. A 192.168.5.2" },
        { "host.name.", "CNAME", "NOERROR; host.name. CNAME host.lima.internal." },
        { "2.5.168.192.in-addr.arpa.", "PTR",
          "NOERROR; 2.5.168.192.in-addr.arpa. PTR host.lima.internal." },
        { "six.test.", "A", "NOERROR" },
        { "six.test.", "AAAA", "NOERROR; six.test. AAAA fd00::6" },
        { "www.example.", "A", "NOERROR; www.example. A 1.1.1.1" },
        { "web.test.", "A", "NOERROR; web.test. CNAME www.example.; www.example. A 1.1.1.1" },
        { "printer.", "A", "NOERROR; printer. A 10.0.0.7; printer. A 10.0.0.8" },
        { "printer.", "AAAA", "NOERROR; printer. AAAA fd00::7" },
        { "7.0.0.10.in-addr.arpa.", "PTR", "NOERROR; 7.0.0.10.in-addr.arpa. PTR printer." },
    };
    struct fixture f;

    fixture_open(&f, "", true);
    for (size_t i = 0; i < COUNT(cases); i++)
        expect(&f, cases[i].name, cases[i].type, cases[i].answer);
    assert_int_equal(n_asked(&f), 0);
    fixture_close(&f);
}

static void every_type_comes_from_the_name_server(void **state)
{
    static const struct {
        const char *name, *type, *answer;
    } cases[] = {
        { "a.b.", "A", "NOERROR; a.b. A 10.0.0.4" },
        { "www.example.", "MX", "NOERROR; www.example. MX 10 mail.example." },
        { "www.example.", "TXT", "NOERROR; www.example. TXT \"hello world\"" },
        { "www.example.", "NS", "NOERROR" },
        { "_http._tcp.example.", "SRV", "NOERROR; _http._tcp.example. SRV 1 2 80 www.example." },
        { "9.0.0.10.in-addr.arpa.", "PTR", "NOERROR; 9.0.0.10.in-addr.arpa. PTR nine.example." },
        { "alias.example.", "CNAME", "NOERROR; alias.example. CNAME www.example." },
        { "nothing.example.", "A", "NXDOMAIN" },
        /* It exists, whatever they say. */
        { "host.lima.internal.", "MX", "NOERROR" },
        /* It leads nowhere, but exists. */
        { "one.test.", "A", "NOERROR" },
    };
    struct fixture f;

    fixture_open(&f, "", true);
    for (size_t i = 0; i < COUNT(cases); i++)
        expect(&f, cases[i].name, cases[i].type, cases[i].answer);
    assert_int_equal(f.ns[0].n_udp, COUNT(cases));
    assert_int_equal(f.ns[1].n_udp, 0);
    fixture_close(&f);
}

static void ipv6_can_be_off(void **state)
{
    struct fixture f;

    fixture_open(&f, "", false);
    expect(&f, "www.example.", "AAAA", "NOERROR");
    expect(&f, "six.test.", "AAAA", "NOERROR");
    expect(&f, "nothing.example.", "AAAA", "NOERROR");
    assert_int_equal(n_asked(&f), 0);
    fixture_close(&f);
}

static void search_domains_are_those_of_the_host(void **state)
{
    static const struct {
        const char *name, *type, *answer;
    } cases[] = {
        { "db.", "A", "NOERROR; db. CNAME db.corp.example.; db.corp.example. A 10.0.0.2" },
        { "v4only.", "A",
          "NOERROR; v4only. CNAME v4only.lab.example.; v4only.lab.example. A 10.0.0.3" },
        { "v4only.", "AAAA", "NOERROR" },
        { "nothing.", "A", "NXDOMAIN" },
        { "db.", "TXT", "NXDOMAIN" }, /* only addresses are searched for */
        { "txt.", "A", "NOERROR" },
        { "a.b.", "A", "NOERROR; a.b. A 10.0.0.4" },
        { "c.d.", "A", "NOERROR; c.d. CNAME c.d.corp.example.; c.d.corp.example. A 10.0.0.5" },
        { "x.y.z.", "A", "NXDOMAIN" },
        { "short.test.", "A",
          "NOERROR; short.test. CNAME db.; db. CNAME db.corp.example.; db.corp.example. A "
          "10.0.0.2" },
    };
    struct fixture f;

    fixture_open(&f, "search corp.example lab.example\noptions ndots:2", true);
    for (size_t i = 0; i < COUNT(cases); i++)
        expect(&f, cases[i].name, cases[i].type, cases[i].answer);
    fixture_close(&f);
}

static void a_server_that_refuses_is_passed_over(void **state)
{
    static const unsigned rcodes[] = { LDNS_RCODE_SERVFAIL, LDNS_RCODE_REFUSED,
                                       LDNS_RCODE_NOTIMPL };
    struct fixture f;

    fixture_open(&f, "", true);
    for (size_t i = 0; i < COUNT(rcodes); i++) {
        f.ns[0].rcode = rcodes[i];
        expect(&f, "a.b.", "A", "NOERROR; a.b. A 10.0.0.4");
        assert_int_equal(f.ns[1].n_udp, i + 1);
    }
    f.ns[1].rcode = LDNS_RCODE_SERVFAIL;
    expect(&f, "a.b.", "A", "SERVFAIL");
    fixture_close(&f);
}

static void a_server_that_is_gone_is_asked_last(void **state)
{
    struct fixture f;

    fixture_open(&f, "options timeout:1", true);
    watch_close(MOVE(f.ns[0].udp)); /* the port is closed: refused at once */
    expect(&f, "a.b.", "A", "NOERROR; a.b. A 10.0.0.4");
    f.ns[1].rcode = LDNS_RCODE_SERVFAIL;
    expect(&f, "a.b.", "A", "SERVFAIL");
    fixture_close(&f);
}

static void the_order_of_servers_follows_their_deeds(void **state)
{
    struct dns_servers servers = { 0 };
    struct resolv_conf conf = { 0 };
    size_t order[RESOLV_SERVERS_MAX];

    resolv_conf_parse(SV("nameserver 1.1.1.1\nnameserver 2.2.2.2\nnameserver 3.3.3.3\n"), &conf);
    dns_servers_set(&servers, &conf);
    servers.shunned_until_ns[0] = 100;
    assert_int_equal(dns_servers_order(&servers, 50, order), 3);
    assert_true(order[0] == 1 && order[1] == 2 && order[2] == 0);
    assert_int_equal(dns_servers_order(&servers, 100, order), 3);
    assert_true(order[0] == 0 && order[1] == 1 && order[2] == 2);
    resolv_conf_done(&conf);

    /* Marks stay with their servers; turns are taken with "rotate". */
    resolv_conf_parse(SV("nameserver 3.3.3.3\nnameserver 1.1.1.1\noptions rotate\n"), &conf);
    dns_servers_set(&servers, &conf);
    assert_int_equal(servers.shunned_until_ns[1], 100);
    assert_int_equal(dns_servers_order(&servers, 200, order), 2);
    assert_true(order[0] == 0 && order[1] == 1);
    assert_int_equal(dns_servers_order(&servers, 200, order), 2);
    assert_true(order[0] == 1 && order[1] == 0);
    resolv_conf_done(&conf);
    dns_servers_done(&servers);
}

static void nobody_who_answers_is_a_failure(void **state)
{
    struct fixture f;

    fixture_open(&f, "", true);
    watch_close(MOVE(f.ns[0].udp));
    watch_close(MOVE(f.ns[1].udp));
    expect(&f, "a.b.", "A", "SERVFAIL");
    put(f.conf_path, "# no server\n");
    expect(&f, "a.b.", "A", "SERVFAIL");
    fixture_close(&f);
}

static void a_silent_server_costs_its_time_out(void **state)
{
    struct fixture f;

    fixture_open(&f, "options timeout:1", true);
    f.ns[0].is_silent = true;
    expect(&f, "a.b.", "A", "NOERROR; a.b. A 10.0.0.4");
    assert_int_equal(f.ns[0].n_udp, 1);
    expect(&f, "a.b.", "A", "NOERROR; a.b. A 10.0.0.4");
    assert_int_equal(f.ns[0].n_udp, 1); /* the other one first, for a while */
    fixture_close(&f);
}

static void a_search_ends_when_nobody_answers(void **state)
{
    struct fixture f;

    fixture_open(&f, "search corp.example lab.example\noptions timeout:1 attempts:1", true);
    f.ns[0].is_silent = f.ns[1].is_silent = true;
    expect(&f, "db.", "A", "SERVFAIL");
    assert_int_equal(n_asked(&f), 2); /* each once, for the first name */
    fixture_close(&f);
}

static void what_does_not_belong_to_the_question_is_not_heard(void **state)
{
    struct fixture f;

    fixture_open(&f, "", true);
    f.ns[0].says_other_first = true;
    expect(&f, "a.b.", "A", "NOERROR; a.b. A 10.0.0.4");
    assert_int_equal(n_asked(&f), 1);
    fixture_close(&f);
}

static void a_cut_answer_is_asked_for_over_tcp(void **state)
{
    struct fixture f;

    fixture_open(&f, "", true);
    f.ns[0].cuts_datagrams = true;
    expect(&f, "a.b.", "A", "NOERROR; a.b. A 10.0.0.4");
    assert_int_equal(f.ns[0].n_udp, 1);
    assert_int_equal(f.ns[0].n_tcp, 1);
    f.ns[0].closes = true; /* the next one then */
    expect(&f, "a.b.", "A", "NOERROR; a.b. A 10.0.0.4");
    assert_int_equal(f.ns[1].n_udp, 1);
    fixture_close(&f);
}

static void an_answer_that_stays_cut_is_none_over_tcp(void **state)
{
    struct fixture f;

    fixture_open(&f, "options attempts:1", true);
    for (size_t i = 0; i < COUNT(f.ns); i++)
        f.ns[i].cuts_datagrams = f.ns[i].closes = true;
    expect(&f, "a.b.", "A", "NOERROR tc");
    ask(&f, "a.b.", "A", 0, DNS_TCP);
    run_until(f.n_answers == 2);
    assert_string_equal(f.answer, "SERVFAIL");
    fixture_close(&f);
}

static void only_tcp_when_the_file_says_so(void **state)
{
    struct fixture f;

    fixture_open(&f, "options use-vc", true);
    expect(&f, "a.b.", "A", "NOERROR; a.b. A 10.0.0.4");
    assert_int_equal(f.ns[0].n_udp, 0);
    assert_int_equal(f.ns[0].n_tcp, 1);
    fixture_close(&f);
}

static void long_answers_reach_who_can_take_them(void **state)
{
    const char *records[61] = { NULL };
    struct strv texts = { 0 };
    struct fixture f;

    fixture_open(&f, "", true);
    for (size_t i = 0; i < 60; i++)
        strv_pushf(&texts, "many.example. 60 IN A 10.1.0.%zu", i);
    for (size_t i = 0; i < 60; i++)
        records[i] = texts.v[i];
    f.ns[0].records = records;

    ask(&f, "many.example.", "A", 0, DNS_TCP);
    run_until(f.n_answers == 1);
    assert_true(str_starts(f.answer, "NOERROR; many.example. A 10.1.0.0; "));
    assert_true(str_ends(f.answer, "A 10.1.0.59"));
    ask(&f, "many.example.", "A", 0, DNS_UDP);
    run_until(f.n_answers == 2);
    assert_true(str_starts(f.answer, "NOERROR tc; many.example. A 10.1.0.0; "));
    assert_true(f.answer_len <= 512);
    ask(&f, "many.example.", "A", 2000, DNS_UDP);
    run_until(f.n_answers == 3);
    assert_true(str_starts(f.answer, "NOERROR edns; "));
    assert_true(str_ends(f.answer, "A 10.1.0.59"));
    strv_done(&texts);
    fixture_close(&f);
}

static void edns_is_for_those_who_know_it(void **state)
{
    struct fixture f;

    fixture_open(&f, "", true);
    expect(&f, "a.b.", "A", "NOERROR; a.b. A 10.0.0.4");
    assert_false(f.ns[0].last_had_edns);
    ask(&f, "a.b.", "A", 1400, DNS_UDP);
    run_until(f.n_answers == 2);
    assert_true(f.ns[0].last_had_edns);
    assert_string_equal(f.answer, "NOERROR edns; a.b. A 10.0.0.4");
    f.ns[0].hates_edns = true;
    ask(&f, "a.b.", "A", 1400, DNS_UDP);
    run_until(f.n_answers == 3);
    assert_false(f.ns[0].last_had_edns);
    assert_string_equal(f.answer, "NOERROR edns; a.b. A 10.0.0.4");
    fixture_close(&f);
}

static void authentic_data_needs_trust(void **state)
{
    struct fixture f;

    fixture_open(&f, "", true);
    f.ns[0].is_authentic = true;
    expect(&f, "a.b.", "A", "NOERROR; a.b. A 10.0.0.4");
    put_conf(&f, "options trust-ad");
    expect(&f, "a.b.", "A", "NOERROR ad; a.b. A 10.0.0.4");
    fixture_close(&f);
}

static void a_new_resolver_counts_from_the_next_query(void **state)
{
    static const char *const vpn_zone[] = { "a.b. 60 IN A 172.16.0.1", NULL };
    auto_mem char *text = NULL;
    struct fixture f;

    fixture_open(&f, "", true);
    f.ns[1].records = vpn_zone;
    expect(&f, "a.b.", "A", "NOERROR; a.b. A 10.0.0.4");
    text = mem_printf("nameserver [127.0.0.1]:%u\n", f.ns[1].port);
    put(f.conf_path, text);
    expect(&f, "a.b.", "A", "NOERROR; a.b. A 172.16.0.1");
    put(f.hosts_path, "10.9.9.9 a.b\n");
    expect(&f, "a.b.", "A", "NOERROR; a.b. A 10.9.9.9");
    fixture_close(&f);
}

static void there_is_a_limit_of_queries(void **state)
{
    struct fixture f;

    fixture_open(&f, "", true);
    f.ns[0].is_silent = f.ns[1].is_silent = true;
    for (unsigned i = 0; i < DNS_CLIENT_QUERIES_MAX; i++)
        ask(&f, "a.b.", "A", 0, DNS_TCP);
    assert_int_equal(f.client.n_queries, DNS_CLIENT_QUERIES_MAX);
    assert_int_equal(f.n_answers, 0);
    ask(&f, "a.b.", "A", 0, DNS_TCP);
    assert_int_equal(f.n_answers, 1);
    assert_string_equal(f.answer, "SERVFAIL");
    ask(&f, "host.lima.internal.", "A", 0, DNS_TCP); /* costs nothing */
    assert_string_equal(f.answer, "NOERROR; host.lima.internal. A 192.168.5.2");
    fixture_close(&f); /* the others have no answer, and leave nothing */
}

static void noise_has_no_answer(void **state)
{
    struct fixture f;

    fixture_open(&f, "", true);
    dns_server_ask(f.server, &f.client, SV("x"), DNS_UDP);
    dns_server_ask(f.server, &f.client, SV(""), DNS_TCP);
    assert_int_equal(f.n_answers, 0);
    assert_int_equal(f.client.n_queries, 0);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        loop_test(known_names_ask_nobody),
        loop_test(every_type_comes_from_the_name_server),
        loop_test(ipv6_can_be_off),
        loop_test(search_domains_are_those_of_the_host),
        loop_test(a_server_that_refuses_is_passed_over),
        loop_test(a_server_that_is_gone_is_asked_last),
        cmocka_unit_test(the_order_of_servers_follows_their_deeds),
        loop_test(nobody_who_answers_is_a_failure),
        loop_test(a_silent_server_costs_its_time_out),
        loop_test(a_search_ends_when_nobody_answers),
        loop_test(what_does_not_belong_to_the_question_is_not_heard),
        loop_test(a_cut_answer_is_asked_for_over_tcp),
        loop_test(an_answer_that_stays_cut_is_none_over_tcp),
        loop_test(only_tcp_when_the_file_says_so),
        loop_test(long_answers_reach_who_can_take_them),
        loop_test(edns_is_for_those_who_know_it),
        loop_test(authentic_data_needs_trust),
        loop_test(a_new_resolver_counts_from_the_next_query),
        loop_test(there_is_a_limit_of_queries),
        loop_test(noise_has_no_answer),
    };

    log_setup(LOG_PANIC, LOG_FORMAT_TEXT);
    return cmocka_run_group_tests(tests, temp_dir_setup, temp_dir_teardown);
}
