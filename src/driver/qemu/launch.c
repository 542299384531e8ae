#include "driver/qemu/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/quote.h"
#include "driver/qemu/files.h"
#include "sys/file.h"
#include "sys/pidfile.h"
#include "sys/prefix.h"
#include "sys/sock.h"

enum {
    /* Descriptors of `devices`. */
    DEVICES_FD_CONTROL = 3,
    DEVICES_FD_VSOCK = 4,
    DEVICES_FD_FILES = 5,
    LAST_WORDS_MAX = 1000,
    STDERR_SIZE_MAX = 1024 * 1024,
};

static bool listen_in(const char *dir, const char *name, int type, int *out_fd, struct err **errp)
{
    auto_mem char *path = path_join(dir, name);

    return sock_unix_listen(path, type, out_fd, errp);
}

static bool open_log(const char *dir, const char *name, int *out_fd, struct err **errp)
{
    auto_mem char *path = path_join(dir, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);

    if (fd < 0)
        return err_set_os(errp, errno, "cannot create %s", path);
    *out_fd = fd;
    return true;
}

/* Starts a process that lives on without us, both outputs going to a log file. */
static bool start_detached(struct cmd *cmd, const char *dir, const char *log_name, struct proc *out,
                           struct err **errp)
{
    auto_fd int log_fd = -1;

    if (!open_log(dir, log_name, &log_fd, errp))
        return false;
    cmd->in = CMD_TO_NULL;
    cmd->out = cmd->err = CMD_TO_FD(log_fd);
    cmd->flags = CMD_OWN_SESSION;

    auto_mem char *line = quote_shell_join(strv_array(&cmd->argv));

    log_debug("starting: %s", line);
    return cmd_start(cmd, out, errp);
}

/* So that a later host agent can find it. */
static bool write_pid(const char *dir, const char *name, pid_t pid, struct err **errp)
{
    auto_mem char *path = path_join(dir, name);
    auto_mem char *text = mem_printf("%d\n", (int)pid);

    return file_write_atomic(path, sv_of(text), 0644, errp);
}

/* A device's two ends, of `devices` and of QEMU. */
struct wire {
    int fds[2];
};

static void wire_done(struct wire *w)
{
    for (size_t i = 0; i < COUNT(w->fds); i++)
        if (w->fds[i] >= 0)
            (void)close(w->fds[i]);
}
#define auto_wire AUTO_CALL(wire_done)

static void pass_fd(struct cmd *cmd, const char *option, int fd, int target)
{
    strv_push(&cmd->argv, option);
    strv_pushf(&cmd->argv, "%d", target);
    cmd_pass_fd(cmd, fd, target);
}

bool qemu_launch_devices(const char *dir, bool has_files, struct proc *out,
                         int out_fds[QEMU_SERVED_COUNT], struct err **errp)
{
    auto_fd int control = -1;
    auto_wire struct wire vsock = { { -1, -1 } }, files = { { -1, -1 } };
    auto_cmd struct cmd cmd = { 0 };
    char *program;

    if (!prefix_find(QEMU_DEVICES_PROGRAM, &program, errp))
        return false;
    strv_push_take(&cmd.argv, program);
    if (!listen_in(dir, NAME_DEVICES_SOCK, SOCK_SEQPACKET, &control, errp) ||
        !sock_pair(SOCK_STREAM, vsock.fds, errp) ||
        (has_files && !sock_pair(SOCK_STREAM, files.fds, errp)))
        return false;
    pass_fd(&cmd, "--control-fd", control, DEVICES_FD_CONTROL);
    pass_fd(&cmd, "--vsock-fd", vsock.fds[0], DEVICES_FD_VSOCK);
    if (files.fds[0] >= 0)
        pass_fd(&cmd, "--fs-fd", files.fds[0], DEVICES_FD_FILES);
    if (log_enabled(LOG_DEBUG))
        strv_push(&cmd.argv, "--debug");
    if (!start_detached(&cmd, dir, NAME_DEVICES_LOG, out, errp))
        return false;
    if (!write_pid(dir, NAME_DEVICES_PID, out->pid, errp)) {
        (void)proc_signal(out, SIGKILL);
        return false;
    }
    out_fds[QEMU_SERVED_STREAMS] = MOVE_FD(vsock.fds[1]);
    out_fds[QEMU_SERVED_FILES] = MOVE_FD(files.fds[1]);
    return true;
}

bool qemu_connect_qmp(const char *dir, int *out_fd, struct err **errp)
{
    auto_mem char *path = path_join(dir, NAME_QMP_SOCK);

    return sock_unix_connect(path, SOCK_STREAM, out_fd, errp);
}

static bool start_qemu(const struct qemu_machine *m, const int devices_fds[QEMU_SERVED_COUNT],
                       struct proc *out, int *out_qmp_fd, struct err **errp)
{
    auto_fd int qmp_listen = -1, agent_listen = -1, qmp = -1;
    auto_cmd struct cmd cmd = { 0 };

