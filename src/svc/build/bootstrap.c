#include "svc/build/bootstrap.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/sb.h"
#include "svc/build/bootstrap_log.h"
#include "sys/dir.h"
#include "sys/file.h"
#include "sys/host.h"
#include "sys/lock.h"
#include "sys/proc.h"
#include "sys/sig.h"

/* Numbers that the recipes' scripts know, and one that only keeps the lock of the temporary directory
 * taken while anything of the run is alive. */
#define SYSTEM_TARGET_FD 7
#define IMAGE_TARGET_FD 8
#define LOCK_TARGET_FD 11
#define LINE_LIMIT (64u << 10)
#define CLEANUP_TIMEOUT_MS (60 * 1000)

struct bootstrap {
    const struct bootstrap_plan *plan; /* borrowed */
    struct proc proc;
    bool is_running;
    bool is_canceled;
    int stream_fds[BOOTSTRAP_STREAM_COUNT];
    int log_fd;
    int signal_fd;
    sigset_t old_mask;
    int lock_fd;
    char *work_dir;
    struct sb line; /* the unfinished one */
    struct bootstrap_log log;
    enum bootstrap_phase shown_phase;
};

void bootstrap_argv(const struct bootstrap_plan *plan, struct strv *out)
{
    const struct recipe *recipe = plan->recipe;
    auto_mem char *kernel = recipe_kernel_package(recipe, plan->arch);
    bool has_sources = !plan->mirror && plan->sources[0];

    /* The tree is thrown away: it need not be tidied up first. */
    strv_push_list(out, "mmdebstrap", "--verbose", "--format=null", "--skip=cleanup", NULL);
    if (recipe->runs_programs) {
        strv_pushf(out, "--mode=%s", plan->is_root ? "root" : "unshare");
        strv_push_list(out, "--variant=minbase", "--dpkgopt=path-exclude=/usr/share/doc/*",
                       "--dpkgopt=path-include=/usr/share/doc/*/copyright",
                       "--dpkgopt=path-exclude=/usr/share/man/*",
                       "--dpkgopt=path-exclude=/usr/share/info/*",
                       "--dpkgopt=path-exclude=/usr/share/locale/*",
                       "--dpkgopt=path-include=/usr/share/locale/locale.alias",
                       "--aptopt=Acquire::Languages \"none\"", NULL);
        strv_pushf(out, "--customize-hook=%s", plan->script);
    } else {
        /* Unpacks only: no root, no namespace, no program of the architecture. */
        strv_push_list(out, "--mode=chrootless", "--variant=extract", "--skip=check/qemu", NULL);
        strv_pushf(out, "--extract-hook=%s", plan->script);
    }
    strv_pushf(out, "--architectures=%s", plan->arch->debian);
    strv_pushf(out, "--include=%s,%s", kernel, recipe->packages);
    strv_push_list(out, "--", recipe->suite, "-", NULL);
    if (plan->mirror)
        strv_push(out, plan->mirror);
    else if (has_sources)
        strv_push(out, "-");
}

/* A tree made in a user namespace belongs to other users, whom only a namespace like it can act for; the
 * directory that it lies in is ours. */
static void remove_work_dir(const char *path)
{
    auto_cmd struct cmd cmd = { .out = CMD_TO_NULL, .err = CMD_TO_NULL };
    auto_cmd_result struct cmd_result res = { 0 };
    auto_strv struct strv names = { 0 };

    if (dir_remove_tree(path, NULL))
        return;
    strv_push_list(&cmd.argv, "mmdebstrap", "--unshare-helper", "rm", "-rf", "--", NULL);
    if (dir_list(path, &names, NULL))
        for (size_t i = 0; i < names.n; i++)
            strv_push_take(&cmd.argv, path_join(path, names.v[i]));
    if (!cmd_run(&cmd, &res, NULL) || !dir_remove_tree(path, NULL))
        log_warn("%s: cannot remove what a build left", path);
}

/* Directories of runs that were killed: nobody holds their lock. */
static void remove_abandoned(const char *temp_dir, const char *prefix)
{
    auto_strv struct strv names = { 0 };

    if (!dir_list(temp_dir, &names, NULL))
        return;
    for (size_t i = 0; i < names.n; i++) {
        auto_mem char *path = path_join(temp_dir, names.v[i]);
        auto_fd int lock_fd = -1;
        struct stat st;

        if (str_starts(names.v[i], prefix) && lstat(path, &st) == 0 && S_ISDIR(st.st_mode) &&
            st.st_uid == getuid() && lock_dir(path, LOCK_TRY, &lock_fd, NULL))
            remove_work_dir(path);
    }
}

