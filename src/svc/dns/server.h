/*
 * The DNS server behind the guest's name server address (reference: runtime section 19). It knows
 * no sockets of the guest: messages come from a client and go back to it.
 *
 *     dns_server_open(&params)
 *         client->on_answer = ...; dns_client_init(client)      one for each connection
 *         dns_server_ask(server, client, message, DNS_TCP)      for each message
 *         dns_client_done(client)                               no answers from here on
 *     dns_server_close(server)                                  after all its clients
 *
 * Answers come from the given names, else from the host's /etc/hosts, else from the host's name
 * servers, in any order, at most one for each message. Messages that are no queries have none.
 * Everything is bounded: how many queries are under way, for a client and in all, and how long.
 *
 * What asks for an address (A, AAAA) goes through the host's search domains when the name has fewer
 * dots than the host's "ndots"; an alias or a domain that was found is told as a CNAME.
 */
#ifndef SVC_DNS_SERVER_H
#define SVC_DNS_SERVER_H

#include "base/list.h"
#include "base/sv.h"
#include "svc/dns/message.h"
#include "svc/dns/names.h"

#define DNS_CLIENT_QUERIES_MAX 64
#define DNS_SERVER_QUERIES_MAX 512
#define DNS_DEADLINE_MS        9000 /* less than the guest waits for */

struct dns_server;
struct uv_loop_s;

struct dns_server_params {
    struct uv_loop_s *loop;
    const struct dns_names *names; /* borrowed for the life of the server */
    bool answers_aaaa;             /* else there are no IPv6 addresses for the guest */
    const char *resolv_conf_path, *hosts_path;
};

struct dns_client {
    /* Within dns_server_ask(), or later. answer is borrowed. May end the client. */
    void (*on_answer)(struct dns_client *client, struct sv answer);
    size_t n_queries;    /* under way */
    struct list queries; /* private */
};

struct dns_server *dns_server_open(const struct dns_server_params *params);
void dns_server_close(struct dns_server *server);

void dns_client_init(struct dns_client *client);
void dns_client_done(struct dns_client *client);
void dns_server_ask(struct dns_server *server, struct dns_client *client, struct sv message,
                    enum dns_transport transport);

#endif
