#include "svc/dns/message.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include "base/mem.h"
#include "unit_test.h"

/* A query as a guest sends it; edns: the size it takes, 0 = none. */
static void put_query(struct sb *out, const char *name, ldns_rr_type type, uint16_t edns)
{
    ldns_pkt *pkt = NULL;
    auto_mem uint8_t *bytes = NULL;
    size_t n;

    assert_int_equal(ldns_pkt_query_new_frm_str(&pkt, name, type, LDNS_RR_CLASS_IN, LDNS_RD),
                     LDNS_STATUS_OK);
    ldns_pkt_set_id(pkt, 0x1234);
    if (edns)
        ldns_pkt_set_edns_udp_size(pkt, edns);
    assert_int_equal(ldns_pkt2wire(&bytes, pkt, &n), LDNS_STATUS_OK);
    sb_put_mem(out, bytes, n);
    ldns_pkt_free(pkt);
}

static ldns_pkt *decode(struct sv bytes)
{
    ldns_pkt *pkt;

    assert_int_equal(ldns_wire2pkt(&pkt, (const uint8_t *)bytes.p, bytes.n), LDNS_STATUS_OK);
    return pkt;
}

static void a_query_is_taken_apart(void **state)
{
    auto_sb struct sb bytes = { 0 };
    auto_mem char *name = NULL;
    struct dns_query q;

    put_query(&bytes, "WWW.Example.com.", LDNS_RR_TYPE_MX, 4096);
    assert_true(dns_query_decode(&q, sb_view(&bytes)));
    name = ldns_rdf2str(q.name);
    assert_string_equal(name, "WWW.Example.com.");
    assert_string_equal(q.key, "www.example.com");
    assert_int_equal(q.id, 0x1234);
    assert_int_equal(q.type, LDNS_RR_TYPE_MX);
    assert_int_equal(q.udp_size, 4096);
    assert_int_equal(q.error, 0);
    assert_true(q.recursion_desired && q.has_edns && !q.dnssec_ok && !q.checking_disabled);
    dns_query_done(&q);
}

static void what_is_no_query_has_no_answer(void **state)
{
    auto_sb struct sb bytes = { 0 };
    struct dns_query q;

    put_query(&bytes, "a.", LDNS_RR_TYPE_A, 0);
    assert_false(dns_query_decode(&q, sv_slice(sb_view(&bytes), 0, 11)));
    assert_false(dns_query_decode(&q, SV("")));
    bytes.p[2] |= (char)0x80; /* a response */
    assert_false(dns_query_decode(&q, sb_view(&bytes)));
}

/* The reply to a query of which one byte is changed. */
static ldns_pkt *reply_to_changed(size_t at, uint8_t value, size_t cut)
{
    auto_sb struct sb bytes = { 0 }, out = { 0 };
    struct dns_query q;
    ldns_pkt *reply;

    put_query(&bytes, "a.example.", LDNS_RR_TYPE_A, 1400);
    bytes.p[at] = (char)value;
    assert_true(dns_query_decode(&q, sv_slice(sb_view(&bytes), 0, bytes.n - cut)));
    assert_true(q.error);
    reply = dns_reply_new(&q, q.error);
    dns_reply_encode(reply, &q, DNS_UDP, &out);
    ldns_pkt_free(reply);
    dns_query_done(&q);
    return decode(sb_view(&out));
}

static void bad_queries_are_told_why(void **state)
{
    enum { NAME = 12, NAME_LEN = 11, OPT = NAME + NAME_LEN + 4 };
    static const struct {
        const char *what;
        size_t at;
        uint8_t value;
        size_t cut;
        unsigned rcode, extended;
    } cases[] = {
        { "another operation", 2, 0x28, 0, LDNS_RCODE_NOTIMPL, 0 },
        { "no question", 5, 0, 0, LDNS_RCODE_FORMERR, 0 },
        { "a record that is not there", 7, 1, 0, LDNS_RCODE_FORMERR, 0 },
        { "a name that points to itself", NAME, 0xc0, 0, LDNS_RCODE_FORMERR, 0 },
        { "cut in the question", 5, 1, 16, LDNS_RCODE_FORMERR, 0 },
        { "another class", NAME + NAME_LEN + 3, 3, 0, LDNS_RCODE_REFUSED, 0 },
        { "a zone transfer", NAME + NAME_LEN + 1, 252, 0, LDNS_RCODE_REFUSED, 0 },
        { "a later EDNS", OPT + 6, 1, 0, 0, 1 },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        ldns_pkt *pkt = reply_to_changed(cases[i].at, cases[i].value, cases[i].cut);

        check_row(ldns_pkt_get_rcode(pkt) == cases[i].rcode, cases[i].what);
        check_row(ldns_pkt_edns_extended_rcode(pkt) == cases[i].extended, cases[i].what);
        check_row(ldns_pkt_qr(pkt) && ldns_pkt_id(pkt) == 0x1234, cases[i].what);
        ldns_pkt_free(pkt);
    }
}

