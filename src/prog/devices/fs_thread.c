#include "prog/devices/fs_thread.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "prog/devices/echo.h"
#include "vhost/fs_dev.h"

enum job_kind { JOB_SERVE, JOB_EXPORT, JOB_UNEXPORT, JOB_DETACH, JOB_AGENT, JOB_STOP };

struct job {
    struct list link;
    enum job_kind kind;
    char *name;
    struct fuse_export_options options;
    int fd; /* -1 = none */
    int error;
    fs_done_fn on_done; /* NULL: nobody wants to know */
    void *arg;
};

/* Jobs on their way to a thread, whose loop the descriptor wakes. */
struct mailbox {
    pthread_mutex_t lock;
    struct list jobs;
    int wake_fd;
    struct ev_source source;
};

struct fs_thread {
    struct evloop *callers_loop; /* borrowed */
    struct mailbox todo, done;
    pthread_t thread;
    pthread_barrier_t started;
    /* The thread's own. */
    struct evloop *loop;
    struct fuse_server *server;
    struct fs_dev *dev;
    struct echo *echo;
    bool has_warned;
};

static void free_job(struct job *job)
{
    if (job->fd >= 0)
        (void)close(job->fd);
    free(job->name);
    free(job);
}

/* ---- mailboxes ---- */

static bool open_mailbox(struct mailbox *m, struct evloop *loop, ev_source_fn on_ready,
                         struct err **errp)
{
    (void)pthread_mutex_init(&m->lock, NULL);
    list_init(&m->jobs);
    m->source.fd = -1;
    m->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (m->wake_fd < 0)
        return err_set_os(errp, errno, "cannot make an event descriptor");
    return evloop_add(loop, &m->source, m->wake_fd, EPOLLIN, on_ready, errp);
}

static void put_job(struct mailbox *m, struct job *take_job)
{
    const uint64_t one = 1;
    ssize_t n;

    (void)pthread_mutex_lock(&m->lock);
    list_push_back(&m->jobs, &take_job->link);
    (void)pthread_mutex_unlock(&m->lock);
    n = write(m->wake_fd, &one, sizeof(one)); /* fails only when it is awake anyway */
    (void)n;
}

static struct job *take_job(struct mailbox *m)
{
    struct job *job = NULL;

    (void)pthread_mutex_lock(&m->lock);
    if (!list_is_empty(&m->jobs)) {
        job = CONTAINER_OF(m->jobs.next, struct job, link);
        list_remove(&job->link);
    }
    (void)pthread_mutex_unlock(&m->lock);
    return job;
}

static void calm_down(struct mailbox *m)
{
    uint64_t count;
    ssize_t n = read(m->wake_fd, &count, sizeof(count));

    (void)n;
}

static void close_mailbox(struct mailbox *m, struct evloop *loop)
{
    struct job *job;

    while ((job = take_job(m)))
        free_job(job);
    evloop_remove(loop, &m->source);
    if (m->wake_fd >= 0)
        (void)close(m->wake_fd);
    (void)pthread_mutex_destroy(&m->lock);
}

/* ---- in the thread ---- */

static void broke(void *owner, const char *why)
{
    struct fs_thread *t = owner;

    /* Once: a guest could fill the log. */
    if (!t->has_warned)
        log_warn("the guest broke a queue of its file system device: %s; mounts work again when "
                 "the driver starts anew",
                 why);
    t->has_warned = true;
}

static void gone(void *owner, const struct err *err)
{
    struct fs_thread *t = owner;

    if (err)
        log_error("%s", err_text(err));
    fs_dev_free(t->dev);
    t->dev = NULL;
}

static const struct fs_dev_events dev_events = { .on_broken = broke, .on_gone = gone };

static int errno_of(const struct err *err)
{
    switch (err_kind(err)) {
    case ERR_EXISTS:
        return EEXIST;
    case ERR_NOT_FOUND:
        return ENOENT;
    case ERR_BUSY:
        return EBUSY;
    case ERR_OS:
        return err_errno(err);
    default:
        return EINVAL;
    }
}

static void do_job(struct fs_thread *t, struct job *job)
{
    auto_err struct err *err = NULL;
    bool ok = true;

    switch (job->kind) {
    case JOB_SERVE:
        t->dev = fs_dev_new(t->loop, MOVE_FD(job->fd), t->server, &dev_events, t, &err);
        if (!t->dev)
            log_error("%s", err_text(err));
        break;
    case JOB_EXPORT:
        ok = fuse_server_add(t->server, &job->options, MOVE_FD(job->fd), &err);
        break;
    case JOB_UNEXPORT:
        ok = fuse_server_remove(t->server, job->name, &err);
        echo_export_gone(t->echo, job->name);
        break;
    case JOB_DETACH:
        ok = fuse_server_detach(t->server, job->name, &err);
        echo_export_gone(t->echo, job->name);
        break;
    case JOB_AGENT:
        echo_take_agent(t->echo, MOVE_FD(job->fd));
        break;
    case JOB_STOP:
        evloop_stop(t->loop);
        break;
    }
    job->error = ok ? 0 : errno_of(err);
    if (!ok)
        log_debug("%s", err_text(err));
    if (job->on_done)
        put_job(&t->done, job);
    else
        free_job(job);
}

