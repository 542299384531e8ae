#include "prog/guestagent/share_jobs.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "sys/proc.h"

enum { JOBS_MAX = 512, OUTPUT_MAX = GUEST_TEXT_LEN_MAX };

struct job {
    struct list link;
    struct cmd cmd;
    struct share_jobs *owner; /* borrowed */
    uint64_t id;
    struct proc proc;
    struct ev_source output; /* ends when the process does */
    struct sb text;
};

struct share_jobs {
    struct evloop *loop; /* borrowed */
    struct link *link;   /* borrowed */
    struct list list;
    unsigned n;
};

static void answer(struct share_jobs *jobs, uint64_t id, struct sv text)
{
    if (text.n)
        log_warn("Mounting: %.*s", SV_ARG(text));
    link_send_msg(jobs->link,
                  &(struct guest_msg){ .type = GUEST_MOUNT_RESULT, .id = id, .text = text });
}

static void start_next(struct share_jobs *jobs);

static void free_job(struct job *job)
{
    cmd_done(&job->cmd);
    evloop_remove(job->owner->loop, &job->output);
    proc_done(&job->proc);
    list_remove(&job->link);
    job->owner->n--;
    sb_done(&job->text);
    free(job);
}

static void finish(struct job *job)
{
    struct share_jobs *jobs = job->owner;
    int status = 0;
    struct sv text;

    evloop_remove(job->owner->loop, &job->output);
    /* It closed its output because it ends. */
    if (!proc_wait(&job->proc, -1, &status, NULL))
        status = -1;
    text = sv_trim(sb_view(&job->text));
    if (status == 0)
        text = SV("");
    else if (text.n == 0)
        text = SV("the process that was to do it has failed");
    answer(job->owner, job->id, text);
    free_job(job);
    start_next(jobs);
}

static void output_ready(struct ev_source *source, uint32_t events)
{
    struct job *job = CONTAINER_OF(source, struct job, output);
    char bytes[1024];
    ssize_t n = read(source->fd, bytes, sizeof(bytes));

    if (n > 0)
        sb_put_mem(&job->text, bytes, (size_t)n);
    else if (n == 0 || (errno != EINTR && errno != EAGAIN))
        finish(job);
}

static void describe(struct cmd *cmd, const struct guest_msg *msg)
{
    auto_mem char *name = sv_dup(msg->name);
    auto_mem char *mount_point = sv_dup(msg->mount_point);
    auto_mem char *options_9p = sv_dup(msg->text);
    bool mounts = msg->type == GUEST_MOUNT;

    strv_push_list(&cmd->argv, "/proc/self/exe", mounts ? "mount" : "unmount", "--name", name,
                   "--mount-point", mount_point, NULL);
    if (mounts)
        strv_push(&cmd->argv, "--wait");
    if (mounts && msg->text.n)
        strv_push_list(&cmd->argv, "--9p-options", options_9p, NULL);
    if (mounts && msg->flags & GUEST_MOUNT_READ_ONLY)
        strv_push(&cmd->argv, "--read-only");
    if (!mounts && msg->flags & GUEST_UNMOUNT_LAZY)
        strv_push(&cmd->argv, "--lazy");
}

static bool start(struct job *job, struct err **errp)
{
    return cmd_start(&job->cmd, &job->proc, errp) &&
           evloop_add(job->owner->loop, &job->output, job->proc.out_fd, EPOLLIN, output_ready,
                      errp);
}

/* One after the other: a mount point may lie in what the one before it mounts. */
static void start_next(struct share_jobs *jobs)
{
    while (!list_is_empty(&jobs->list)) {
        struct job *job = CONTAINER_OF(jobs->list.next, struct job, link);
        auto_err struct err *err = NULL;

        if (start(job, &err))
            return;
        answer(jobs, job->id, sv_of(err_text(err)));
        free_job(job);
    }
}

bool share_jobs_take_message(struct share_jobs *jobs, const struct guest_msg *msg)
{
    struct job *job;

    if (msg->type != GUEST_MOUNT && msg->type != GUEST_UNMOUNT)
        return false;
    if (jobs->n == JOBS_MAX) {
        answer(jobs, msg->id, SV("too much is being mounted already"));
        return true;
    }
    job = mem_new(struct job);
    job->cmd = (struct cmd){ .in = CMD_TO_NULL, .out = CMD_TO_PIPE(OUTPUT_MAX) };
    describe(&job->cmd, msg);
    job->owner = jobs;
    job->id = msg->id;
    job->output.fd = -1;
    job->proc = PROC_NONE;
    job->text.limit = OUTPUT_MAX;
    list_push_back(&jobs->list, &job->link);
    if (jobs->n++ == 0)
        start_next(jobs);
    return true;
}

struct share_jobs *share_jobs_new(struct evloop *loop, struct link *link)
{
    struct share_jobs *jobs = mem_new(struct share_jobs);

    jobs->loop = loop;
    jobs->link = link;
    list_init(&jobs->list);
    return jobs;
}

void share_jobs_free(struct share_jobs *jobs)
{
    if (!jobs)
        return;
    list_for_each (job, &jobs->list, struct job, link)
        free_job(job);
    free(jobs);
}
