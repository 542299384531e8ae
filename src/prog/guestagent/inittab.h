/*
 * The rows of /etc/inittab in the form of busybox, ID:RUNLEVELS:ACTION:PROCESS. Pure.
 */
#ifndef PROG_GUESTAGENT_INITTAB_H
#define PROG_GUESTAGENT_INITTAB_H

#include "base/strv.h"
#include "base/sv.h"
#include "base/vec.h"

struct inittab {
    VEC(struct strv) respawn; /* argument vectors of the rows of that action */
};

/* Rows of other actions, and those that cannot be split into words, are left out. */
void inittab_parse(struct sv text, struct inittab *out);
void inittab_done(struct inittab *inittab);
#define auto_inittab AUTO_CALL(inittab_done)

#endif
