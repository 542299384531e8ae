/*
 * The kernel command line, as far as the initramfs asks it (wire/initrd.h). Pure.
 */
#ifndef PROG_GUESTAGENT_CMDLINE_H
#define PROG_GUESTAGENT_CMDLINE_H

#include <stdbool.h>

#include "base/strv.h"
#include "base/sv.h"

struct cmdline {
    char *root;       /* "/dev/vda", "LABEL=x", "UUID=x"; default LABEL=clima-root */
    char *root_type;  /* default ext4 */
    char *root_flags; /* mount data; may be "" */
    char *init;       /* default /sbin/init */
    bool read_only;   /* "ro" without a later "rw"; the kernel's own default is not ours */
    bool is_marked;   /* has the word clima.init */
    bool is_supervised;
    struct strv rest; /* arguments for the init: what the kernel passed after "--" */
};

/* Words are separated by blanks; double quotes keep blanks, as the kernel has it. */
void cmdline_parse(struct sv text, struct cmdline *out);
void cmdline_done(struct cmdline *cmdline);
#define auto_cmdline AUTO_CALL(cmdline_done)

#endif