static void a_name_no_table_can_have_is_a_name_still(void **state)
{
    auto_sb struct sb bytes = { 0 };
    struct dns_query q;

    put_query(&bytes, ".", LDNS_RR_TYPE_NS, 0);
    assert_true(dns_query_decode(&q, sb_view(&bytes)));
    assert_int_equal(q.error, 0);
    assert_non_null(q.name);
    assert_null(q.key);
    dns_query_done(&q);
}

/* A reply with many addresses, to a client that takes edns bytes; decoded. */
static ldns_pkt *long_reply(uint16_t edns, enum dns_transport transport, size_t n_records,
                            size_t *out_n)
{
    auto_sb struct sb bytes = { 0 }, out = { 0 };
    struct dns_query q;
    ldns_pkt *reply;

    put_query(&bytes, "long.example.", LDNS_RR_TYPE_A, edns);
    assert_true(dns_query_decode(&q, sb_view(&bytes)));
    reply = dns_reply_new(&q, 0);
    for (size_t i = 0; i < n_records; i++)
        dns_reply_add_address(reply, q.name,
                              &(struct ip_address){ 4, { 10, 0, (uint8_t)(i >> 8), (uint8_t)i } });
    dns_reply_encode(reply, &q, transport, &out);
    ldns_pkt_free(reply);
    dns_query_done(&q);
    *out_n = out.n;
    return decode(sb_view(&out));
}

static void long_answers_are_cut_for_datagrams_only(void **state)
{
    static const struct {
        uint16_t edns;
        enum dns_transport transport;
        size_t n_records, n_left;
        bool is_cut;
    } cases[] = {
        { 0, DNS_UDP, 10, 10, false },         { 0, DNS_UDP, 60, 30, true },
        { 1400, DNS_UDP, 60, 60, false },      { 1400, DNS_UDP, 100, 84, true },
        { 100, DNS_UDP, 60, 29, true },        { 0, DNS_TCP, 60, 60, false },
        { 0, DNS_TCP, 3000, 3000, false },     { 0, DNS_TCP, 5000, 4094, true },
        { 65535, DNS_UDP, 1000, 1000, false },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        auto_mem char *row = mem_printf("row %zu", i);
        size_t n, limit = cases[i].transport == DNS_TCP ? DNS_MESSAGE_LEN_MAX
                          : cases[i].edns > 512         ? cases[i].edns
                                                        : 512;
        ldns_pkt *pkt = long_reply(cases[i].edns, cases[i].transport, cases[i].n_records, &n);

        check_row(n <= limit, row);
        check_row(ldns_pkt_tc(pkt) == cases[i].is_cut, row);
        check_row(ldns_pkt_edns(pkt) == (cases[i].edns != 0), row);
        if (ldns_pkt_ancount(pkt) != cases[i].n_left)
            fail_msg("row %zu: %u records are left", i, ldns_pkt_ancount(pkt));
        ldns_pkt_free(pkt);
    }
}

static struct dns_question question(const ldns_rdf *name)
{
    return (struct dns_question){ .id = 0x4321,
                                  .type = LDNS_RR_TYPE_A,
                                  .name = name,
                                  .recursion_desired = true,
                                  .with_edns = true };
}

static void a_reply_must_be_to_the_question(void **state)
{
    enum { NAME = 12, NAME_LEN = 11 };
    static const struct {
        const char *what;
        size_t at;
        uint8_t value;
        bool is_good;
    } cases[] = {
        { "as it should be", 12, 1, true },
        { "another id", 1, 0x22, false },
        { "not a response", 2, 0x01, false },
        { "another operation", 2, 0xa8, false },
        { "another name", NAME + 1, 'b', false },
        { "the name in capitals", NAME + 1, 'A', true },
        { "another type", NAME + NAME_LEN + 1, 2, false },
        { "another class", NAME + NAME_LEN + 3, 3, false },
        { "no question", 5, 0, false },
        { "an answer that is not there", 7, 1, false },
    };
    ldns_rdf *name = ldns_dname_new_frm_str("a.example.");
    struct dns_question q = question(name);

    for (size_t i = 0; i < COUNT(cases); i++) {
        auto_sb struct sb bytes = { 0 };
        ldns_pkt *pkt;

        dns_question_encode(&q, &bytes);
        bytes.p[2] |= (char)0x80;
        bytes.p[cases[i].at] = (char)cases[i].value;
        pkt = dns_reply_decode(&q, sb_view(&bytes));
        check_row((pkt != NULL) == cases[i].is_good, cases[i].what);
        ldns_pkt_free(pkt);
    }
    assert_null(dns_reply_decode(&q, SV("\x43\x21")));
    ldns_rdf_deep_free(name);
}

