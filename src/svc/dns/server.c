#include "svc/dns/server.h"

#include <assert.h>

#include "base/mem.h"
#include "svc/dns/host_files.h"
#include "svc/dns/lookup.h"
#include "svc/loop/timer.h"

enum { ALIASES_MAX = 16 };

struct dns_server {
    struct dns_server_params params;
    struct dns_host_files files;
    struct dns_servers servers;
    size_t n_queries;
};

/* A query under way. */
struct pending {
    struct list link;
    struct dns_server *server;
    struct dns_client *client;
    enum dns_transport transport;
    struct dns_query query;
    bool is_ours;               /* the name is in a table: it exists */
    VEC(ldns_rdf *) aliases;    /* what the name stands for, one after the other */
    VEC(ldns_rdf *) candidates; /* names to ask for, until one has addresses */
    size_t at, plain;           /* in candidates: which is asked for; which is the name itself */
    struct dns_lookup *lookup;
    struct timer *deadline;
    ldns_pkt *plain_reply;
    bool was_empty; /* a name of a search domain exists, but has no such records */
};

/* --- Answering --- */

static void pending_free(struct pending *p)
{
    list_remove(&p->link);
    p->client->n_queries--;
    p->server->n_queries--;
    dns_lookup_close(p->lookup);
    timer_close(p->deadline);
    for (size_t i = 0; i < p->aliases.n; i++)
        ldns_rdf_deep_free(p->aliases.v[i]);
    for (size_t i = 0; i < p->candidates.n; i++)
        ldns_rdf_deep_free(p->candidates.v[i]);
    vec_done(&p->aliases);
    vec_done(&p->candidates);
    ldns_pkt_free(p->plain_reply);
    dns_query_done(&p->query);
    free(p);
}

/* Ends the query. */
static void answer(struct pending *p, ldns_pkt *take_reply)
{
    struct dns_client *client = p->client;
    auto_sb struct sb bytes = { 0 };

    dns_reply_encode(take_reply, &p->query, p->transport, &bytes);
    ldns_pkt_free(take_reply);
    pending_free(p);
    client->on_answer(client, sb_view(&bytes));
}

static void answer_empty(struct pending *p, unsigned rcode)
{
    answer(p, dns_reply_new(&p->query, rcode));
}

/* The name that the aliases have led to. */
static const ldns_rdf *last_name(const struct pending *p)
{
    return p->aliases.n ? p->aliases.v[p->aliases.n - 1] : p->query.name;
}

/* A reply that begins with the aliases. */
static ldns_pkt *begin_reply(const struct pending *p)
{
    ldns_pkt *reply = dns_reply_new(&p->query, LDNS_RCODE_NOERROR);

    for (size_t i = 0; i < p->aliases.n; i++)
        dns_reply_add_name(reply, LDNS_RR_TYPE_CNAME, i ? p->aliases.v[i - 1] : p->query.name,
                           p->aliases.v[i]);
    return reply;
}

/* --- From tables --- */

static const struct dns_name *find(const struct dns_server *server, const char *key)
{
    const struct dns_name *name = dns_names_find(server->params.names, key);

    return name ? name : dns_names_find(&server->files.hosts, key);
}

static void answer_pointer(struct pending *p, const char *target)
{
    ldns_rdf *name = ldns_dname_new_frm_str(target);
    ldns_pkt *reply = dns_reply_new(&p->query, LDNS_RCODE_NOERROR);

    if (name)
        dns_reply_add_name(reply, LDNS_RR_TYPE_PTR, p->query.name, name);
    ldns_rdf_deep_free(name);
    answer(p, reply);
}

static void answer_addresses(struct pending *p, const struct dns_name *name)
{
    ldns_pkt *reply = begin_reply(p);
    size_t wanted = p->query.type == LDNS_RR_TYPE_A      ? 4
                    : p->query.type == LDNS_RR_TYPE_AAAA ? 16
                                                         : 0;

    for (size_t i = 0; i < name->addresses.n; i++)
        if (name->addresses.v[i].n == wanted)
            dns_reply_add_address(reply, last_name(p), &name->addresses.v[i]);
    answer(p, reply);
}

