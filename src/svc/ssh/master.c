#include "svc/ssh/master.h"

#include <string.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/path.h"
#include "svc/ssh/options.h"
#include "sys/file.h"
#include "sys/proc.h"
#include "sys/sock.h"

enum { DEADLINE_MS = 10 * 1000, OUTPUT_MAX = 4096 };
#define PID_MARK "(pid="

enum ssh_master_state ssh_master_probe(const char *inst_dir)
{
    auto_mem char *path = path_join(inst_dir, "ssh.sock");
    auto_err struct err *err = NULL;
    auto_fd int fd = -1;

    if (!file_exists(path))
        return SSH_MASTER_NONE;
    if (sock_unix_connect(path, SOCK_STREAM, &fd, &err))
        return SSH_MASTER_ALIVE;
    log_debug("no ssh master: %s", err_text(err));
    if (err_kind(err) == ERR_NOT_FOUND && !file_remove(path, NULL))
        log_debug("cannot remove %s", path);
    return SSH_MASTER_NONE;
}

/* A pidfd of the master: ssh tells its process id in parentheses, "(pid=1234)". False when it does not. */
static bool master_open(const struct strv *program, const struct strv *options, uint16_t port,
                        const char *address, int *out_pidfd)
{
    auto_cmd struct cmd cmd = { .in = CMD_TO_NULL, .out = CMD_TO_NULL,
                                .err = CMD_TO_PIPE(OUTPUT_MAX), .deadline_ms = DEADLINE_MS };
    auto_cmd_result struct cmd_result res = { 0 };
    struct sv rest, pid_text;
    const char *at;
    uint32_t pid;

    ssh_argv_master(program, options, "check", port, address, &cmd.argv);
    if (!cmd_check(&cmd, &res, NULL) || !(at = strstr(sb_str(&res.err), PID_MARK)))
        return false;
    rest = sv_of(at + strlen(PID_MARK));
    return sv_next(&rest, ')', &pid_text) && parse_u32(pid_text, &pid) &&
           proc_open((pid_t)pid, out_pidfd, NULL);
}

bool ssh_master_exit(const struct strv *program, const struct strv *options, const char *inst_dir,
                     uint16_t port, const char *address, struct err **errp)
{
    auto_cmd struct cmd cmd = { .in = CMD_TO_NULL, .out = CMD_TO_NULL,
                                .err = CMD_TO_PIPE(OUTPUT_MAX), .deadline_ms = DEADLINE_MS };
    auto_fd int pidfd = -1;
    bool is_known;

    if (ssh_master_probe(inst_dir) == SSH_MASTER_NONE)
        return true;
    is_known = master_open(program, options, port, address, &pidfd);
    ssh_argv_master(program, options, "exit", port, address, &cmd.argv);
    if (!cmd_check(&cmd, NULL, errp))
        return err_wrap(errp, "ending the shared ssh connection");
    /* It answers first, then removes its socket and ends. */
    return !is_known || proc_wait_pidfd(pidfd, DEADLINE_MS) ||
           err_set(errp, ERR_TIMEOUT, "the shared ssh connection does not end");
}
