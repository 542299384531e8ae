/*
 * Theory of operation. A wish is something that wants to be reached: a port that the guest told of
 * (with a key, so that it is found again when it goes), or what a rule stands for by itself. The
 * rules give it an address of the host. All wishes for one address share one forward (forward.h),
 * which comes with the first of them and goes with the last.
 *
 * A guest agent that speaks, for the first time or again, tells all its ports anew. What it does
 * not tell again within SWEEP_MS is gone.
 */
#include "prog/hostagent/forwards.h"

#include <assert.h>
#include <ctype.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/quote.h"
#include "prog/hostagent/forwards_priv.h"
#include "svc/devices/devices_client.h"
#include "svc/loop/timer.h"
#include "sys/host.h"

#define NS_PER_S UINT64_C(1000000000)

enum {
    SWEEP_MS = 1000,
    TAGS_MAX = 3000,
    STATIC_PORTS_MAX = 1024,
    MESSAGE_BURST = 2000, /* lines and events that changes of ports cause at once, */
    MESSAGES_PER_S = 20,  /* and then each second */
    PORT_SSH = 22,
};

#define BIT(proto) (1u << (proto))

static char *end_key(enum forward_proto proto, const struct forward_end *end)
{
    auto_mem char *text = forward_end_text(end);

    return mem_printf("%s %s", forward_proto_names[proto], text);
}

/* --- Telling about it --- */

static bool may_tell(struct forwards *m)
{
    if (!budget_take(&m->messages, host_monotonic_ns())) {
        if (m->n_silent++ == 0)
            log_warn("The guest opens and closes ports very fast: not every change is logged");
        return false;
    }
    if (m->n_silent && m->messages.used < MESSAGE_BURST / 2) {
        log_info("%llu changes of ports were not logged", (unsigned long long)m->n_silent);
        m->n_silent = 0;
    }
    return true;
}

/* "Forwarding TCP from G to H", or with the paths of sockets as Lima words it. */
static void log_forward(enum log_level level, const char *what, const struct wish *wish,
                        const char *host_text, const char *error)
{
    auto_mem char *proto = mem_strdup(forward_proto_names[wish->claim.proto]);
    auto_mem char *text = NULL;

    for (char *p = proto; *p; p++)
        *p = (char)toupper((unsigned char)*p);
    if (wish->guest_path)
        text = mem_printf("%s \"%s\" (guest) to \"%s\" (host)", what, wish->guest_path, host_text);
    else if (host_text)
        text = mem_printf("%s %s from %s to %s", what, proto, wish->claim.guest_text, host_text);
    else
        text = mem_printf("%s %s %s", what, proto, wish->claim.guest_text);
    log_at(level, "%s%s%s", text, error ? ": " : "", error ? error : "");
}

static void tell(struct forwards *m, enum event_port_type type, const struct wish *wish,
                 const char *host_text, const char *error)
{
    static const char *const words[] = { "Forwarding", "Not forwarding", "Stopping forwarding",
                                         "Not forwarding" };

    if (!may_tell(m))
        return;
    log_forward(type == EVENT_FAILED ? LOG_WARN : LOG_INFO, words[type], wish, host_text, error);
    events_port(m->params.events,
                &(struct event_port){ .type = type,
                                      .protocol = (char *)forward_proto_names[wish->claim.proto],
                                      .guest_addr = wish->claim.guest_text,
                                      .host_addr = (char *)host_text,
                                      .error = (char *)error });
}

static struct wish *wish_at(const struct forward *f, size_t i)
{
    return CONTAINER_OF(forward_claim_at(f, i), struct wish, claim);
}

static void tell_blocked(struct forwards *m, const struct forward *f)
{
    bool is_negligible = forward_is_negligible(f);

    for (size_t i = 0; i < forward_claims(f); i++)
        tell(m, is_negligible ? EVENT_NOT_FORWARDING : EVENT_FAILED, wish_at(f, i),
             forward_host_text(f), is_negligible ? NULL : forward_error(f));
}

static void forward_changed(void *arg, struct forward *f)
{
    struct forwards *m = arg;

    if (forward_get_state(f) == FORWARD_BLOCKED) {
        if (forward_is_taken(f) && !forward_is_negligible(f))
            port_owners_ask(m->owners); /* then it is told, by name */
        else
            tell_blocked(m, f);
        return;
    }
    for (size_t i = 0; i < forward_claims(f); i++)
        tell(m, EVENT_FORWARDING, wish_at(f, i), forward_host_text(f), NULL);
}