/* Follows aliases as far as there are any; a circle of them is none. Returns what the last of them
 * is in a table, or NULL. */
static const struct dns_name *follow_aliases(struct pending *p)
{
    const struct dns_name *name = find(p->server, p->query.key);

    while (name && name->alias && p->aliases.n < ALIASES_MAX) {
        ldns_rdf *target = ldns_dname_new_frm_str(name->alias);

        if (!target)
            return NULL;
        *vec_push(&p->aliases) = target;
        if (p->query.type == LDNS_RR_TYPE_CNAME)
            break;
        name = find(p->server, name->alias);
    }
    if (p->aliases.n < ALIASES_MAX)
        return name;
    while (p->aliases.n)
        ldns_rdf_deep_free(p->aliases.v[--p->aliases.n]);
    return NULL;
}

/* True when it was answered. */
static bool answer_here(struct pending *p)
{
    const struct dns_name *name;
    const char *target = NULL;

    if (p->query.type == LDNS_RR_TYPE_AAAA && !p->server->params.answers_aaaa) {
        answer_empty(p, LDNS_RCODE_NOERROR);
        return true;
    }
    if (!p->query.key)
        return false;
    if (p->query.type == LDNS_RR_TYPE_PTR) {
        target = dns_names_find_pointer(p->server->params.names, p->query.key);
        if (!target)
            target = dns_names_find_pointer(&p->server->files.hosts, p->query.key);
        if (target)
            answer_pointer(p, target);
        return target != NULL;
    }
    p->is_ours = find(p->server, p->query.key) != NULL;
    if (p->query.type != LDNS_RR_TYPE_A && p->query.type != LDNS_RR_TYPE_AAAA &&
        p->query.type != LDNS_RR_TYPE_CNAME)
        return false;
    name = follow_aliases(p);
    if (name)
        answer_addresses(p, name);
    return name != NULL;
}

/* --- From name servers --- */

static void ask_candidate(struct pending *p);

static void answer_plain(struct pending *p)
{
    ldns_pkt *reply;

    /* One that is cut is of no use to who asks over TCP, and must not look like the whole. */
    if (!p->plain_reply || (ldns_pkt_tc(p->plain_reply) && p->transport == DNS_TCP)) {
        answer_empty(p, LDNS_RCODE_SERVFAIL);
        return;
    }
    reply = begin_reply(p);
    dns_reply_add_all(reply, p->plain_reply, p->server->servers.conf.trust_ad && p->aliases.n == 0);
    if (ldns_pkt_get_rcode(reply) == LDNS_RCODE_NXDOMAIN &&
        (p->was_empty || (p->is_ours && p->aliases.n == 0)))
        ldns_pkt_set_rcode(reply, LDNS_RCODE_NOERROR);
    answer(p, reply);
}

/* What a search domain has to say. */
static void answer_found(struct pending *p, ldns_pkt *take_found)
{
    ldns_pkt *reply = begin_reply(p);

    dns_reply_add_name(reply, LDNS_RR_TYPE_CNAME, last_name(p), p->candidates.v[p->at]);
    dns_reply_add_all(reply, take_found, false);
    ldns_pkt_free(take_found);
    answer(p, reply);
}

static void looked_up(void *arg, ldns_pkt *take_reply, const struct err *err)
{
    struct pending *p = arg;
    bool is_answered = take_reply != NULL;
    bool exists = is_answered && dns_reply_code(take_reply) == LDNS_RCODE_NOERROR;
    bool is_found = exists && ldns_pkt_ancount(take_reply) > 0;

    dns_lookup_close(MOVE(p->lookup));
    if (p->at == p->plain) {
        p->plain_reply = take_reply;
    } else if (is_found) {
        answer_found(p, take_reply);
        return;
    } else {
        p->was_empty |= exists;
        ldns_pkt_free(take_reply);
    }
    /* When nobody has answered, nobody will for the other names. */
    if (!is_answered || is_found || ++p->at == p->candidates.n)
        answer_plain(p);
    else
        ask_candidate(p);
}

