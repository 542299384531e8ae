#include "svc/ssh/master.h"

#include <sys/socket.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/path.h"
#include "svc/ssh/options.h"
#include "sys/file.h"
#include "sys/proc.h"
#include "sys/sock.h"

enum { EXIT_DEADLINE_MS = 10 * 1000, EXIT_OUTPUT_MAX = 4096 };

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

bool ssh_master_exit(const struct strv *program, const struct strv *options, const char *inst_dir,
                     uint16_t port, const char *address, struct err **errp)
{
    auto_cmd struct cmd cmd = { .in = CMD_TO_NULL, .out = CMD_TO_NULL,
                                .err = CMD_TO_PIPE(EXIT_OUTPUT_MAX), .deadline_ms = EXIT_DEADLINE_MS };

    if (ssh_master_probe(inst_dir) == SSH_MASTER_NONE)
        return true;
    ssh_argv_master_exit(program, options, port, address, &cmd.argv);
    return cmd_check(&cmd, NULL, errp) || err_wrap(errp, "ending the shared ssh connection");
}
