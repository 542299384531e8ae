#include "prog/hostagent/sshfs.h"

#include <sys/socket.h>
#include <unistd.h>

#include "base/enum.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/quote.h"
#include "prog/hostagent/ssh_task.h"
#include "svc/loop/child.h"
#include "svc/loop/timer.h"
#include "svc/ssh/options.h"
#include "svc/ssh/sftp_server.h"
#include "sys/prefix.h"
#include "sys/sock.h"

#define EXPORTER "libexec/lima/exporter"

enum {
    RETRY_MIN_MS = 250,
    RETRY_MAX_MS = 30 * 1000,
    STDERR_MAX = 4096,
    STATUS_NO_PROGRAM = 127, /* of a shell */
    STATUS_SIGNALLED = 128,
    CONNECT_TRIES = 4, /* before the first mount; the ssh server may be busy with others */
};

/* Arguments: the mount point, then those of sshfs. A mount whose sshfs was killed is taken away.
 * Users mount on what they can write only, so the mount point becomes the user's. The boot has let
 * users share their mounts only where all folders come this way. */
static const char start_script[] =
    "export LC_ALL=C; "
    "case $(stat \"$1\" 2>&1) in "
    "*'not connected'*) fusermount3 -uz \"$1\" 2>/dev/null || fusermount -uz \"$1\";; "
    "esac; "
    "[ -d \"$1\" ] || mkdir -p \"$1\" 2>/dev/null || sudo -n mkdir -p \"$1\" || exit 1; "
    "[ -w \"$1\" ] || sudo -n chown \"$(id -u)\" \"$1\"; "
    "conf=/etc/fuse.conf; [ ! -e /etc/fuse3.conf ] || conf=/etc/fuse3.conf; "
    "grep -qs '^[[:space:]]*user_allow_other' \"$conf\" || "
    "echo user_allow_other | sudo -n tee -a \"$conf\" >/dev/null; "
    "shift; exec sshfs \"$@\"";

/* Waits until the mount point is the top of an sshfs. The device number names its line of
 * mountinfo. */
static const char check_script[] =
    "#!/bin/sh\n"
    "n=0 p=%s\n"
    "while [ \"$n\" -lt 300 ]; do\n"
    "    d=$(stat -c %%d \"$p\" 2>/dev/null) || d=0\n"
    "    if [ \"$d\" != \"$(stat -c %%d \"$p/..\" 2>/dev/null)\" ]; then\n"
    "        d=$(((d & 255) | ((d >> 12) & 0xffffff00)))\n"
    "        grep -q \"^[0-9]* [0-9]* 0:$d .* - fuse\\.sshfs \" /proc/self/mountinfo && exit 0\n"
    "    fi\n"
    "    n=$((n + 1))\n"
    "    sleep 0.1 2>/dev/null || sleep 1\n"
    "done\n"
    "echo 'sshfs runs, but nothing is mounted' >&2\n"
    "exit 1\n";

enum state { STATE_STARTING, STATE_MOUNTED, STATE_WAITING, STATE_FAILED, STATE_COUNT };
static const char *const state_names[] = { "starting", "mounted", "waiting", "failed" };
ENUM_NAMES_MATCH(state_names, STATE_COUNT);

struct sshfs {
    struct sshfs_params params; /* texts are the ones below */
    char *location, *mount_point, *exporter;
    char *server;            /* OpenSSH's; NULL = our own */
    struct strv ssh_options; /* without the shared connection, which others may end */
    enum state state;
    bool was_mounted, nonempty;
    unsigned n_tries; /* to connect, before the first mount */
    uint64_t retry_ms;
    struct child *ssh, *folder; /* sshfs in the guest; what serves it here */
    struct err *ssh_why;        /* ssh has ended: what that means, and how */
    int ssh_status;
    bool wants_nonempty;
    struct ssh_task *check;
    struct timer *timer; /* WAITING: until the next start; FAILED: until it is told */
    struct err *why;
};

static void set_state(struct sshfs *s, enum state state)
{
    log_debug("sshfs on %s: %s -> %s", s->mount_point, state_names[s->state], state_names[state]);
    s->state = state;
}

static void end_processes(struct sshfs *s)
{
    child_close(MOVE(s->ssh));
    child_close(MOVE(s->folder));
    ssh_task_close(MOVE(s->check));
    err_free(MOVE(s->ssh_why));
}

static void fail(struct sshfs *s, struct err *take_err)
{
    end_processes(s);
    err_free(s->why);
    s->why = take_err;
    set_state(s, STATE_FAILED);
    timer_set(s->timer, 0);
}

