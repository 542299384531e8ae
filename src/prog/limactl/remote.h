/*
 * The one string that "limactl shell" gives to ssh (reference: cli section 7.4). Pure.
 */
#ifndef PROG_LIMACTL_REMOTE_H
#define PROG_LIMACTL_REMOTE_H

#include "base/strv.h"

struct remote {
    const char *workdir;  /* --workdir; NULL = none */
    const char *host_cwd; /* links resolved; NULL = unknown */
    const char *host_home; /* NULL = unknown */
    const struct strv *mounts; /* locations on the host, "~" expanded, links resolved */
    bool shares_all;      /* the guest sees every path of the host (wsl2) */
    const char *shell;    /* --shell, else user.shell; NULL = the user's login shell */
    const struct strv *env; /* NAME=VALUE entries to hand over; NULL = none */
};

/* words: the command, empty for a login shell. Owned. */
char *remote_script(const struct remote *remote, const struct strv *words);

#endif