static bool make_work_dir(struct bootstrap *b, struct err **errp)
{
    auto_mem char *name = mem_printf("clima-build-%u-", (unsigned)getuid());
    auto_mem char *prefix = path_join(b->plan->temp_dir, name);

    remove_abandoned(b->plan->temp_dir, name);
    if (!dir_make_temp(prefix, &b->work_dir, errp) ||
        !lock_dir(b->work_dir, LOCK_TRY, &b->lock_fd, errp))
        return false;
    /* The root of the namespace is another user, who has to get through. */
    if (chmod(b->work_dir, 0711) < 0)
        return err_set_os(errp, errno, "%s: cannot change the mode", b->work_dir);
    return true;
}

static bool make_pipe(int *out_read, int *out_write, struct err **errp)
{
    int fds[2];

    if (pipe2(fds, O_CLOEXEC) < 0)
        return err_set_os(errp, errno, "cannot make a pipe");
    *out_read = fds[0];
    *out_write = fds[1];
    return true;
}

static bool launch(struct bootstrap *b, struct err **errp)
{
    auto_cmd struct cmd cmd = { .flags = CMD_OWN_GROUP | CMD_DIES_WITH_PARENT };
    auto_fd int system_fd = -1;
    auto_fd int image_fd = -1;

    bootstrap_argv(b->plan, &cmd.argv);
    strv_pushf(&cmd.env, "TMPDIR=%s", b->work_dir);
    strv_push(&cmd.env, "INITRD=No"); /* the kernel package: no initramfs, ours is made here */
    cmd.in = CMD_FROM_TEXT(sv_of(b->plan->mirror ? "" : b->plan->sources));
    cmd.out = CMD_TO_NULL;
    cmd.err = CMD_TO_PIPE(0);
    if (!make_pipe(&b->stream_fds[BOOTSTRAP_SYSTEM], &system_fd, errp) ||
        !make_pipe(&b->stream_fds[BOOTSTRAP_IMAGE], &image_fd, errp))
        return false;
    cmd_pass_fd(&cmd, system_fd, SYSTEM_TARGET_FD);
    cmd_pass_fd(&cmd, image_fd, IMAGE_TARGET_FD);
    cmd_pass_fd(&cmd, b->lock_fd, LOCK_TARGET_FD);

    if (!cmd_start(&cmd, &b->proc, errp)) {
        (void)err_hint(errp, "install it with: apt-get install mmdebstrap uidmap");
        return false;
    }
    b->is_running = true;
    return true;
}

