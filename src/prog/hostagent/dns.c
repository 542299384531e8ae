#include "prog/hostagent/dns.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/quote.h"
#include "model/forward/ip_address.h"
#include "prog/hostagent/datagrams.h"
#include "svc/devices/devices_client.h"
#include "svc/dns/host_files.h"
#include "svc/dns/server.h"
#include "svc/loop/timer.h"

enum {
    PORT_FIRST = 2224, /* vsock, that of UDP; next is that of TCP */
    ID_FIRST = 1,
    DNS_PORT = 53,
    SESSIONS_MAX = 1024,
    SILENCE_MS = 30 * 1000, /* the longest of a session */
    RETRY_MS = 30 * 1000,
    WHY_MAX = 512,
};

/* A connection of the guest: a TCP one, or the datagrams of one UDP peer. */
struct session {
    struct list link;
    struct dns *owner;
    struct dns_client client;
    struct datagrams *stream;
    struct timer *silence;
    enum dns_transport transport;
    bool is_ending; /* it asks no more, but waits for answers */
};

struct dns {
    struct uv_loop_s *loop;
    struct dns_names names;
    struct dns_server *server;
    struct ip_address address;      /* of the name server in the guest */
    struct guest_link *link;        /* borrowed; NULL while the agent is away */
    struct devices_client *devices; /* borrowed; listening on our ports */
    struct list sessions;           /* those that were silent longest come first */
    size_t n_sessions;
    struct timer *retry;
    bool is_told[2]; /* that it works, that it does not: a guest may say either often */
};

static const char *const transport_names[] = { [DNS_UDP] = "UDP", [DNS_TCP] = "TCP" };

/* --- Sessions --- */

static void session_end(struct session *s)
{
    list_remove(&s->link);
    s->owner->n_sessions--;
    dns_client_done(&s->client);
    datagrams_close(s->stream);
    timer_close(s->silence);
    free(s);
}

static void touch(struct session *s)
{
    timer_set(s->silence, SILENCE_MS);
    list_remove(&s->link);
    list_push_back(&s->owner->sessions, &s->link);
}

static void silence_passed(void *arg)
{
    session_end(arg);
}

static void query_came(void *arg, struct sv message)
{
    struct session *s = arg;

    touch(s);
    dns_server_ask(s->owner->server, &s->client, message, s->transport);
}

static void answer_found(struct dns_client *client, struct sv answer)
{
    struct session *s = CONTAINER_OF(client, struct session, client);

    touch(s);
    datagrams_send(s->stream, answer);
    if (s->is_ending && s->client.n_queries == 0 && datagrams_are_sent(s->stream))
        session_end(s); /* else silence will */
}

static void peer_left(void *arg)
{
    struct session *s = arg;

    s->is_ending = true;
    if (s->client.n_queries == 0 && datagrams_are_sent(s->stream))
        session_end(s);
}

static const struct datagrams_events session_events = { .on_datagram = query_came,
                                                        .on_end = peer_left };

static void peer_came(void *arg, int take_fd, uint32_t port, uint32_t peer_port)
{
    struct dns *d = arg;
    struct session *s;

    if (d->n_sessions == SESSIONS_MAX)
        session_end(CONTAINER_OF(d->sessions.next, struct session, link));
    s = mem_new(struct session);
    s->stream = datagrams_open(d->loop, take_fd, &session_events, s, NULL);
    if (!s->stream) {
        free(s);
        return;
    }
    s->owner = d;
    s->transport = port == PORT_FIRST + DNS_UDP ? DNS_UDP : DNS_TCP;
    s->client.on_answer = answer_found;
    dns_client_init(&s->client);
    s->silence = timer_open(d->loop, silence_passed, s);
    d->n_sessions++;
    touch(s);
}

/* --- Asking the guest --- */

static void ask(struct dns *d, enum dns_transport transport)
{
    (void)guest_link_send(
        d->link, &(struct guest_msg){ .type = GUEST_LISTEN,
                                      .id = ID_FIRST + transport,
                                      .flags = GUEST_LISTEN_ADDRESS | GUEST_LISTEN_DNS,
                                      .proto = transport == DNS_UDP ? GUEST_UDP : GUEST_TCP,
                                      .address = ip_address_bytes(&d->address),
                                      .port = DNS_PORT,
                                      .vsock_port = PORT_FIRST + transport });
}

