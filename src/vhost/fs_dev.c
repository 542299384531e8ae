#include "vhost/fs_dev.h"

#include "base/mem.h"
#include "vhost/linger.h"

enum {
    N_QUEUES = 2,
    BATCH = 16, /* requests of a queue before the loop looks at other things */
    /* A request of 1 MiB has 256 pages; each may lie on the border of two memory regions. */
    PIECES_MAX = 1024,
};

struct fs_dev {
    struct vhost_dev base;
    struct fuse_server *server;         /* borrowed */
    const struct fs_dev_events *events; /* borrowed */
    void *owner;                        /* borrowed */
    struct ev_task work;
    struct vhost_linger linger;
    bool pending[N_QUEUES];
    struct iovec pieces[PIECES_MAX];
};

static void serve(struct fs_dev *f, unsigned queue, const struct vhost_chain *chain)
{
    struct vhost_ring *ring = vhost_dev_ring(&f->base, queue);
    uint32_t n_written;
    bool ok;

    n_written = fuse_server_run(f->server, f->pieces, chain->n_out, f->pieces + chain->n_out,
                                chain->n_in, &ok);
    if (!ok) {
        vhost_ring_break(ring, "what it holds is not a file request");
        vhost_dev_report_broken(&f->base);
        return;
    }
    vhost_ring_push(ring, chain, n_written);
    if (chain->n_in > 0)
        vhost_dev_notify(&f->base, queue); /* at once: the next one may wait for the disk */
    else
        vhost_dev_notify_late(&f->base, queue);
    vhost_linger_answered(&f->linger);
    fuse_server_finish(f->server);
}

/* True when there may be more. */
static bool serve_queue(struct fs_dev *f, unsigned queue)
{
    struct vhost_ring *ring = vhost_dev_ring(&f->base, queue);

    for (unsigned i = 0; i < BATCH; i++) {
        struct vhost_chain chain;

        switch (vhost_ring_pop(ring, &chain, f->pieces, PIECES_MAX)) {
        case VHOST_POP_CHAIN:
            if (chain.n_in > 0)
                vhost_linger_asked(&f->linger);
            else
                vhost_linger_note(&f->linger);
            serve(f, queue, &chain);
            break;
        case VHOST_POP_EMPTY:
            return vhost_linger_goes_on(&f->linger) || vhost_ring_want_kicks(ring);
        case VHOST_POP_BROKEN:
            vhost_dev_report_broken(&f->base);
            return false;
        }
    }
    return true;
}

static void do_work(struct ev_task *task)
{
    struct fs_dev *f = CONTAINER_OF(task, struct fs_dev, work);
    bool more = false;

    for (unsigned queue = 0; queue < N_QUEUES && f->base.is_started; queue++) {
        if (f->pending[queue])
            f->pending[queue] = serve_queue(f, queue);
        more = more || f->pending[queue];
    }
    if (more && f->base.is_started)
        ev_task_queue(f->base.loop, &f->work, do_work);
}

static void kicked(struct vhost_dev *d, unsigned queue)
{
    struct fs_dev *f = CONTAINER_OF(d, struct fs_dev, base);

    /* Requests come in both queues, in turns. */
    for (unsigned i = 0; i < N_QUEUES; i++) {
        f->pending[i] = true;
        vhost_ring_refuse_kicks(vhost_dev_ring(d, i));
    }
    ev_task_queue(d->loop, &f->work, do_work);
}

static void started(struct vhost_dev *d, bool resumed)
{
    struct fs_dev *f = CONTAINER_OF(d, struct fs_dev, base);

    if (!resumed)
        fuse_server_reset(f->server);
}

static void stopped(struct vhost_dev *d, const char *broken)
{
    struct fs_dev *f = CONTAINER_OF(d, struct fs_dev, base);

    ev_task_cancel(&f->work);
    if (broken)
        f->events->on_broken(f->owner, broken);
}

static void gone(struct vhost_dev *d, const struct err *err)
{
    struct fs_dev *f = CONTAINER_OF(d, struct fs_dev, base);

    fuse_server_reset(f->server);
    f->events->on_gone(f->owner, err);
}

static const struct vhost_dev_ops ops = {
    .name = "file system device",
    .n_queues = N_QUEUES,
    .on_started = started,
    .on_stopped = stopped,
    .on_kick = kicked,
    .on_gone = gone,
};

struct fs_dev *fs_dev_new(struct evloop *loop, int take_fd, struct fuse_server *server,
                          const struct fs_dev_events *events, void *owner, struct err **errp)
{
    struct fs_dev *f = mem_new(struct fs_dev);

    f->server = server;
    f->events = events;
    f->owner = owner;
    if (!vhost_dev_init(&f->base, loop, take_fd, &ops, errp)) {
        free(f);
        return NULL;
    }
    return f;
}

void fs_dev_free(struct fs_dev *f)
{
    if (!f)
        return;
    ev_task_cancel(&f->work);
    vhost_dev_done(&f->base);
    free(f);
}
