#include "svc/privileged/block_device.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/quote.h"
#include "model/store/names.h"
#include "sys/blockdev.h"
#include "sys/file.h"
#include "sys/prefix.h"
#include "sys/proc.h"
#include "sys/sock.h"
#include "sys/trust.h"
#include "wire/privileged.h"

enum { DEADLINE_MS = 20 * 1000, STDERR_MAX = 4096, NONCE_BYTES = PRIVILEGED_NONCE_LEN / 2 };

bool block_device_resolve(const char *path, char **out_device, struct err **errp)
{
    auto_mem char *device = NULL;

    if (!blockdev_path_check(path, errp))
        return false;
    device = realpath(path, NULL);
    if (!device)
        return errno == ENOENT
                   ? err_set(errp, ERR_NOT_FOUND, "block device %s does not exist", path)
                   : err_set_os(errp, errno, "block device %s", path);
    if (!blockdev_path_check(device, errp))
        return err_wrap(errp, "block device %s", path);
    *out_device = MOVE(device);
    return true;
}

bool block_device_program(char **out_path, struct err **errp)
{
    auto_mem char *program = NULL;

    if (!prefix_find(PRIVILEGED_PROGRAM, &program, errp))
        return false;
    if (!trust_check_program(program, errp)) {
        (void)err_wrap(errp,
                       "%s would be run as root, which others than root must not be able "
                       "to change",
                       program);
        return err_hint(errp, "install clima where only root can write, for example with \"sudo "
                              "make install PREFIX=/usr/local\"");
    }
    *out_path = MOVE(program);
    return true;
}

static void put_command(struct cmd *cmd, const char *program, const char *device)
{
    strv_push_list(&cmd->argv, "--", program, PRIVILEGED_BLOCK_DEVICE, device, NULL);
}

bool block_device_is_allowed(const char *program, const char *device)
{
    auto_cmd struct cmd cmd = {
        .in = CMD_TO_NULL, .out = CMD_TO_NULL, .err = CMD_TO_NULL, .deadline_ms = DEADLINE_MS
    };
    struct cmd_result res = { 0 };
    bool ok;

    strv_push_list(&cmd.argv, "sudo", "-n", "-l", NULL);
    put_command(&cmd, program, device);
    ok = cmd_run(&cmd, &res, NULL) && res.status == 0;
    cmd_result_done(&res);
    return ok;
}

/* Without the right: the command that gives it. */
static bool fail_forbidden(const char *path, const char *why, struct err **errp)
{
    auto_sb struct sb word = { 0 };

    quote_shell(&word, sv_of(path));
    (void)err_set(errp, ERR_UNSUPPORTED,
                  "block device %s: permission denied, and sudo does not help: %s", path, why);
    return err_hint(errp,
                    "allow it with: limactl sudoers --block-device=%s | sudo tee -a "
                    "/etc/sudoers.d/lima",
                    sb_str(&word));
}

/* The end of the standard error of sudo or of what it ran. */
static bool check_sudo(const struct cmd_result *res, const char *device, struct err **errp)
{
    struct sv rest = sv_trim(sb_view(&res->err)), line = { 0 };

    if (res->status == 0)
        return true;
    while (sv_next_line(&rest, &line))
        if (sv_starts(line, SV(PRIVILEGED_PREFIX)))
            break;

    auto_mem char *shown = quote_printable(sv_trim(line), STDERR_MAX);

    if (str_starts(shown, PRIVILEGED_PREFIX))
        return err_set(errp, ERR_CHILD, "%s", shown + strlen(PRIVILEGED_PREFIX));
    return fail_forbidden(device, *shown ? shown : "it failed", errp);
}

static bool run_sudo(const char *program, const char *device, struct sv request, struct err **errp)
{
    auto_cmd struct cmd cmd = {
        .in = CMD_FROM_TEXT(request),
        .out = CMD_TO_NULL,
        .err = CMD_TO_PIPE(STDERR_MAX),
        .deadline_ms = DEADLINE_MS,
    };
    auto_cmd_result struct cmd_result res = { 0 };
    auto_err struct err *err = NULL;

    strv_push_list(&cmd.argv, "sudo", "-n", NULL);
    put_command(&cmd, program, device);
    strv_push(&cmd.env, "LC_ALL=C");
    if (cmd_run(&cmd, &res, &err))
        return check_sudo(&res, device, errp);
    if (err_kind(err) != ERR_NOT_FOUND)
        return err_propagate(errp, MOVE(err));
    return fail_forbidden(device, "it is not installed", errp);
}

/* The message is there when `privileged` has ended. */
static bool take(int listen_fd, const char *nonce, const char *device, int *out_fd,
                 struct err **errp)
{
    struct pollfd waiting = { .fd = listen_fd, .events = POLLIN };
    char text[PRIVILEGED_NONCE_LEN + 1];
    auto_fd int socket_fd = -1, fd = -1;
    size_t n = 0, n_fds = 0;
    uid_t uid = (uid_t)-1;

    if (poll(&waiting, 1, 0) != 1)
        return err_set(errp, ERR_PROTOCOL, "nobody brought the device");
    if (!sock_accept(listen_fd, &socket_fd, errp) || !sock_peer(socket_fd, &uid, NULL, errp))
        return false;
    if (uid != 0)
        return err_set(errp, ERR_PROTOCOL, "somebody else than root brought a device");
    if (!sock_recv_fds(socket_fd, text, sizeof(text), &n, &fd, 1, &n_fds, errp))
        return false;
    if (!sv_eq_str((struct sv){ text, n }, nonce) || n_fds != 1 || !blockdev_is(fd, device))
        return err_set(errp, ERR_PROTOCOL, "something else was brought than the device");
    *out_fd = MOVE_FD(fd);
    return true;
}

static bool open_by_sudo(const char *device, const char *dir, int *out_fd, struct err **errp)
{
    auto_mem char *socket_path = path_join(dir, NAME_BLOCK_DEVICE_SOCK);
    auto_mem char *program = NULL;
    auto_sb struct sb line = { 0 };
    unsigned char bytes[NONCE_BYTES];
    char nonce[PRIVILEGED_NONCE_LEN + 1];
    auto_fd int listen_fd = -1;
    bool ok;

    if (!block_device_program(&program, errp))
        return err_wrap(errp, "block device %s: permission denied, and sudo cannot help", device);
    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
        return err_set_os(errp, errno, "cannot get random bytes");
    privileged_nonce_put(bytes, nonce);
    privileged_request_put(&line, &(struct privileged_request){ sv_of(nonce), sv_of(socket_path) });
    if (!sock_unix_listen(socket_path, SOCK_STREAM, &listen_fd, errp))
        return false;
    ok = run_sudo(program, device, sb_view(&line), errp) &&
         take(listen_fd, nonce, device, out_fd, errp);
    if (!file_remove(socket_path, NULL))
        log_debug("cannot remove %s", socket_path);
    return ok;
}

bool block_device_open(const char *path, const char *dir, int *out_fd, struct err **errp)
{
    auto_mem char *device = NULL;
    auto_err struct err *err = NULL;

    if (!block_device_resolve(path, &device, errp))
        return false;
    if (blockdev_open(device, out_fd, &err))
        return true;
    if (err_errno(err) != EACCES && err_errno(err) != EPERM)
        return err_propagate(errp, MOVE(err));
    return open_by_sudo(device, dir, out_fd, errp);
}