/* Every type is passed on as it came, also one that nobody knows. */
static void records_pass_through(void **state)
{
    static const char *const records[] = {
        "a.example. 60 IN A 10.0.0.1",
        "a.example. 60 IN AAAA 2001:db8::1",
        "a.example. 60 IN CNAME b.example.",
        "a.example. 60 IN MX 10 mail.example.",
        "a.example. 60 IN NS ns.example.",
        "a.example. 60 IN SRV 1 2 443 srv.example.",
        "a.example. 60 IN TXT \"one\" \"two \\\"three\\\"\"",
        "a.example. 60 IN PTR c.example.",
        "a.example. 60 IN SOA ns.example. root.example. 1 2 3 4 5",
        "a.example. 60 IN CAA 0 issue \"ca.example\"",
        "a.example. 60 IN NAPTR 1 2 \"u\" \"E2U+sip\" \"!^.*$!sip:x@y!\" .",
        ("a.example. 60 IN DS 1 8 2 "
         "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"),
        "a.example. 60 IN TYPE65 \\# 3 000100",
        "a.example. 60 IN TYPE65300 \\# 4 01020304",
    };
    ldns_rdf *name = ldns_dname_new_frm_str("a.example.");

    for (size_t i = 0; i < COUNT(records); i++) {
        auto_sb struct sb out = { 0 };
        auto_mem uint8_t *wire = NULL;
        auto_mem char *before = NULL;
        auto_mem char *after = NULL;
        struct dns_question q = question(name);
        struct dns_query asked = { .id = 1, .name = name, .udp_size = 512 };
        ldns_pkt *from = ldns_pkt_new(), *to = dns_reply_new(&asked, 0), *got;
        ldns_rr *rr = NULL;
        size_t n;

        check_row(ldns_rr_new_frm_str(&rr, records[i], 0, NULL, NULL) == LDNS_STATUS_OK,
                  records[i]);
        before = ldns_rr2str(rr);
        asked.type = q.type = ldns_rr_get_type(rr);
        ldns_pkt_free(to);
        to = dns_reply_new(&asked, 0);
        ldns_pkt_set_id(from, q.id);
        ldns_pkt_set_qr(from, true);
        ldns_pkt_push_rr(from, LDNS_SECTION_QUESTION,
                         ldns_rr_clone(ldns_rr_list_rr(ldns_pkt_question(to), 0)));
        ldns_pkt_push_rr(from, LDNS_SECTION_ANSWER, rr);
        assert_int_equal(ldns_pkt2wire(&wire, from, &n), LDNS_STATUS_OK);
        ldns_pkt_free(from);

        from = dns_reply_decode(&q, (struct sv){ (const char *)wire, n });
        check_row(from != NULL, records[i]);
        dns_reply_add_all(to, from, false);
        ldns_pkt_free(from);
        dns_reply_encode(to, &asked, DNS_UDP, &out);
        ldns_pkt_free(to);
        got = decode(sb_view(&out));
        check_row(ldns_pkt_ancount(got) == 1, records[i]);
        after = ldns_rr2str(ldns_rr_list_rr(ldns_pkt_answer(got), 0));
        assert_string_equal(after, before);
        ldns_pkt_free(got);
    }
    ldns_rdf_deep_free(name);
}

static void authentic_is_what_a_trusted_server_says(void **state)
{
    struct dns_query asked = { .id = 1 };

    for (int is_trusted = 0; is_trusted <= 1; is_trusted++) {
        ldns_pkt *from = ldns_pkt_new(), *to = dns_reply_new(&asked, 0);

        ldns_pkt_set_ad(from, true);
        dns_reply_add_all(to, from, is_trusted);
        assert_int_equal(ldns_pkt_ad(to), is_trusted);
        ldns_pkt_free(from);
        ldns_pkt_free(to);
    }
}

static void an_extended_code_is_a_failure(void **state)
{
    struct dns_query asked = { .id = 1, .has_edns = true };
    ldns_pkt *from = ldns_pkt_new(), *to = dns_reply_new(&asked, 0);

    ldns_pkt_set_edns_extended_rcode(from, 1); /* BADVERS: its other bits are those of success */
    assert_int_equal(dns_reply_code(from), 16);
    dns_reply_add_all(to, from, false);
    assert_int_equal(dns_reply_code(to), LDNS_RCODE_SERVFAIL);
    ldns_pkt_free(from);
    ldns_pkt_free(to);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_query_is_taken_apart),
        cmocka_unit_test(what_is_no_query_has_no_answer),
        cmocka_unit_test(bad_queries_are_told_why),
        cmocka_unit_test(a_name_no_table_can_have_is_a_name_still),
        cmocka_unit_test(long_answers_are_cut_for_datagrams_only),
        cmocka_unit_test(a_reply_must_be_to_the_question),
        cmocka_unit_test(records_pass_through),
        cmocka_unit_test(an_extended_code_is_a_failure),
        cmocka_unit_test(authentic_is_what_a_trusted_server_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
