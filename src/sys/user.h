/*
 * The account this process runs as. Asks the name service: not for static programs.
 */
#ifndef SYS_USER_H
#define SYS_USER_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

struct user_info {
    uid_t uid;
    gid_t gid;
    char *name;  /* the decimal id when there is no account */
    char *gecos; /* comment field up to the first comma; may be "" */
    char *home;  /* $HOME, else the account's */
    char *shell; /* $SHELL, else the account's, else "/bin/sh" */
};

/* ERR_NOT_FOUND without a home. */
bool user_current(struct user_info *out, struct err **errp) MUST_USE;
void user_info_done(struct user_info *info);
#define auto_user_info AUTO_CALL(user_info_done)

#endif