static void ask_all(void *arg)
{
    struct dns *d = arg;

    for (enum dns_transport transport = DNS_UDP; transport <= DNS_TCP; transport++)
        ask(d, transport);
}

void dns_greeted(struct dns *d, struct guest_link *link)
{
    struct devices_client *devices = guest_link_devices(link);

    if (!d || !devices)
        return; /* over other links there are no streams */
    d->link = link;
    if (!d->devices) {
        d->devices = devices;
        for (enum dns_transport transport = DNS_UDP; transport <= DNS_TCP; transport++)
            devices_client_listen(devices, PORT_FIRST + transport, peer_came, d);
    }
    ask_all(d);
}

void dns_lost(struct dns *d)
{
    if (!d)
        return;
    d->link = NULL;
    timer_stop(d->retry);
}

void dns_detach(struct dns *d)
{
    if (!d)
        return;
    dns_lost(d);
    while (!list_is_empty(&d->sessions))
        session_end(CONTAINER_OF(d->sessions.next, struct session, link));
    if (d->devices)
        for (enum dns_transport transport = DNS_UDP; transport <= DNS_TCP; transport++)
            devices_client_unlisten(d->devices, PORT_FIRST + transport);
    d->devices = NULL;
}

bool dns_answer(struct dns *d, const struct guest_msg *msg)
{
    auto_mem char *why = NULL;
    enum dns_transport transport;

    if (!d || msg->id < ID_FIRST || msg->id > ID_FIRST + DNS_TCP)
        return false;
    transport = (enum dns_transport)(msg->id - ID_FIRST);
    if (!d->link)
        return true;
    if (msg->text.n)
        timer_set(d->retry, RETRY_MS);
    if (d->is_told[msg->text.n > 0])
        return true;
    d->is_told[msg->text.n > 0] = true;
    why = quote_printable(msg->text, WHY_MAX);
    if (*why)
        log_warn("The guest cannot use the host's DNS server over %s, which is tried again: %s",
                 transport_names[transport], why);
    else
        log_debug("The guest uses the host's DNS server");
    return true;
}

/* --- Life --- */

static void set_name(struct dns *d, const char *name, const char *value)
{
    auto_err struct err *err = NULL;

    if (!dns_names_set(&d->names, name, value, &err))
        log_warn("hostResolver.hosts[\"%s\"] is left out: %s", name, err_text(err));
}

/* Ours go last, as in Lima: they are not to be changed. */
static void set_names(struct dns *d, const struct dns_params *params)
{
    const struct field_map *hosts = &params->config->host_resolver.hosts;
    auto_mem char *full = mem_printf("%s.internal", params->hostname);

    for (size_t i = 0; i < hosts->n; i++)
        set_name(d, hosts->v[i].key, hosts->v[i].value);
    if (params->facts->gateway_address)
        set_name(d, "host.lima.internal", params->facts->gateway_address);
    if (params->facts->guest_address) {
        set_name(d, params->hostname, params->facts->guest_address);
        set_name(d, full, params->facts->guest_address);
    }
}

struct dns *dns_open(const struct dns_params *params)
{
    const struct host_resolver_config *config = &params->config->host_resolver;
    struct ip_address address;
    struct dns *d;

    if (!config->enabled.v || !params->facts->dns_address ||
        !ip_address_parse(params->facts->dns_address, &address))
        return NULL;
    d = mem_new(struct dns);
    d->loop = params->loop;
    d->address = address;
    list_init(&d->sessions);
    set_names(d, params);
    d->server = dns_server_open(&(struct dns_server_params){
        .loop = params->loop,
        .names = &d->names,
        .answers_aaaa = config->ipv6.v,
        .resolv_conf_path = params->resolv_conf_path ? params->resolv_conf_path : DNS_RESOLV_CONF,
        .hosts_path = DNS_HOSTS,
    });
    d->retry = timer_open(params->loop, ask_all, d);
    return d;
}

void dns_close(struct dns *d)
{
    if (!d)
        return;
    dns_detach(d);
    dns_server_close(d->server);
    dns_names_done(&d->names);
    timer_close(d->retry);
    free(d);
}
