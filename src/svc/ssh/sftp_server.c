#include "svc/ssh/sftp_server.h"

#include "base/mem.h"
#include "base/sv.h"
#include "sys/proc.h"

static const char *const places[] = {
    "sftp-server", /* in PATH */
    "/usr/libexec/sftp-server",
    "/usr/libexec/openssh/sftp-server",
    "/usr/lib/sftp-server",
    "/usr/lib/openssh/sftp-server",
    "/usr/lib/ssh/sftp-server",
};

bool sftp_driver_parse(const char *name, enum sftp_driver *out, struct err **errp)
{
    if (!name || !*name)
        *out = SFTP_DRIVER_AUTO;
    else if (str_eq(name, "builtin"))
        *out = SFTP_DRIVER_BUILTIN;
    else if (str_eq(name, "openssh-sftp-server"))
        *out = SFTP_DRIVER_OPENSSH;
    else
        return err_set(errp, ERR_INVALID,
                       "unknown sftpDriver \"%s\": builtin or openssh-sftp-server", name);
    return true;
}

bool sftp_server_find(enum sftp_driver driver, char **out_path, struct err **errp)
{
    *out_path = NULL;
    if (driver == SFTP_DRIVER_BUILTIN)
        return true;
    for (size_t i = 0; i < COUNT(places); i++)
        if (proc_find_program(places[i], out_path, NULL))
            return true;
    if (driver == SFTP_DRIVER_AUTO)
        return true;
    (void)err_set(errp, ERR_NOT_FOUND, "this host has no sftp-server of OpenSSH");
    return err_hint(errp, "install it (openssh-sftp-server), or set sftpDriver to builtin");
}
