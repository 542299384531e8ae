#include "prog/guestagent/hostkey.h"

#include <errno.h>
#include <unistd.h>

#include "base/log.h"
#include "sys/dir.h"
#include "sys/file.h"
#include "sys/proc.h"

#define KEY     "/etc/ssh/ssh_host_ed25519_key"
#define NEW_KEY KEY ".lima-new"

/* ssh-keygen does not. */
static bool sync_new_key(struct err **errp)
{
    auto_fd int fd = -1;

    if (!dir_open("/etc/ssh", &fd, errp))
        return false;
    return syncfs(fd) == 0 || err_set_os(errp, errno, "cannot write " NEW_KEY);
}

/* The private key is renamed last: where it is, its other half is. */
static bool make_key(struct err **errp)
{
    auto_cmd struct cmd cmd = { .out = CMD_TO_NULL, .err = CMD_TO_PIPE(4096) };

    strv_push_list(&cmd.argv, "/usr/bin/ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "",
                   "-f", NEW_KEY, NULL);
    return file_remove(NEW_KEY, errp) && cmd_check(&cmd, NULL, errp) && sync_new_key(errp) &&
           file_rename(NEW_KEY ".pub", KEY ".pub", errp) && file_rename(NEW_KEY, KEY, errp);
}

void hostkey_ensure(void)
{
    auto_err struct err *err = NULL;

    if (!dir_exists("/etc/ssh") || file_exists(KEY) || !file_exists("/usr/bin/ssh-keygen"))
        return;
    if (!make_key(&err))
        log_error("No host key for ssh: %s", err_text(err));
}
