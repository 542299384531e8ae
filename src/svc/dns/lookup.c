/*
 * Theory of operation. A lookup goes through a plan, the order of the servers at its beginning, as
 * often as "attempts" says. One try is one exchange with one server:
 *
 *     answer                          done
 *     cut answer over UDP             the same server again, over TCP
 *     "I do not understand", EDNS     the same server again, without EDNS
 *     "I cannot", "I will not"        kept, in case that nobody says better; the next server
 *     silence, no way there, ...      the server is shunned for a while; the next server
 *
 * Each try has an id and a port of its own.
 */
#include "svc/dns/lookup.h"

#include <string.h>
#include <uv.h>

#include "base/log.h"
#include "base/mem.h"
#include "svc/dns/exchange.h"
#include "svc/loop/timer.h"
#include "sys/host.h"

#define NS_PER_S UINT64_C(1000000000)

enum { TRY_MS = 2000, SHUNNED_S = 30 };

struct dns_lookup {
    struct uv_loop_s *loop;
    struct dns_servers *servers; /* borrowed */
    struct dns_question question;
    struct resolv_server plan[RESOLV_SERVERS_MAX];
    size_t n_plan, tries_left, at;
    uint64_t try_ms;
    enum dns_transport first_transport, transport;
    struct dns_exchange *exchange;
    struct timer *end; /* tells what has been decided, from the loop */
    ldns_pkt *best;
    struct err *err; /* of the last try that failed */
    dns_lookup_fn on_done;
    void *arg;
};

/* --- Servers --- */

static bool is_same(const struct resolv_server *a, const struct resolv_server *b)
{
    return a->port == b->port && strcmp(a->address, b->address) == 0;
}

/* Its number; that behind the last one when it is not known. */
static size_t find_server(const struct dns_servers *servers, const struct resolv_server *server)
{
    size_t i = 0;

    while (i < servers->conf.n_servers && !is_same(&servers->conf.servers[i], server))
        i++;
    return i;
}

void dns_servers_set(struct dns_servers *servers, const struct resolv_conf *conf)
{
    struct dns_servers fresh = { 0 };

    resolv_conf_copy(&fresh.conf, conf);
    for (size_t i = 0; i < conf->n_servers; i++) {
        size_t old = find_server(servers, &conf->servers[i]);

        if (old < servers->conf.n_servers)
            fresh.shunned_until_ns[i] = servers->shunned_until_ns[old];
    }
    dns_servers_done(servers);
    *servers = fresh;
}

void dns_servers_done(struct dns_servers *servers)
{
    resolv_conf_done(&servers->conf);
}

size_t dns_servers_order(struct dns_servers *servers, uint64_t now_ns,
                         size_t out[RESOLV_SERVERS_MAX])
{
    size_t count = servers->conf.n_servers, n = 0;
    size_t first = servers->conf.rotate && count ? servers->turn++ % count : 0;

    for (int is_shunned = 0; is_shunned <= 1; is_shunned++)
        for (size_t i = 0; i < count; i++) {
            size_t server = (first + i) % count;

            if ((servers->shunned_until_ns[server] > now_ns) == (bool)is_shunned)
                out[n++] = server;
        }
    return n;
}

/* --- Tries --- */

static void message_came(void *arg, struct sv message);
static void try_failed(void *arg, const struct err *err);

static const struct dns_exchange_events exchange_events = { .on_message = message_came,
                                                            .on_failed = try_failed };

static void finish(struct dns_lookup *l)
{
    dns_exchange_close(MOVE(l->exchange));
    timer_set(l->end, 0);
}

static void end_due(void *arg)
{
    struct dns_lookup *l = arg;

    l->on_done(l->arg, MOVE(l->best), l->err);
}

/* The server in turn, as far as it still is one of the host's. */
static uint64_t *shunned_until(struct dns_lookup *l)
{
    size_t i = find_server(l->servers, &l->plan[l->at]);

    return i < l->servers->conf.n_servers ? &l->servers->shunned_until_ns[i] : NULL;
}

/* Logged once for as long as it is shunned: a guest may ask often. */
static void shun(struct dns_lookup *l, const struct err *err)
{
    uint64_t *until_ns = shunned_until(l), now_ns = host_monotonic_ns();

    err_free(MOVE(l->err));
    (void)err_set(&l->err, err_kind(err), "name server %s: %s", l->plan[l->at].address,
                  err_text(err));
    if (!until_ns || *until_ns > now_ns)
        return;
    log_debug("%s", err_text(l->err));
    *until_ns = now_ns + SHUNNED_S * NS_PER_S;
}