static void owners_known(void *arg)
{
    struct forwards *m = arg;

    for (size_t i = 0; i < m->forwards.n; i++) {
        struct forward *f = m->forwards.v[i].value;
        const char *name;
        auto_mem char *owner = NULL;

        if (!forward_is_taken(f) || forward_is_negligible(f) || forward_is_blamed(f))
            continue;
        name = port_owners_find(m->owners, forward_get_proto(f), forward_host(f));
        owner = name ? mem_printf("the instance \"%s\"", name) : mem_strdup("another program");
        forward_blame(f, owner);
        tell_blocked(m, f);
    }
}

/* --- Wishes --- */

static uint32_t tag_for(struct forwards *m, const char *key)
{
    uintptr_t tag = (uintptr_t)map_get(&m->tags, key);

    if (!tag && m->tags.n < TAGS_MAX) {
        tag = m->tags.n + 1;
        map_set(&m->tags, key, (void *)tag);
    }
    return (uint32_t)tag;
}

/* The socket's protocol on the host. */
static enum forward_proto host_proto(const struct wish *wish)
{
    if (wish->host.path)
        return FORWARD_UNIX;
    return wish->claim.proto == FORWARD_UNIX ? FORWARD_TCP : wish->claim.proto;
}

/* Joins the forward of its host address, which is made if need be. */
static void wish_place(struct forwards *m, struct wish *wish, struct forward_ways *ways)
{
    auto_mem char *key = end_key(host_proto(wish), &wish->host);
    struct forward *f = map_get(&m->forwards, key);

    if (!f) {
        f = forward_new(ways, host_proto(wish), &wish->host, tag_for(m, key));
        map_set(&m->forwards, key, f);
    }
    forward_add_claim(f, &wish->claim);
    if (forward_get_state(f) == FORWARD_OPEN)
        tell(m, EVENT_FORWARDING, wish, forward_host_text(f), NULL);
    else
        forward_try(f);
}

static void wish_leave(struct forwards *m, struct wish *wish)
{
    struct forward *f = wish->claim.at;
    auto_mem char *key = NULL;

    if (!f)
        return;
    if (forward_get_state(f) == FORWARD_OPEN)
        tell(m, EVENT_STOPPING, wish, forward_host_text(f), NULL);
    forward_remove_claim(f, &wish->claim);
    if (forward_claims(f) > 0)
        return;
    key = end_key(forward_get_proto(f), forward_host(f));
    map_remove(&m->forwards, key);
    forward_close(f);
}

static struct wish *wish_new(struct forwards *m, enum forward_proto proto,
                             const struct forward_end *guest, const char *rule)
{
    struct wish *wish = mem_new(struct wish);

    wish->guest_path = mem_strdup(guest->path);
    wish->claim = (struct forward_claim){
        .proto = proto, .guest = *guest, .rule = rule, .guest_text = forward_end_text(guest)
    };
    wish->claim.guest.path = wish->guest_path;
    wish->verdict = FORWARD_WANTED;
    list_push_back(&m->wishes, &wish->link);
    return wish;
}

static void wish_free(struct forwards *m, struct wish *wish)
{
    wish_leave(m, wish);
    list_remove(&wish->link);
    if (wish->key) {
        map_remove(&m->by_key, wish->key);
        m->n_ports--;
    }
    free(wish->key);
    free(wish->guest_path);
    free(wish->claim.guest_text);
    free(wish);
}

/* --- Ports of the guest --- */

static void port_added(struct forwards *m, enum forward_proto proto,
                       const struct forward_end *guest, bool is_nat, char *take_key)
{
    struct forward_decision decision =
        forward_rules_match(&m->rules, proto, &guest->ip, guest->port);
    struct wish *wish;

    if (m->n_ports == FORWARDS_PORTS_MAX) {
        log_debug("too many ports: %s is left out", take_key);
        free(take_key);
        return;
    }
    wish = wish_new(m, proto, guest, decision.rule ? decision.rule->name : NULL);
    wish->key = take_key;
    wish->is_nat = is_nat;
    wish->verdict = decision.verdict;
    map_set(&m->by_key, wish->key, wish);
    m->n_ports++;
    if (proto == FORWARD_UDP && decision.host.path)
        wish->verdict = FORWARD_UNMATCHED; /* there are no datagrams on a stream socket */
    if (wish->verdict == FORWARD_WANTED) {
        wish->host = decision.host;
        wish_place(m, wish, &m->ways);
    } else if (wish->verdict != FORWARD_STATIC && !(m->silenced & BIT(proto))) {
        tell(m, EVENT_NOT_FORWARDING, wish, NULL, NULL);
    }
}