static void ask_candidate(struct pending *p)
{
    struct dns_question question = {
        .type = p->query.type,
        .name = p->candidates.v[p->at],
        .recursion_desired = p->query.recursion_desired,
        .checking_disabled = p->query.checking_disabled,
        .with_edns = p->query.has_edns,
        .dnssec_ok = p->query.dnssec_ok,
    };

    p->lookup =
        dns_lookup_open(p->server->params.loop, &p->server->servers, &question, looked_up, p);
}

static void deadline_passed(void *arg)
{
    answer_plain(arg);
}

/* The name, and where the host would search for it: names of one label are searched for first. */
static void find_candidates(struct pending *p)
{
    const struct resolv_conf *conf = &p->server->servers.conf;
    const ldns_rdf *name = last_name(p);
    unsigned n_labels = ldns_dname_label_count(name);
    bool wants_address = p->query.type == LDNS_RR_TYPE_A || p->query.type == LDNS_RR_TYPE_AAAA;

    if (wants_address && n_labels > 0 && n_labels <= conf->ndots)
        for (size_t i = 0; i < conf->search.n; i++) {
            ldns_rdf *domain = ldns_dname_new_frm_str(conf->search.v[i]);
            ldns_rdf *full = domain ? ldns_dname_cat_clone(name, domain) : NULL;

            ldns_rdf_deep_free(domain);
            if (full && ldns_rdf_size(full) <= LDNS_MAX_DOMAINLEN)
                *vec_push(&p->candidates) = full;
            else
                ldns_rdf_deep_free(full);
        }
    *vec_push(&p->candidates) = ldns_rdf_clone(name);
    p->plain = p->candidates.n - 1;
    if (n_labels > 1 && p->plain > 0) {
        ldns_rdf *first = p->candidates.v[p->plain];

        memmove(&p->candidates.v[1], &p->candidates.v[0], p->plain * sizeof(p->candidates.v[0]));
        p->candidates.v[0] = first;
        p->plain = 0;
    }
}

/* --- Life --- */

static void refresh(struct dns_server *server)
{
    if (dns_host_files_refresh(&server->files))
        dns_servers_set(&server->servers, &server->files.conf);
}

void dns_server_ask(struct dns_server *server, struct dns_client *client, struct sv message,
                    enum dns_transport transport)
{
    struct pending *p;
    struct dns_query query;

    if (!dns_query_decode(&query, message))
        return;
    p = mem_new(struct pending);
    p->server = server;
    p->client = client;
    p->transport = transport;
    p->query = query;
    list_push_back(&client->queries, &p->link);
    client->n_queries++;
    server->n_queries++;
    if (query.error) {
        answer_empty(p, query.error);
        return;
    }
    refresh(server);
    if (answer_here(p))
        return;
    if (server->n_queries > DNS_SERVER_QUERIES_MAX || client->n_queries > DNS_CLIENT_QUERIES_MAX) {
        answer_empty(p, LDNS_RCODE_SERVFAIL);
        return;
    }
    find_candidates(p);
    p->deadline = timer_open(server->params.loop, deadline_passed, p);
    timer_set(p->deadline, DNS_DEADLINE_MS);
    ask_candidate(p);
}

void dns_client_init(struct dns_client *client)
{
    list_init(&client->queries);
    client->n_queries = 0;
}

void dns_client_done(struct dns_client *client)
{
    while (!list_is_empty(&client->queries))
        pending_free(CONTAINER_OF(client->queries.next, struct pending, link));
}

struct dns_server *dns_server_open(const struct dns_server_params *params)
{
    struct dns_server *server = mem_new(struct dns_server);

    server->params = *params;
    dns_host_files_init(&server->files, params->resolv_conf_path, params->hosts_path);
    dns_servers_set(&server->servers, &server->files.conf);
    return server;
}

void dns_server_close(struct dns_server *server)
{
    if (!server)
        return;
    assert(server->n_queries == 0);
    dns_servers_done(&server->servers);
    dns_host_files_done(&server->files);
    free(server);
}