static void jobs_came(struct ev_source *source, uint32_t events)
{
    struct fs_thread *t = CONTAINER_OF(source, struct fs_thread, todo.source);
    struct job *job;

    calm_down(&t->todo);
    while ((job = take_job(&t->todo)))
        do_job(t, job);
}

static void *thread_main(void *arg)
{
    struct fs_thread *t = arg;
    auto_err struct err *err = NULL;

    (void)pthread_setname_np(pthread_self(), "files");
    (void)pthread_barrier_wait(&t->started);
    if (!evloop_run(t->loop, &err))
        log_error("serving files: %s", err_text(err));
    return NULL;
}

/* ---- for the caller ---- */

static void outcomes_came(struct ev_source *source, uint32_t events)
{
    struct fs_thread *t = CONTAINER_OF(source, struct fs_thread, done.source);
    struct job *job;

    calm_down(&t->done);
    while ((job = take_job(&t->done))) {
        job->on_done(job->arg, job->error);
        free_job(job);
    }
}

static void release(struct fs_thread *t)
{
    close_mailbox(&t->done, t->callers_loop);
    if (t->loop)
        close_mailbox(&t->todo, t->loop);
    fs_dev_free(t->dev);
    echo_free(t->echo);
    fuse_server_free(t->server);
    evloop_free(t->loop);
    free(t);
}

struct fs_thread *fs_thread_new(struct evloop *loop, struct err **errp)
{
    struct fs_thread *t = mem_new(struct fs_thread);
    int rc;

    t->callers_loop = loop;
    t->server = fuse_server_new();
    t->done.wake_fd = t->todo.wake_fd = -1;
    if (!open_mailbox(&t->done, loop, outcomes_came, errp) || !(t->loop = evloop_new(errp)) ||
        !open_mailbox(&t->todo, t->loop, jobs_came, errp)) {
        release(t);
        return NULL;
    }
    t->echo = echo_new(t->loop, t->server);
    (void)pthread_barrier_init(&t->started, NULL, 2);
    rc = pthread_create(&t->thread, NULL, thread_main, t);
    if (rc == 0)
        (void)pthread_barrier_wait(&t->started);
    (void)pthread_barrier_destroy(&t->started);
    if (rc == 0)
        return t;
    (void)err_set_os(errp, rc, "cannot start the thread for files");
    release(t);
    return NULL;
}

static struct job *new_job(enum job_kind kind, struct sv name, int take_fd)
{
    struct job *job = mem_new(struct job);

    job->kind = kind;
    job->name = mem_strndup(name.p, name.n);
    job->fd = take_fd;
    return job;
}

void fs_thread_free(struct fs_thread *t)
{
    if (!t)
        return;
    put_job(&t->todo, new_job(JOB_STOP, SV(""), -1));
    (void)pthread_join(t->thread, NULL);
    release(t);
}

void fs_thread_serve(struct fs_thread *t, int take_fd)
{
    struct job *job = new_job(JOB_SERVE, SV(""), take_fd);

    put_job(&t->todo, job);
}

void fs_thread_export(struct fs_thread *t, const struct fuse_export_options *options,
                      int take_root_fd, fs_done_fn on_done, void *arg)
{
    struct job *job = new_job(JOB_EXPORT, sv_of(options->name), take_root_fd);

    job->options = *options;
    job->options.name = job->name;
    job->on_done = on_done;
    job->arg = arg;
    put_job(&t->todo, job);
}

static void put_removal(struct fs_thread *t, enum job_kind kind, struct sv name, fs_done_fn on_done,
                        void *arg)
{
    struct job *job = new_job(kind, name, -1);

    job->on_done = on_done;
    job->arg = arg;
    put_job(&t->todo, job);
}

void fs_thread_unexport(struct fs_thread *t, struct sv name, fs_done_fn on_done, void *arg)
{
    put_removal(t, JOB_UNEXPORT, name, on_done, arg);
}

void fs_thread_detach(struct fs_thread *t, struct sv name, fs_done_fn on_done, void *arg)
{
    put_removal(t, JOB_DETACH, name, on_done, arg);
}

void fs_thread_take_agent(struct fs_thread *t, int take_fd)
{
    put_job(&t->todo, new_job(JOB_AGENT, SV(""), take_fd));
}