static void port_told(struct forwards *m, const struct guest_port *port)
{
    enum forward_proto proto = port->proto == GUEST_UDP ? FORWARD_UDP : FORWARD_TCP;
    struct forward_end guest = { .port = port->port };
    struct wish *wish;
    char *key;

    if (!ip_address_from_bytes((struct sv){ (const char *)port->address, port->n_address },
                               &guest.ip) ||
        port->port == 0 || (port->proto != GUEST_TCP && port->proto != GUEST_UDP))
        return;
    if (forwards_is_reverse(m, proto, &guest))
        return;
    key = end_key(proto, &guest);
    wish = map_get(&m->by_key, key);
    if (!wish && !port->is_removed) {
        port_added(m, proto, &guest, port->flags & GUEST_PORT_NAT, key);
        return;
    }
    free(key);
    if (wish && port->is_removed)
        wish_free(m, wish);
    else if (wish)
        wish->is_stale = false;
}

void forwards_ports(struct forwards *m, const struct guest_msg *msg)
{
    struct sv data = msg->data;
    struct guest_port port;

    if (msg->flags & GUEST_PORTS_RESET) {
        list_for_each (wish, &m->wishes, struct wish, link)
            wish->is_stale = wish->key != NULL;
        timer_set(m->sweep, SWEEP_MS);
    }
    while (guest_port_next(&data, &port))
        port_told(m, &port);
}

static void sweep_due(void *arg)
{
    struct forwards *m = arg;

    list_for_each (wish, &m->wishes, struct wish, link)
        if (wish->is_stale)
            wish_free(m, wish);
}

static void grace_over(void *arg)
{
    struct forwards *m = arg;

    log_debug("the guest agent stays away: its ports are forgotten");
    list_for_each (wish, &m->wishes, struct wish, link)
        if (wish->key)
            wish_free(m, wish);
}

/* --- What rules stand for by themselves --- */

static void wish_for_static(struct forwards *m, const struct forward_rule *rule)
{
    if (rule->guest_last - rule->guest_first >= STATIC_PORTS_MAX) {
        log_warn("%s has more than %d static ports, and is left out", rule->name, STATIC_PORTS_MAX);
        return;
    }
    for (unsigned port = rule->guest_first; port <= rule->guest_last; port++) {
        for (enum forward_proto proto = FORWARD_TCP; proto <= FORWARD_UDP; proto++) {
            struct forward_decision decision =
                forward_rules_match_static(&m->rules, proto, &rule->guest_ip, (uint16_t)port);
            struct wish *wish;

            if (decision.verdict != FORWARD_WANTED || decision.rule != rule ||
                (proto == FORWARD_UDP && decision.host.path))
                continue;
            wish = wish_new(m, proto,
                            &(struct forward_end){ .ip = rule->guest_ip, .port = (uint16_t)port },
                            rule->name);
            wish->host = decision.host;
            wish_place(m, wish, &m->ways);
        }
    }
}

static void wish_for_socket(struct forwards *m, const struct forward_rule *rule)
{
    struct wish *wish =
        wish_new(m, FORWARD_UNIX, &(struct forward_end){ .path = rule->guest_socket }, rule->name);

    wish->host = forward_rule_host(rule, rule->guest_first);
    wish_place(m, wish, &m->ways);
}

static void begin(struct forwards *m)
{
    if (m->has_begun)
        return;
    m->has_begun = true;
    for (size_t i = 0; i < m->rules.list.n; i++) {
        const struct forward_rule *rule = &m->rules.list.v[i];

        if (rule->is_ignore || rule->is_reverse)
            continue;
        if (rule->guest_socket && !rule->is_static)
            wish_for_socket(m, rule);
        else if (rule->is_static && !rule->guest_socket)
            wish_for_static(m, rule);
    }
}

/* ssh itself, when the driver has no port for it. */
static void wish_for_ssh(struct forwards *m)
{
    static const struct ip_address loopback = { 4, { 127, 0, 0, 1 } };
    struct wish *wish = wish_new(
        m, FORWARD_TCP, &(struct forward_end){ .ip = loopback, .port = PORT_SSH }, "ssh.overVsock");

    wish->host = (struct forward_end){ .ip = loopback, .port = m->params.ssh.port };
    wish_place(m, wish, &m->relay_ways);
    events_vsock(m->params.events,
                 &(struct event_vsock){ .type = EVENT_VSOCK_STARTED,
                                        .host_addr = (char *)forward_host_text(wish->claim.at),
                                        .port = TUNNEL_PORT });
}

/* --- The way to the guest --- */

static void retry_all(struct forwards *m)
{
    for (size_t i = 0; i < m->forwards.n; i++)
        if (forward_get_state(m->forwards.v[i].value) == FORWARD_CLOSED)
            forward_try(m->forwards.v[i].value);
}

void forwards_attach(struct forwards *m, struct guest_link *link)
{
    forwards_detach(m);
    m->link = m->ways.link = m->relay_ways.link = link;
    if (m->params.relays_ssh && !m->has_ssh_relay && guest_link_devices(link)) {
        m->has_ssh_relay = true;
        wish_for_ssh(m);
    }
    retry_all(m);
}

