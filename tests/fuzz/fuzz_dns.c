/*
 * What a guest and a name server may say. The first byte chooses who speaks. A message that is
 * understood can be answered, within the size that the asker takes, and the answer is well-formed.
 */
#include "fuzz.h"

#include <assert.h>

#include "svc/dns/message.h"
#include "svc/dns/names.h"
#include "svc/dns/resolv_conf.h"

static void check_answer(ldns_pkt *reply, const struct dns_query *query,
                         enum dns_transport transport)
{
    auto_sb struct sb out = { 0 };
    ldns_pkt *again = NULL;

    dns_reply_encode(reply, query, transport, &out);
    assert(out.n >= 12 && out.n <= (transport == DNS_UDP ? query->udp_size : DNS_MESSAGE_LEN_MAX));
    assert(ldns_wire2pkt(&again, (const uint8_t *)out.p, out.n) == LDNS_STATUS_OK);
    assert(ldns_pkt_id(again) == query->id && ldns_pkt_qr(again));
    ldns_pkt_free(again);
}

static void query_came(struct sv message)
{
    auto_sb struct sb question = { 0 };
    struct dns_query query;
    ldns_pkt *reply;

    if (!dns_query_decode(&query, message))
        return;
    reply = dns_reply_new(&query, query.error);
    if (query.name)
        dns_reply_add_address(reply, query.name, &(struct ip_address){ 4, { 127, 0, 0, 1 } });
    check_answer(reply, &query, DNS_UDP);
    ldns_pkt_free(reply);
    if (!query.error) {
        struct dns_question out = { .id = 1, .type = query.type, .name = query.name };

        dns_question_encode(&out, &question);
        question.p[2] |= (char)0x80;
        reply = dns_reply_decode(&out, sb_view(&question));
        assert(reply); /* the question comes back as it was */
        ldns_pkt_free(reply);
    }
    dns_query_done(&query);
}

/* The question is taken from the message, so that it is often the right one. */
static void reply_came(struct sv message)
{
    ldns_pkt *pkt = NULL;
    ldns_rr *asked;

    if (message.n < 12 ||
        ldns_wire2pkt(&pkt, (const uint8_t *)message.p, message.n) != LDNS_STATUS_OK)
        return;
    asked = ldns_rr_list_rr(ldns_pkt_question(pkt), 0);
    if (asked) {
        struct dns_question question = { .id = ldns_pkt_id(pkt),
                                         .type = ldns_rr_get_type(asked),
                                         .name = ldns_rr_owner(asked) };
        ldns_pkt *from = dns_reply_decode(&question, message);
        struct dns_query query = {
            .id = 7, .type = question.type, .name = ldns_rr_owner(asked), .udp_size = 512
        };

        if (from) {
            ldns_pkt *reply = dns_reply_new(&query, 0);

            dns_reply_add_name(reply, LDNS_RR_TYPE_CNAME, query.name, query.name);
            dns_reply_add_all(reply, from, true);
            check_answer(reply, &query, DNS_TCP);
            check_answer(reply, &query, DNS_UDP);
            ldns_pkt_free(reply);
            ldns_pkt_free(from);
        }
    }
    ldns_pkt_free(pkt);
}

static void file_changed(struct sv text)
{
    auto_resolv_conf struct resolv_conf conf = { 0 };
    struct dns_names names = { 0 };

    resolv_conf_parse(text, &conf);
    assert(conf.n_servers <= RESOLV_SERVERS_MAX && conf.search.n <= RESOLV_SEARCH_MAX);
    for (size_t i = 0; i < conf.n_servers; i++) {
        auto_mem char *again = resolv_server_text(&conf.servers[i]);
        struct resolv_server server;

        assert(resolv_server_parse(sv_of(again), &server));
    }
    dns_names_read_hosts(&names, text);
    dns_names_done(&names);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sv rest = sv_slice((struct sv){ (const char *)data, size }, 1, size);

    if (size == 0)
        return 0;
    switch (data[0] % 3) {
    case 0:
        query_came(rest);
        break;
    case 1:
        reply_came(rest);
        break;
    default:
        file_changed(rest);
    }
    return 0;
}
