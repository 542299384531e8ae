#include "prog/hostagent/exporter.h"

#include <unistd.h>

#include "base/mem.h"
#include "base/quote.h"
#include "svc/loop/child.h"
#include "sys/prefix.h"
#include "sys/sock.h"
#include "wire/exporter.h"

#define PROGRAM "libexec/lima/exporter"

enum { FD_REPLY = 3, DEADLINE_MS = 10 * 1000, STDERR_MAX = 4096 };

struct exporter {
    struct child *child;
    int reply_fd;
    exporter_fn on_done;
    void *arg;
};

/* The reply is there, if there is one, when the program has ended. */
static bool read_reply(struct exporter *e, const struct child_exit *exit, int *out_fd,
                       struct err **errp)
{
    char text[EXPORTER_REPLY_LEN_MAX];
    auto_fd int fd = -1;
    size_t n = 0, n_fds = 0;
    struct sv reply;

    if (exit->timed_out)
        return err_set(errp, ERR_TIMEOUT, "looking at the folder takes too long");
    if (!child_exit_check(exit, "exporter", errp) ||
        !sock_recv_fds(e->reply_fd, text, sizeof(text), &n, &fd, 1, &n_fds, errp))
        return false;
    reply = (struct sv){ text, n };
    if (sv_eq(reply, SV(EXPORTER_DONE)) && n_fds == 1) {
        *out_fd = MOVE_FD(fd);
        return true;
    }

    auto_mem char *printable = quote_printable(reply, EXPORTER_REPLY_LEN_MAX);

    return err_set(errp, ERR_INVALID, "%s", *printable ? printable : "no reply of the exporter");
}

static void child_ended(void *arg, const struct child_exit *exit)
{
    struct exporter *e = arg;
    auto_err struct err *err = NULL;
    int fd = -1;

    (void)read_reply(e, exit, &fd, &err);
    e->on_done(e->arg, fd, err);
}

static const struct child_events child_events = { .on_exit = child_ended };

struct exporter *exporter_open(struct uv_loop_s *loop, const char *program, const char *path,
                               bool read_only, exporter_fn on_done, void *arg, struct err **errp)
{
    auto_cmd struct cmd cmd = {
        .in = CMD_TO_NULL,
        .out = CMD_TO_NULL,
        .err = CMD_TO_PIPE(STDERR_MAX),
        .deadline_ms = DEADLINE_MS,
    };
    auto_fd int theirs = -1;
    struct exporter *e;
    auto_mem char *installed = NULL;
    int pair[2];

    if (!program && !prefix_find(PROGRAM, &installed, errp))
        return NULL;
    strv_push(&cmd.argv, program ? program : installed);
    if (!sock_pair(SOCK_SEQPACKET, pair, errp))
        return NULL;
    theirs = pair[1];
    strv_push(&cmd.argv, "--reply-fd");
    strv_pushf(&cmd.argv, "%d", FD_REPLY);
    if (read_only)
        strv_push(&cmd.argv, "--read-only");
    strv_push(&cmd.argv, path);
    cmd_pass_fd(&cmd, theirs, FD_REPLY);
    e = mem_new(struct exporter);
    e->reply_fd = pair[0];
    e->on_done = on_done;
    e->arg = arg;
    e->child = child_open(loop, &cmd, &child_events, e, errp);
    if (e->child)
        return e;
    exporter_close(e);
    return NULL;
}

void exporter_close(struct exporter *e)
{
    if (!e)
        return;
    child_close(e->child);
    (void)close(e->reply_fd);
    free(e);
}