static void forgive(struct dns_lookup *l)
{
    uint64_t *until_ns = shunned_until(l);

    if (until_ns)
        *until_ns = 0;
}

/* Asks the server whose turn it is; false: that is not possible. */
static bool ask(struct dns_lookup *l)
{
    auto_sb struct sb query = { 0 };
    auto_err struct err *err = NULL;

    dns_exchange_close(MOVE(l->exchange));
    if (uv_random(NULL, NULL, &l->question.id, sizeof(l->question.id), 0, NULL) == 0) {
        dns_question_encode(&l->question, &query);
        l->exchange = dns_exchange_open(l->loop, &l->plan[l->at], l->transport, sb_view(&query),
                                        l->try_ms, &exchange_events, l, &err);
    } else {
        (void)err_set(&err, ERR_INTERNAL, "the system has no random numbers");
    }
    if (!l->exchange)
        shun(l, err);
    return l->exchange != NULL;
}

static void ask_next(struct dns_lookup *l)
{
    while (l->tries_left > 0) {
        l->tries_left--;
        l->at = (l->at + 1) % l->n_plan;
        l->transport = l->first_transport;
        if (ask(l))
            return;
    }
    finish(l);
}

static void ask_again(struct dns_lookup *l)
{
    if (!ask(l))
        ask_next(l);
}

static void try_failed(void *arg, const struct err *err)
{
    struct dns_lookup *l = arg;

    shun(l, err);
    ask_next(l);
}

static void keep(struct dns_lookup *l, ldns_pkt *take_reply)
{
    ldns_pkt_free(l->best);
    l->best = take_reply;
}

static void message_came(void *arg, struct sv message)
{
    struct dns_lookup *l = arg;
    ldns_pkt *reply = dns_reply_decode(&l->question, message);
    unsigned rcode;

    if (!reply) {
        if (l->transport == DNS_TCP) { /* there is nothing else to come */
            auto_err struct err *err = NULL;

            (void)err_set(&err, ERR_PROTOCOL, "not an answer to the question");
            try_failed(l, err);
        }
        return;
    }
    forgive(l);
    rcode = dns_reply_code(reply);
    keep(l, reply);
    if (l->question.with_edns && (rcode == LDNS_RCODE_FORMERR || rcode == LDNS_RCODE_NOTIMPL)) {
        l->question.with_edns = l->question.dnssec_ok = false;
        ask_again(l);
    } else if (rcode != LDNS_RCODE_NOERROR && rcode != LDNS_RCODE_NXDOMAIN) {
        ask_next(l);
    } else if (ldns_pkt_tc(reply) && l->transport == DNS_UDP) {
        l->transport = DNS_TCP;
        ask_again(l);
    } else {
        finish(l);
    }
}

/* --- Life --- */

struct dns_lookup *dns_lookup_open(struct uv_loop_s *loop, struct dns_servers *servers,
                                   const struct dns_question *question, dns_lookup_fn on_done,
                                   void *arg)
{
    struct dns_lookup *l = mem_new(struct dns_lookup);
    const struct resolv_conf *conf = &servers->conf;
    size_t order[RESOLV_SERVERS_MAX];

    l->loop = loop;
    l->servers = servers;
    l->question = *question;
    l->question.with_edns |= conf->edns0;
    l->on_done = on_done;
    l->arg = arg;
    l->end = timer_open(loop, end_due, l);
    l->n_plan = dns_servers_order(servers, host_monotonic_ns(), order);
    for (size_t i = 0; i < l->n_plan; i++)
        l->plan[i] = conf->servers[order[i]];
    l->tries_left = l->n_plan * conf->attempts;
    l->at = l->n_plan - 1; /* the first is next */
    l->try_ms = conf->timeout_s ? conf->timeout_s * 1000 : TRY_MS;
    l->first_transport = conf->use_tcp ? DNS_TCP : DNS_UDP;
    if (l->n_plan == 0)
        (void)err_set(&l->err, ERR_NOT_FOUND, "no name server is known");
    ask_next(l);
    return l;
}

void dns_lookup_close(struct dns_lookup *lookup)
{
    if (!lookup)
        return;
    dns_exchange_close(lookup->exchange);
    timer_close(lookup->end);
    ldns_pkt_free(lookup->best);
    err_free(lookup->err);
    free(lookup);
}