static void retry(struct sshfs *s)
{
    end_processes(s);
    set_state(s, STATE_WAITING);
    timer_set(s->timer, s->retry_ms);
    s->retry_ms = s->retry_ms * 2 < RETRY_MAX_MS ? s->retry_ms * 2 : RETRY_MAX_MS;
}

static void lose(struct sshfs *s, const struct err *err)
{
    bool was_mounted = s->state == STATE_MOUNTED;

    if (was_mounted)
        log_warn("The mount of %s in the guest is lost, and made anew: %s", s->location,
                 err_text(err));
    retry(s);
    if (was_mounted)
        s->params.events->on_lost(s->params.arg);
}

/* ---- what the processes say ---- */

static struct err *explain(const struct child_exit *exit)
{
    struct err *err = NULL;

    if (exit->status == STATUS_NO_PROGRAM) {
        (void)err_set(&err, ERR_NOT_FOUND, "the guest has no sshfs");
        (void)err_hint(&err, "install its package in the guest (sshfs; on Fedora and Enterprise "
                             "Linux fuse-sshfs), or choose mountType virtiofs or 9p");
    } else if (child_exit_check(exit, "sshfs", &err)) {
        (void)err_set(&err, ERR_CANCELED, "it was unmounted in the guest");
    }
    return err;
}

/* fuse 2 refuses directories that are not empty, unless it is told not to; fuse 3 cannot be told.
 */
static bool wants_nonempty(const struct child_exit *exit)
{
    auto_mem char *text = sv_dup(exit->err);

    return strstr(text, "nonempty") != NULL;
}

/* ssh has ended, and the server had no complaint. */
static void conclude(struct sshfs *s)
{
    auto_err struct err *err = MOVE(s->ssh_why);
    bool is_connection = s->ssh_status >= STATUS_SIGNALLED; /* or lost: 255, of ssh */

    if (s->ssh_status != 0 && s->was_mounted) {
        lose(s, err);
    } else if (!s->was_mounted && !s->nonempty && s->wants_nonempty) {
        s->nonempty = true;
        retry(s);
    } else if (!s->was_mounted && is_connection && ++s->n_tries < CONNECT_TRIES) {
        retry(s);
    } else {
        fail(s, MOVE(err));
    }
}

/* When there never was a mount, the server may know why; it ends now, too. */
static void ssh_ended(void *arg, const struct child_exit *exit)
{
    struct sshfs *s = arg;

    s->ssh_why = explain(exit);
    s->ssh_status = exit->status;
    s->wants_nonempty = wants_nonempty(exit);
    child_close(MOVE(s->ssh));
    if (s->was_mounted || !s->folder)
        conclude(s);
}

static void folder_ended(void *arg, const struct child_exit *exit)
{
    struct sshfs *s = arg;
    auto_err struct err *err = NULL;

    child_close(MOVE(s->folder));
    if (!child_exit_check(exit, "exporter", &err)) {
        if (s->was_mounted)
            lose(s, err);
        else
            fail(s, MOVE(err));
    } else if (!s->ssh) {
        conclude(s);
    } /* else sshfs has hung up, and ends, too */
}

static void checked(void *arg, const struct err *err)
{
    struct sshfs *s = arg;
    struct err *copy = NULL;

    ssh_task_close(MOVE(s->check));
    if (err) {
        (void)err_set(&copy, err_kind(err) == ERR_TIMEOUT ? ERR_TIMEOUT : ERR_NOT_FOUND, "%s",
                      err_text(err));
        if (s->was_mounted)
            lose(s, copy);
        else
            fail(s, MOVE(copy));
        err_free(copy);
        return;
    }
    set_state(s, STATE_MOUNTED);
    s->was_mounted = true;
    s->retry_ms = RETRY_MIN_MS;
    s->params.events->on_mounted(s->params.arg);
}

/* ---- starting ---- */

static const struct child_events ssh_events = { .on_exit = ssh_ended };
static const struct child_events folder_events = { .on_exit = folder_ended };

static bool start_folder(struct sshfs *s, int fd, struct err **errp)
{
    auto_cmd struct cmd cmd = { .in = CMD_TO_FD(fd),
                                .out = CMD_TO_FD(fd),
                                .err = CMD_TO_PIPE(STDERR_MAX),
                                .flags = CMD_DIES_WITH_PARENT };

    strv_push_list(&cmd.argv, s->exporter, "--sftp", "--id", NULL);
    strv_pushf(&cmd.argv, "%u", s->params.guest_id);
    if (s->server)
        strv_push_list(&cmd.argv, "--server", s->server, NULL);
    if (!s->params.writable)
        strv_push(&cmd.argv, "--read-only");
    if (s->params.follow_links)
        strv_push(&cmd.argv, "--follow-links");
    strv_push(&cmd.argv, s->location);
    s->folder = child_open(s->params.loop, &cmd, &folder_events, s, errp);
    return s->folder != NULL;
}

