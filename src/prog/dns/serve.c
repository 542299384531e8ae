/*
 * Theory of operation. A TCP connection is a client of the server. Datagrams have no connection, so
 * each query is a client of its own, which ends with its answer; one that has none, for it was no
 * query, ends at once.
 */
#include "prog/dns/serve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/sb.h"
#include "svc/dns/host_files.h"
#include "svc/dns/server.h"
#include "svc/loop/stream.h"
#include "svc/loop/watch.h"
#include "sys/sock.h"
#include "wire/tunnel.h"

enum {
    CLIENTS_MAX = 256,
    DATAGRAM_SIZE = 65536,
    DATAGRAMS_BATCH = 64,
    INPUT_MAX = 2 * (TUNNEL_DATAGRAM_HEAD_LEN + TUNNEL_DATAGRAM_LEN_MAX),
};

struct serve {
    struct uv_loop_s *loop; /* borrowed */
    struct dns_names names; /* none */
    struct dns_server *server;
    struct watch *sockets[2]; /* UDP, TCP (listens) */
    struct list clients;
    size_t n_clients;
    char datagram[DATAGRAM_SIZE];
};

struct asker {
    struct list link;
    struct serve *serve; /* borrowed */
    struct dns_client client;
    struct sockaddr_in peer; /* UDP */
    struct stream *stream;   /* TCP; else NULL */
    struct sb in;            /* TCP */
    bool is_ending, is_asking;
};

static struct asker *asker_new(struct serve *serve)
{
    struct asker *a = mem_new(struct asker);

    a->serve = serve;
    list_push_back(&serve->clients, &a->link);
    serve->n_clients++;
    return a;
}

static void asker_free(struct asker *a)
{
    dns_client_done(&a->client);
    stream_close(a->stream);
    sb_done(&a->in);
    list_remove(&a->link);
    a->serve->n_clients--;
    free(a);
}

/* Over UDP. */

static void answer_datagram(struct dns_client *client, struct sv answer)
{
    struct asker *a = CONTAINER_OF(client, struct asker, client);

    (void)sendto(watch_fd(a->serve->sockets[DNS_UDP]), answer.p, answer.n, MSG_DONTWAIT,
                 (const struct sockaddr *)&a->peer, sizeof(a->peer));
    if (!a->is_asking)
        asker_free(a);
}

static void datagrams_ready(void *arg)
{
    struct serve *serve = arg;

    for (int i = 0; i < DATAGRAMS_BATCH && serve->n_clients < CLIENTS_MAX; i++) {
        struct sockaddr_in peer;
        socklen_t len = sizeof(peer);
        ssize_t n = recvfrom(watch_fd(serve->sockets[DNS_UDP]), serve->datagram, DATAGRAM_SIZE,
                             MSG_DONTWAIT, (struct sockaddr *)&peer, &len);
        struct asker *a;

        if (n < 0)
            return;
        a = asker_new(serve);
        a->peer = peer;
        a->client.on_answer = answer_datagram;
        dns_client_init(&a->client);
        a->is_asking = true;
        dns_server_ask(serve->server, &a->client, (struct sv){ serve->datagram, (size_t)n },
                       DNS_UDP);
        a->is_asking = false;
        if (a->client.n_queries == 0) /* it was answered, or will not be */
            asker_free(a);
    }
}

/* Over TCP. */

static void answer_stream(struct dns_client *client, struct sv answer)
{
    struct asker *a = CONTAINER_OF(client, struct asker, client);
    auto_sb struct sb bytes = { 0 };

    tunnel_datagram_put(&bytes, answer);
    stream_send(a->stream, sb_view(&bytes));
}

static void end_if_done(struct asker *a)
{
    if (a->is_ending && a->client.n_queries == 0 && stream_pending(a->stream) == 0)
        asker_free(a);
}

static void stream_data(void *arg, struct sv bytes)
{
    struct asker *a = arg;
    struct sv in, message;

    sb_put(&a->in, bytes);
    in = sb_view(&a->in);
    while (tunnel_datagram_take(&in, &message))
        dns_server_ask(a->serve->server, &a->client, message, DNS_TCP);
    sb_consume(&a->in, a->in.n - in.n);
    if (a->in.n > INPUT_MAX)
        asker_free(a);
}

static void stream_ended(void *arg, const struct err *err)
{
    struct asker *a = arg;

    a->is_ending = true;
    end_if_done(a);
}

static void stream_drained(void *arg)
{
    end_if_done(arg);
}

static void connection_ready(void *arg)
{
    static const struct stream_events events = { stream_data, stream_ended, stream_drained };
    struct serve *serve = arg;
    struct asker *a;
    int fd;

    if (!sock_accept(watch_fd(serve->sockets[DNS_TCP]), &fd, NULL))
        return;
    if (serve->n_clients == CLIENTS_MAX) {
        (void)close(fd);
        return;
    }
    a = asker_new(serve);
    a->client.on_answer = answer_stream;
    dns_client_init(&a->client);
    a->stream = stream_open(serve->loop, fd, &events, a, NULL);
    if (!a->stream)
        asker_free(a);
}

/* Life. */

static bool bind_udp(uint16_t port, int *out_fd, uint16_t *out_port, struct err **errp)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons(port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(address);
    auto_fd int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) < 0)
        return err_set_os(errp, errno, "cannot bind UDP port %u of 127.0.0.1", port);
    *out_fd = MOVE_FD(fd);
    *out_port = ntohs(address.sin_port);
    return true;
}

static bool open_sockets(struct serve *serve, const uint16_t ports[2], uint16_t out_ports[2],
                         struct err **errp)
{
    int fd;

    if (!bind_udp(ports[DNS_UDP], &fd, &out_ports[DNS_UDP], errp))
        return false;
    serve->sockets[DNS_UDP] = watch_open(serve->loop, fd, datagrams_ready, serve, errp);
    if (!serve->sockets[DNS_UDP] ||
        !sock_tcp_listen("127.0.0.1", ports[DNS_TCP], &fd, &out_ports[DNS_TCP], errp))
        return false;
    serve->sockets[DNS_TCP] = watch_open(serve->loop, fd, connection_ready, serve, errp);
    return serve->sockets[DNS_TCP] != NULL;
}

struct serve *serve_open(struct uv_loop_s *loop, const uint16_t ports[2], bool answers_aaaa,
                         uint16_t out_ports[2], struct err **errp)
{
    struct serve *serve = mem_new(struct serve);

    serve->loop = loop;
    list_init(&serve->clients);
    serve->server =
        dns_server_open(&(struct dns_server_params){ .loop = loop,
                                                     .names = &serve->names,
                                                     .answers_aaaa = answers_aaaa,
                                                     .resolv_conf_path = DNS_RESOLV_CONF,
                                                     .hosts_path = DNS_HOSTS });
    if (!open_sockets(serve, ports, out_ports, errp)) {
        serve_close(serve);
        return NULL;
    }
    return serve;
}

void serve_close(struct serve *serve)
{
    if (!serve)
        return;
    while (!list_is_empty(&serve->clients))
        asker_free(CONTAINER_OF(serve->clients.next, struct asker, link));
    watch_close(serve->sockets[DNS_UDP]);
    watch_close(serve->sockets[DNS_TCP]);
    dns_server_close(serve->server);
    dns_names_done(&serve->names);
    free(serve);
}
