#include "svc/dns/exchange.h"

#include <uv.h>

#include "base/mem.h"
#include "svc/loop/timer.h"

enum { FRAME_HEAD_LEN = 2 };

struct dns_exchange {
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_udp_t udp;
        uv_tcp_t tcp;
    } u;
    const struct dns_exchange_events *events;
    void *arg;
    struct timer *overdue;
    struct sb query; /* TCP: with its length in front */
    struct sb in;    /* TCP: what came so far */
    uv_connect_t connect;
    uv_write_t write;
};

/* For what is being read; the loop has one thread, and nobody keeps it. */
static char read_buffer[DNS_MESSAGE_LEN_MAX];

static bool is_closing(const struct dns_exchange *x)
{
    return uv_is_closing(&x->u.handle);
}

static void fail(struct dns_exchange *x, int status)
{
    auto_err struct err *err = NULL;

    if (is_closing(x))
        return;
    if (status == UV_EOF)
        (void)err_set(&err, ERR_PROTOCOL, "the connection was closed without an answer");
    else
        (void)err_set_os(&err, -status, "no answer");
    x->events->on_failed(x->arg, err);
}

static void overdue(void *arg)
{
    struct dns_exchange *x = arg;
    auto_err struct err *err = NULL;

    (void)err_set(&err, ERR_TIMEOUT, "no answer in time");
    x->events->on_failed(x->arg, err);
}

static void give_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    *buf = uv_buf_init(read_buffer, sizeof(read_buffer));
}

/* --- UDP --- */

static void datagram_came(uv_udp_t *udp, ssize_t n, const uv_buf_t *buf,
                          const struct sockaddr *from, unsigned flags)
{
    struct dns_exchange *x = udp->data;

    if (n < 0)
        fail(x, (int)n);
    else if (from && !(flags & UV_UDP_PARTIAL))
        x->events->on_message(x->arg, (struct sv){ buf->base, (size_t)n });
}

static int start_udp(struct dns_exchange *x, const struct sockaddr *address)
{
    uv_buf_t buf = uv_buf_init(x->query.p, (unsigned)x->query.n);
    int status = uv_udp_connect(&x->u.udp, address); /* others are not heard then */

    if (status == 0)
        status = uv_udp_recv_start(&x->u.udp, give_buffer, datagram_came);
    if (status == 0)
        status = uv_udp_try_send(&x->u.udp, &buf, 1, NULL);
    return status < 0 ? status : 0;
}

/* --- TCP --- */

static void bytes_came(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct dns_exchange *x = stream->data;
    size_t len;

    if (n < 0) {
        fail(x, (int)n);
        return;
    }
    sb_put_mem(&x->in, buf->base, (size_t)n);
    if (x->in.n < FRAME_HEAD_LEN)
        return;
    len = (size_t)(uint8_t)x->in.p[0] << 8 | (uint8_t)x->in.p[1];
    if (x->in.over)
        fail(x, UV_EMSGSIZE);
    else if (x->in.n >= FRAME_HEAD_LEN + len)
        x->events->on_message(x->arg,
                              sv_slice(sb_view(&x->in), FRAME_HEAD_LEN, FRAME_HEAD_LEN + len));
}

static void written(uv_write_t *req, int status)
{
    if (status < 0)
        fail(req->handle->data, status);
}

static void connected(uv_connect_t *req, int status)
{
    struct dns_exchange *x = req->handle->data;
    uv_buf_t buf = uv_buf_init(x->query.p, (unsigned)x->query.n);

    if (is_closing(x))
        return;
    if (status == 0)
        status = uv_write(&x->write, &x->u.stream, &buf, 1, written);
    if (status == 0)
        status = uv_read_start(&x->u.stream, give_buffer, bytes_came);
    if (status < 0)
        fail(x, status);
}

/* --- Life --- */

static void closed(uv_handle_t *handle)
{
    struct dns_exchange *x = handle->data;

    sb_done(&x->query);
    sb_done(&x->in);
    free(x);
}

void dns_exchange_close(struct dns_exchange *x)
{
    if (!x || is_closing(x))
        return;
    timer_close(MOVE(x->overdue));
    uv_close(&x->u.handle, closed);
}

static int find_address(const struct resolv_server *server, struct sockaddr_storage *out)
{
    int status = uv_ip4_addr(server->address, server->port, (struct sockaddr_in *)out);

    return status == 0 ? 0 : uv_ip6_addr(server->address, server->port, (struct sockaddr_in6 *)out);
}

struct dns_exchange *dns_exchange_open(struct uv_loop_s *loop, const struct resolv_server *server,
                                       enum dns_transport transport, struct sv query,
                                       uint64_t timeout_ms,
                                       const struct dns_exchange_events *events, void *arg,
                                       struct err **errp)
{
    struct dns_exchange *x = mem_new(struct dns_exchange);
    struct sockaddr_storage address = { 0 };
    int status = find_address(server, &address);

    x->events = events;
    x->arg = arg;
    x->in.limit = FRAME_HEAD_LEN + DNS_MESSAGE_LEN_MAX;
    if (transport == DNS_TCP) {
        sb_putc(&x->query, (char)(query.n >> 8));
        sb_putc(&x->query, (char)query.n);
    }
    sb_put(&x->query, query);
    if (transport == DNS_TCP)
        (void)uv_tcp_init(loop, &x->u.tcp);
    else
        (void)uv_udp_init(loop, &x->u.udp);
    x->u.handle.data = x;
    x->overdue = timer_open(loop, overdue, x);
    timer_set(x->overdue, timeout_ms);
    if (status == 0)
        status = transport == DNS_TCP ? uv_tcp_connect(&x->connect, &x->u.tcp,
                                                       (struct sockaddr *)&address, connected)
                                      : start_udp(x, (struct sockaddr *)&address);
    if (status < 0) {
        (void)err_set_os(errp, -status, "cannot ask a name server");
        dns_exchange_close(x);
        return NULL;
    }
    return x;
}