static void push_quoted(struct strv *argv, struct sv word)
{
    auto_sb struct sb quoted = { 0 };

    quote_shell(&quoted, word);
    strv_push(argv, sb_str(&quoted));
}

/* Words for the login shell of the guest: sh -c SCRIPT sh MOUNT_POINT :LOCATION MOUNT_POINT -o ...
 */
static void push_sshfs(const struct sshfs *s, struct strv *argv)
{
    auto_mem char *location = mem_printf(":%s", s->location);
    auto_mem char *options = mem_printf("allow_other%s%s%s", s->params.cache ? "" : ",cache=no",
                                        s->params.follow_links ? ",follow_symlinks" : "",
                                        s->nonempty ? ",nonempty" : "");

    strv_push_list(argv, "sh", "-c", NULL);
    push_quoted(argv, sv_of(start_script));
    strv_push(argv, "sh");
    push_quoted(argv, sv_of(s->mount_point));
    push_quoted(argv, sv_of(location));
    push_quoted(argv, sv_of(s->mount_point));
    strv_push_list(argv, "-o", "slave", NULL);
    if (!s->params.writable)
        strv_push_list(argv, "-o", "ro", NULL);
    strv_push_list(argv, "-o", options, NULL);
}

static bool start_ssh(struct sshfs *s, int fd, struct err **errp)
{
    auto_cmd struct cmd cmd = { .in = CMD_TO_FD(fd),
                                .out = CMD_TO_FD(fd),
                                .err = CMD_TO_PIPE(STDERR_MAX),
                                .flags = CMD_DIES_WITH_PARENT };

    ssh_argv_begin(s->params.ssh.program, &s->ssh_options, &cmd.argv);
    ssh_argv_target(s->params.ssh.port, s->params.ssh.address, &cmd.argv);
    strv_push(&cmd.argv, "--");
    push_sshfs(s, &cmd.argv);
    s->ssh = child_open(s->params.loop, &cmd, &ssh_events, s, errp);
    return s->ssh != NULL;
}

static bool start_check(struct sshfs *s, struct err **errp)
{
    const struct ssh_task_params params = {
        .loop = s->params.loop,
        .ssh = s->params.ssh,
        .on_end = checked,
        .arg = s,
    };
    auto_sb struct sb word = { 0 };
    auto_mem char *script = NULL;

    quote_shell(&word, sv_of(s->mount_point));
    script = mem_printf(check_script, sb_str(&word));
    s->check = ssh_task_script(&params, script, errp);
    return s->check != NULL;
}

static void start(struct sshfs *s)
{
    auto_fd int ours = -1, theirs = -1;
    struct err *err = NULL;
    int pair[2];

    set_state(s, STATE_STARTING);
    if (sock_pair(SOCK_STREAM, pair, &err)) {
        ours = pair[0];
        theirs = pair[1];
        if (start_folder(s, ours, &err) && start_ssh(s, theirs, &err) && start_check(s, &err))
            return;
    }
    fail(s, err);
}

static void timer_due(void *arg)
{
    struct sshfs *s = arg;

    if (s->state == STATE_FAILED)
        s->params.events->on_failed(s->params.arg, s->why);
    else
        start(s);
}

struct sshfs *sshfs_open(const struct sshfs_params *params, struct err **errp)
{
    auto_mem char *server = NULL, *exporter = NULL;
    enum sftp_driver driver;
    struct sshfs *s;

    if (!sftp_driver_parse(params->sftp_driver, &driver, errp) ||
        !sftp_server_find(driver, &server, errp))
        return NULL;
    if (params->exporter)
        exporter = mem_strdup(params->exporter);
    else if (!prefix_find(EXPORTER, &exporter, errp))
        return NULL;
    s = mem_new(struct sshfs);
    s->params = *params;
    s->location = mem_strdup(params->location);
    s->mount_point = mem_strdup(params->mount_point);
    s->exporter = MOVE(exporter);
    s->server = MOVE(server);
    ssh_options_without_master(params->ssh.options, &s->ssh_options);
    s->retry_ms = RETRY_MIN_MS;
    s->state = STATE_WAITING;
    s->timer = timer_open(params->loop, timer_due, s);
    timer_set(s->timer, 0);
    return s;
}

void sshfs_close(struct sshfs *s)
{
    if (!s)
        return;
    end_processes(s);
    timer_close(s->timer);
    strv_done(&s->ssh_options);
    free(s->location);
    free(s->mount_point);
    free(s->exporter);
    free(s->server);
    err_free(s->why);
    free(s);
}
