/*
 * One question sent to one name server, over UDP or TCP, and what comes back.
 *
 * Each has a socket of its own, so that the system chooses a new port for each question. on_message
 * may come several times, as anybody may send anything to that port: the owner judges, and goes on
 * waiting or closes. on_failed comes at most once, after which the owner closes.
 * dns_exchange_close() may be called from every callback and on NULL; no callback follows, the
 * memory goes by itself.
 */
#ifndef SVC_DNS_EXCHANGE_H
#define SVC_DNS_EXCHANGE_H

#include "base/err.h"
#include "base/sv.h"
#include "svc/dns/message.h"
#include "svc/dns/resolv_conf.h"

struct dns_exchange;
struct uv_loop_s;

struct dns_exchange_events {
    void (*on_message)(void *arg, struct sv message);
    void (*on_failed)(void *arg, const struct err *err); /* err is borrowed */
};

/* query is copied, events are borrowed for the life of the object. Callbacks never run inside. */
struct dns_exchange *dns_exchange_open(struct uv_loop_s *loop, const struct resolv_server *server,
                                       enum dns_transport transport, struct sv query,
                                       uint64_t timeout_ms,
                                       const struct dns_exchange_events *events, void *arg,
                                       struct err **errp) MUST_USE;
void dns_exchange_close(struct dns_exchange *x);

#endif