    auto_mem char *pid_path = path_join(m->dir, QEMU_PID_NAME);

    qemu_argv_build(m, &cmd.argv);
    if (!file_remove(pid_path, errp) ||
        !listen_in(m->dir, NAME_QMP_SOCK, SOCK_STREAM, &qmp_listen, errp) ||
        !qemu_connect_qmp(m->dir, &qmp, errp))
        return false;
    cmd_pass_fd(&cmd, qmp_listen, QEMU_FD_QMP);
    if (m->link == DRIVER_LINK_SERIAL) {
        if (!listen_in(m->dir, NAME_GA_SOCK, SOCK_STREAM, &agent_listen, errp))
            return false;
        cmd_pass_fd(&cmd, agent_listen, QEMU_FD_AGENT);
    }
    if (devices_fds[QEMU_SERVED_STREAMS] >= 0)
        cmd_pass_fd(&cmd, devices_fds[QEMU_SERVED_STREAMS], QEMU_FD_DEVICES);
    if (devices_fds[QEMU_SERVED_FILES] >= 0)
        cmd_pass_fd(&cmd, devices_fds[QEMU_SERVED_FILES], QEMU_FD_FILES);
    for (size_t i = 0; i < m->n_blocks; i++)
        cmd_pass_fd(&cmd, m->blocks[i].fd, QEMU_FD_BLOCK + (int)i);
    if (!start_detached(&cmd, m->dir, QEMU_STDERR_NAME, out, errp))
        return false;
    /* Without this, a QEMU whose host agent is killed now is unknown until it writes the file. */
    if (!pidfile_announce(pid_path, out->pid, errp)) {
        (void)proc_signal(out, SIGKILL);
        proc_done(out);
        return false;
    }
    *out_qmp_fd = MOVE_FD(qmp);
    return true;
}

bool qemu_launch(const struct qemu_machine *m, struct qemu_launched *out, struct err **errp)
{
    struct qemu_launched l = { .qemu = PROC_NONE, .devices = PROC_NONE, .qmp_fd = -1 };
    auto_wire struct wire devices = { { -1, -1 } }; /* QEMU's ends */

    if (m->link == DRIVER_LINK_DEVICES &&
        !qemu_launch_devices(m->dir, qemu_machine_has_files(m), &l.devices, devices.fds, errp)) {
        qemu_remove_traces(m->dir);
        return err_wrap(errp, "starting the device process");
    }
    if (!start_qemu(m, devices.fds, &l.qemu, &l.qmp_fd, errp)) {
        if (l.devices.pid > 0)
            (void)proc_signal(&l.devices, SIGKILL);
        proc_done(&l.devices);
        qemu_remove_traces(m->dir);
        return err_wrap(errp, "starting QEMU");
    }
    *out = l;
    return true;
}

static bool is_note(struct sv line)
{
    static const char *const marks[] = { ": warning: ", ": info: " };

    for (size_t i = 0; i < COUNT(marks); i++)
        if (memmem(line.p, line.n, marks[i], strlen(marks[i])))
            return true;
    return false;
}

/* Joins the lines; those that QEMU itself takes lightly ("NAME: warning: TEXT") only if they are wanted. */
static void join_lines(struct sv text, bool with_notes, struct sb *out)
{
    struct sv line;

    while (sv_next(&text, '\n', &line)) {
        line = sv_trim(line);
        if (!line.n || (!with_notes && is_note(line)))
            continue;
        if (out->n)
            sb_puts(out, "; ");
        sb_put(out, line);
    }
}

char *qemu_last_words(const char *dir)
{
    auto_mem char *path = path_join(dir, QEMU_STDERR_NAME);
    auto_sb struct sb text = { 0 }, line = { 0 };
    struct sv rest;

    if (!file_read_all(path, STDERR_SIZE_MAX, &text, NULL))
        return mem_strdup("");
    rest = sv_trim(sb_view(&text));
    if (rest.n > LAST_WORDS_MAX)
        rest = sv_slice(rest, rest.n - LAST_WORDS_MAX, rest.n);
    join_lines(rest, false, &line);
    if (line.n == 0)
        join_lines(rest, true, &line);
    return quote_printable(sb_view(&line), 2 * LAST_WORDS_MAX);
}

void qemu_remove_traces(const char *dir)
{
    static const char *const names[] = {
        QEMU_PID_NAME,     NAME_QMP_SOCK,    NAME_GA_SOCK,         NAME_DEVICES_PID,
        NAME_DEVICES_SOCK, NAME_SERIAL_SOCK, NAME_SERIAL_PCI_SOCK, NAME_SERIAL_VIRT_SOCK,
    };

    for (size_t i = 0; i < COUNT(names); i++) {
        auto_mem char *path = path_join(dir, names[i]);

        if (!file_remove(path, NULL))
            log_debug("cannot remove %s", path);
    }
}
