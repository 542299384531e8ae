/*
 * DNS messages between the guest, this server and the name servers behind it (RFC 1035, 6891),
 * through ldns. Pure.
 *
 * Both sides are hostile. Nothing is passed on as it came: of a query only its question and what is
 * listed in struct dns_query goes further, and a reply is taken apart and put together again.
 *
 *     struct dns_query query;
 *
 *     if (!dns_query_decode(&query, bytes))
 *         return;                                         not a query: nobody expects an answer
 *     reply = dns_reply_new(&query, query.error);
 *     ...
 *     dns_reply_encode(reply, &query, DNS_UDP, &out);
 *     dns_query_done(&query);
 */
#ifndef SVC_DNS_MESSAGE_H
#define SVC_DNS_MESSAGE_H

#include <ldns/ldns.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/sb.h"
#include "base/sv.h"
#include "model/forward/ip_address.h"

#define DNS_MESSAGE_LEN_MAX 65535
#define DNS_LOCAL_TTL_S     5    /* of answers that were not asked for elsewhere */
#define DNS_EDNS_SIZE       1232 /* what we take in one datagram */

enum dns_transport { DNS_UDP, DNS_TCP };

struct dns_query {
    uint16_t id;
    ldns_rr_type type;
    ldns_rdf *name; /* as it was written; NULL when error says so */
    char *key;      /* the same as dns_name_key() has it; NULL when it cannot be in a table */
    bool recursion_desired, checking_disabled, has_edns, dnssec_ok;
    size_t udp_size; /* the longest datagram that the asker takes */
    /* An answer that is due whatever is asked: LDNS_RCODE_FORMERR, ...; 0 = none. Larger than 15:
     * an extended one. */
    unsigned error;
};

/* False: no answer is due. */
bool dns_query_decode(struct dns_query *out, struct sv message) MUST_USE;
void dns_query_done(struct dns_query *query);

/* An answer without records; the caller's, ldns_pkt_free(). */
ldns_pkt *dns_reply_new(const struct dns_query *query, unsigned rcode);
void dns_reply_add_address(ldns_pkt *reply, const ldns_rdf *owner, const struct ip_address *ip);
/* type: CNAME or PTR. */
void dns_reply_add_name(ldns_pkt *reply, ldns_rr_type type, const ldns_rdf *owner,
                        const ldns_rdf *target);
/* Moves the records over, behind those that are there, and what else counts of the header. An
 * extended code, which is about EDNS between us and the server, becomes SERVFAIL. */
void dns_reply_add_all(ldns_pkt *reply, ldns_pkt *from, bool trust_ad);
/* Over UDP the answer is cut, at a record, to what the asker takes; then it says so. */
void dns_reply_encode(ldns_pkt *reply, const struct dns_query *query, enum dns_transport transport,
                      struct sb *out);

/* What a name server is asked. */
struct dns_question {
    uint16_t id;
    ldns_rr_type type;
    const ldns_rdf *name; /* borrowed */
    bool recursion_desired, checking_disabled, with_edns, dnssec_ok;
};

void dns_question_encode(const struct dns_question *question, struct sb *out);
/* NULL: not an answer to this question, or not well-formed. The caller's. */
ldns_pkt *dns_reply_decode(const struct dns_question *question, struct sv message);
/* LDNS_RCODE_..., or an extended one. */
unsigned dns_reply_code(const ldns_pkt *reply);

#endif