void forwards_detach(struct forwards *m)
{
    forwards_lost(m);
    forwards_detach_reverses(m);
    m->link = m->ways.link = m->relay_ways.link = NULL;
    for (size_t i = 0; i < m->forwards.n; i++)
        if (!forward_is_over_ssh(m->forwards.v[i].value))
            forward_reset(m->forwards.v[i].value);
}

static uint32_t watched(const struct forwards *m)
{
    unsigned bits = 0;

    for (size_t i = 0; i < m->rules.list.n; i++) {
        const struct forward_rule *rule = &m->rules.list.v[i];

        if (!rule->is_ignore && !rule->is_static && !rule->is_reverse && !rule->guest_socket)
            bits |= rule->protos;
    }
    if (m->params.prefers_ssh || !guest_link_devices(m->link))
        bits &= ~BIT(FORWARD_UDP);
    bits &= ~m->silenced;
    return (bits & BIT(FORWARD_TCP) ? GUEST_WATCH_TCP : 0) |
           (bits & BIT(FORWARD_UDP) ? GUEST_WATCH_UDP : 0);
}

void forwards_greeted(struct forwards *m)
{
    assert(m->link);
    timer_stop(m->grace);
    (void)guest_link_send(m->link,
                          &(struct guest_msg){ .type = GUEST_WATCH_PORTS, .flags = watched(m) });
    begin(m);
    forwards_begin_reverses(m, true);
}

void forwards_lost(struct forwards *m)
{
    forwards_unlink_reverses(m);
    timer_stop(m->sweep);
    if (m->n_ports && !timer_is_set(m->grace))
        timer_set(m->grace, FORWARDS_GRACE_MS);
}

void forwards_ssh_usable(struct forwards *m)
{
    m->ways.ssh = m->ssh;
    begin(m);
    retry_all(m);
    forwards_begin_reverses(m, false);
}

/* --- Life --- */

static void log_disabled(const struct forwards *m)
{
    if (m->silenced == (BIT(FORWARD_TCP) | BIT(FORWARD_UDP)))
        log_info("TCP (except for SSH) and UDP port forwarding is disabled");
    else if (m->silenced & BIT(FORWARD_TCP))
        log_info("TCP port forwarding is disabled (except for SSH)");
    else if (m->silenced & BIT(FORWARD_UDP))
        log_info("UDP port forwarding is disabled");
}

struct forwards *forwards_open(const struct forwards_params *params)
{
    struct forwards *m = mem_new(struct forwards);

    m->params = *params;
    forward_rules_init(&m->rules, params->config, params->ssh.port);
    m->silenced = forward_rules_silenced(&m->rules);
    m->ways = m->relay_ways =
        (struct forward_ways){ .loop = params->loop, .on_change = forward_changed, .arg = m };
    m->ways.prefers_ssh = params->prefers_ssh;
    m->ssh = ssh_forwards_open(
        &(struct ssh_task_params){ .loop = params->loop, .ssh = params->ssh }, params->dir);
    list_init(&m->wishes);
    m->sweep = timer_open(params->loop, sweep_due, m);
    m->grace = timer_open(params->loop, grace_over, m);
    m->owners = port_owners_open(params->loop, params->home, params->name, owners_known, m);
    m->messages = (struct budget){ .max = MESSAGE_BURST, .interval_ns = NS_PER_S / MESSAGES_PER_S };
    forwards_make_reverses(m);
    log_disabled(m);
    return m;
}

void forwards_close(struct forwards *m)
{
    if (!m)
        return;
    budget_empty(&m->messages, host_monotonic_ns()); /* nobody hears that all of them stop */
    m->n_silent = 1;
    list_for_each (wish, &m->wishes, struct wish, link)
        wish_free(m, wish);
    forwards_free_reverses(m);
    ssh_forwards_close(m->ssh);
    port_owners_close(m->owners);
    timer_close(m->sweep);
    timer_close(m->grace);
    forward_rules_done(&m->rules);
    map_done(&m->by_key);
    map_done(&m->forwards);
    map_done(&m->tags);
    free(m);
}

void forwards_errors(const struct forwards *m, struct strv *out)
{
    for (size_t i = 0; i < m->forwards.n; i++) {
        const struct forward *f = m->forwards.v[i].value;

        if (forward_error(f) && !forward_is_negligible(f))
            strv_pushf(out, "port forward: %s", forward_error(f));
    }
    for (size_t i = 0; i < m->reverses.n; i++)
        if (m->reverses.v[i]->error)
            strv_pushf(out, "reverse port forward: %s of the guest: %s",
                       m->reverses.v[i]->guest_text, m->reverses.v[i]->error);
}
