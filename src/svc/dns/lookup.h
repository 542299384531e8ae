/*
 * A question to the host's name servers: in their order, with time-outs, over TCP where an answer
 * is too long, until one of them answers.
 *
 * A server that does not answer is asked last for a while (`struct dns_servers` remembers it, for
 * all lookups). on_done comes once, never inside dns_lookup_open(), after which the owner closes.
 * dns_lookup_close() may be called from it and on NULL; no callback follows.
 */
#ifndef SVC_DNS_LOOKUP_H
#define SVC_DNS_LOOKUP_H

#include "base/err.h"
#include "svc/dns/message.h"
#include "svc/dns/resolv_conf.h"

/* What the file says, and how the servers have done. */
struct dns_servers {
    struct resolv_conf conf;
    uint64_t shunned_until_ns[RESOLV_SERVERS_MAX];
    size_t turn; /* "rotate": who is first */
};

/* Servers that were there before keep their marks. */
void dns_servers_set(struct dns_servers *servers, const struct resolv_conf *conf);
void dns_servers_done(struct dns_servers *servers);
/* Numbers of servers, in the order to ask; now_ns is of host_monotonic_ns(). Returns how many. */
size_t dns_servers_order(struct dns_servers *servers, uint64_t now_ns,
                         size_t out[RESOLV_SERVERS_MAX]);

struct dns_lookup;
struct uv_loop_s;

/* reply: the best there was, the callee's; NULL: nobody answered, err says why. */
typedef void (*dns_lookup_fn)(void *arg, ldns_pkt *take_reply, const struct err *err);

/* servers and question->name are borrowed for the life of the object; question->id is not heeded.
 */
struct dns_lookup *dns_lookup_open(struct uv_loop_s *loop, struct dns_servers *servers,
                                   const struct dns_question *question, dns_lookup_fn on_done,
                                   void *arg);
void dns_lookup_close(struct dns_lookup *lookup);

#endif