static bool open_log(struct bootstrap *b, struct err **errp)
{
    b->log_fd = open(b->plan->log_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (b->log_fd < 0)
        return err_set_os(errp, errno, "%s: cannot create the log", b->plan->log_path);
    return true;
}

struct bootstrap *bootstrap_new(const struct bootstrap_plan *plan, struct err **errp)
{
    static const int signals[] = { SIGINT, SIGTERM, SIGHUP, 0 };
    auto_bootstrap struct bootstrap *b = mem_new(struct bootstrap);

    b->plan = plan;
    b->proc = PROC_NONE;
    b->log_fd = b->signal_fd = b->lock_fd = -1;
    for (size_t i = 0; i < BOOTSTRAP_STREAM_COUNT; i++)
        b->stream_fds[i] = -1;
    (void)sigprocmask(SIG_SETMASK, NULL, &b->old_mask);

    if (!open_log(b, errp) || !sig_open(signals, &b->signal_fd, errp) ||
        !make_work_dir(b, errp) || !launch(b, errp))
        return NULL;
    return MOVE(b);
}

static void show_progress(struct bootstrap *b)
{
    struct progress *progress = b->plan->progress;

    if (b->log.phase != b->shown_phase) {
        auto_mem char *what = mem_printf("Building %s (%s): %s", b->plan->recipe->name,
                                         b->plan->arch->name, bootstrap_phase_text(b->log.phase));

        if (b->shown_phase != BOOTSTRAP_START)
            progress_end(progress, true);
        progress_begin(progress, what, PROGRESS_STEPS);
        b->shown_phase = b->log.phase;
    }
    progress_update(progress, b->log.done, b->log.total);
}

/* Reads what there is on stderr; false at its end. */
static bool read_log(struct bootstrap *b)
{
    char buf[4096];
    ssize_t n = read(b->proc.err_fd, buf, sizeof(buf));

    if (n < 0 && errno == EINTR)
        return true;
    if (n <= 0)
        return false;
    /* The log is for people who look for a reason; the build does not depend on it. */
    if (!file_write_fd(b->log_fd, b->plan->log_path, (struct sv){ buf, (size_t)n }, NULL))
        log_debug("%s: cannot write", b->plan->log_path);
    for (ssize_t i = 0; i < n; i++) {
        if (buf[i] != '\n' && b->line.n < LINE_LIMIT) {
            sb_putc(&b->line, buf[i]);
        } else if (buf[i] == '\n') {
            if (bootstrap_log_line(&b->log, sb_view(&b->line)))
                show_progress(b);
            sb_truncate(&b->line, 0);
        }
    }
    return true;
}

static bool canceled(struct bootstrap *b, struct err **errp)
{
    b->is_canceled = true;
    return err_set(errp, ERR_CANCELED, "interrupted");
}

/* Waits until fd is readable (or at its end), taking care of everything else. fd -1: until the tools
 * closed stderr. ERR_TIMEOUT when nothing happens for timeout_ms; -1 = for ever. */
static bool wait_readable(struct bootstrap *b, int fd, int timeout_ms, struct err **errp)
{
    while (fd >= 0 || b->proc.err_fd >= 0) {
        struct pollfd polled[] = {
            { .fd = fd, .events = POLLIN },
            { .fd = b->proc.err_fd, .events = POLLIN },
            { .fd = b->is_canceled ? -1 : b->signal_fd, .events = POLLIN },
        };

        int n = poll(polled, COUNT(polled), timeout_ms);

        if (n < 0 && errno != EINTR)
            return err_set_os(errp, errno, "cannot wait for mmdebstrap");
        if (n == 0)
            return err_set(errp, ERR_TIMEOUT, "mmdebstrap does not answer");
        if (n < 0)
            continue;
        if (polled[2].revents && sig_read(b->signal_fd) != 0)
            return canceled(b, errp);
        if (polled[1].revents && !read_log(b)) {
            (void)close(b->proc.err_fd);
            b->proc.err_fd = -1;
        }
        if (polled[0].revents)
            return true;
    }
    return true;
}

bool bootstrap_read(struct bootstrap *b, enum bootstrap_stream stream, void *out, size_t size,
                    size_t *out_n, struct err **errp)
{
    ssize_t n;

    do {
        if (!wait_readable(b, b->stream_fds[stream], -1, errp))
            return false;
        n = read(b->stream_fds[stream], out, size);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return err_set_os(errp, errno, "cannot read from mmdebstrap");
    *out_n = (size_t)n;
    return true;
}

bool bootstrap_finish(struct bootstrap *b, struct err **errp)
{
    int status;

    if (!wait_readable(b, -1, -1, errp) || !proc_wait(&b->proc, -1, &status, errp))
        return false;
    b->is_running = false;
    if (b->shown_phase != BOOTSTRAP_START)
        progress_end(b->plan->progress, status == 0);
    b->shown_phase = BOOTSTRAP_START;
    if (status == 0)
        return true;
    (void)err_set_child(errp, status, "mmdebstrap: %s",
                        b->log.reason ? b->log.reason : "failed without saying why");
    if (b->plan->recipe->runs_programs && !str_eq(b->plan->arch->name, host_arch()))
        return err_hint(errp,
                        "%s runs programs of %s while it is built, which needs: apt-get install "
                        "arch-test qemu-user-static; the whole output is in %s",
                        b->plan->recipe->name, b->plan->arch->name, b->plan->log_path);
    return err_hint(errp, "the whole output is in %s", b->plan->log_path);
}

/* As if Ctrl-C had been typed at it: mmdebstrap takes down its mounts and its tree. */
static void stop(struct bootstrap *b)
{
    int status;

    (void)proc_signal_group(&b->proc, SIGINT);
    for (size_t i = 0; i < BOOTSTRAP_STREAM_COUNT; i++) {
        (void)close(b->stream_fds[i]);
        b->stream_fds[i] = -1;
    }
    b->is_canceled = true;
    if (wait_readable(b, -1, CLEANUP_TIMEOUT_MS, NULL) &&
        proc_wait(&b->proc, CLEANUP_TIMEOUT_MS, &status, NULL))
        return;
    (void)proc_signal_group(&b->proc, SIGKILL);
    if (!proc_wait(&b->proc, -1, &status, NULL))
        log_debug("mmdebstrap: cannot wait for its end");
}

void bootstrap_free(struct bootstrap *b)
{
    if (!b)
        return;
    if (b->is_running)
        stop(b);
    if (b->shown_phase != BOOTSTRAP_START)
        progress_end(b->plan->progress, false);
    proc_done(&b->proc);
    for (size_t i = 0; i < BOOTSTRAP_STREAM_COUNT; i++)
        if (b->stream_fds[i] >= 0)
            (void)close(b->stream_fds[i]);
    if (b->work_dir)
        remove_work_dir(b->work_dir);
    if (b->lock_fd >= 0)
        (void)close(b->lock_fd);
    if (b->log_fd >= 0)
        (void)close(b->log_fd);
    if (b->signal_fd >= 0)
        (void)close(b->signal_fd);
    (void)sigprocmask(SIG_SETMASK, &b->old_mask, NULL);
    sb_done(&b->line);
    bootstrap_log_done(&b->log);
    free(b->work_dir);
    free(b);
}
