/*
 * `privileged`: opens one block device for the user who called sudo, and hands the descriptor over
 * (wire/privileged.h). The only program of ours that runs as root.
 *
 *     privileged block-device DEVICE <REQUEST
 *
 * The rule of sudoers says who may open which device. The program itself refuses to run from where
 * somebody else than root could have changed it, opens only devices that this host does not use,
 * and gives the descriptor to nobody but the caller.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/num.h"
#include "prog/privileged/handover.h"
#include "prog/privileged/rights.h"
#include "sys/blockdev.h"
#include "sys/file.h"
#include "sys/prefix.h"
#include "sys/sig.h"
#include "sys/trust.h"

static bool check_program(struct err **errp)
{
    auto_mem char *self = NULL;

    if (!prefix_self(&self, errp))
        return false;
    return trust_check_program(self, errp) || err_wrap(errp, "this program must be root's alone");
}

static bool parse_id(const char *name, uint32_t *out)
{
    const char *text = getenv(name);

    return text && parse_u32(sv_of(text), out) && *out != UINT32_MAX;
}

static bool find_caller(struct caller *out, struct err **errp)
{
    uint32_t uid, gid;

    if (getuid() != 0 || geteuid() != 0)
        return err_set(errp, ERR_INVALID, "this program is run by sudo, as root");
    if (!parse_id("SUDO_UID", &uid) || !parse_id("SUDO_GID", &gid))
        return err_set(errp, ERR_INVALID, "SUDO_UID and SUDO_GID do not name the caller");
    *out = (struct caller){ uid, gid };
    return true;
}

static bool run(const char *device, struct err **errp)
{
    auto_sb struct sb text = { 0 };
    struct privileged_request request;
    struct caller caller;
    auto_fd int socket_fd = -1, fd = -1;

    if (!blockdev_path_check(device, errp) || !check_program(errp) || !find_caller(&caller, errp) ||
        !rights_reduce(errp) ||
        !file_read_fd(STDIN_FILENO, "the request", PRIVILEGED_REQUEST_MAX, &text, errp) ||
        !privileged_request_decode(sb_view(&text), &request, errp))
        return false;
    return handover_connect(&request, &caller, &socket_fd, errp) &&
           blockdev_open(device, &fd, errp) && rights_drop(errp) &&
           handover_send(socket_fd, &request, fd, errp);
}

/* One write, so that nothing comes in between; who does not read it has the exit status. */
static void complain(const char *text, const char *hint)
{
    auto_mem char *line =
        mem_printf("%s%s%s%s\n", PRIVILEGED_PREFIX, text, hint ? "; " : "", hint ? hint : "");
    ssize_t n = write(STDERR_FILENO, line, strlen(line));

    (void)n;
}

int main(int argc, char **argv)
{
    auto_err struct err *err = NULL;

    sig_ignore_pipe();
    if (argc != 3 || strcmp(argv[1], PRIVILEGED_BLOCK_DEVICE) != 0)
        (void)err_set(&err, ERR_INVALID, "usage: privileged " PRIVILEGED_BLOCK_DEVICE " DEVICE");
    else if (run(argv[2], &err))
        return 0;
    complain(err_text(err), err_hint_text(err));
    return 1;
}
