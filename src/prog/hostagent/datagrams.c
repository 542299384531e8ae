#include "prog/hostagent/datagrams.h"

#include "base/mem.h"
#include "svc/loop/stream.h"
#include "wire/tunnel.h"

enum { PENDING_MAX = 512 * 1024 };

struct datagrams {
    struct stream *stream; /* NULL once closed */
    const struct datagrams_events *events;
    void *arg;
    struct sb in;
    unsigned busy; /* callbacks running: the memory stays until they return */
};

static void release(struct datagrams *d)
{
    if (--d->busy > 0 || d->stream)
        return;
    sb_done(&d->in);
    free(d);
}

static void stream_data(void *arg, struct sv bytes)
{
    struct datagrams *d = arg;
    struct sv rest, datagram;

    d->busy++;
    sb_put(&d->in, bytes);
    rest = sb_view(&d->in);
    while (d->stream && tunnel_datagram_take(&rest, &datagram))
        d->events->on_datagram(d->arg, datagram);
    sb_consume(&d->in, d->in.n - rest.n);
    release(d);
}

static void stream_ended(void *arg, const struct err *err)
{
    struct datagrams *d = arg;

    d->events->on_end(d->arg);
}

static const struct stream_events stream_events = { .on_data = stream_data,
                                                    .on_end = stream_ended };

struct datagrams *datagrams_open(struct uv_loop_s *loop, int take_fd,
                                 const struct datagrams_events *events, void *arg,
                                 struct err **errp)
{
    struct datagrams *d = mem_new(struct datagrams);

    d->events = events;
    d->arg = arg;
    d->stream = stream_open(loop, take_fd, &stream_events, d, errp);
    if (!d->stream) {
        free(d);
        return NULL;
    }
    return d;
}

void datagrams_send_preface(struct datagrams *d, struct sv preface)
{
    stream_send(d->stream, preface);
}

void datagrams_send(struct datagrams *d, struct sv datagram)
{
    auto_sb struct sb out = { 0 };

    if (stream_pending(d->stream) > PENDING_MAX)
        return;
    tunnel_datagram_put(&out, datagram);
    stream_send(d->stream, sb_view(&out));
}

bool datagrams_are_sent(const struct datagrams *d)
{
    return stream_pending(d->stream) == 0;
}

void datagrams_close(struct datagrams *d)
{
    if (!d || !d->stream)
        return;
    d->busy++;
    stream_close(MOVE(d->stream));
    release(d);
}
