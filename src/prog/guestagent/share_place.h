/*
 * What is at the mount point of a share: the share itself, something else of the guest's, or both.
 * What the guest has mounted itself is not ours to unmount.
 */
#ifndef PROG_GUESTAGENT_SHARE_PLACE_H
#define PROG_GUESTAGENT_SHARE_PLACE_H

#include <stdint.h>
#include <sys/types.h>

#include "base/strv.h"
#include "base/sv.h"

enum share_place_state {
    SHARE_GONE,    /* it is not mounted there, maybe something else is */
    SHARE_HERE,    /* it is what one sees there */
    SHARE_COVERED, /* it is there, below something else */
};

struct share_place {
    enum share_place_state state;
    dev_t device; /* HERE, COVERED: of the share; what served it may be gone */
    char *point;  /* HERE: without links; COVERED: mount point of what covers it, NULL = unknown */
    struct strv inner;     /* HERE: what is mounted in it, mount points */
    struct strv submounts; /* HERE: parts of it that the kernel has mounted, the innermost first */
};

/* From a text of mountinfo. top_id: the mount that is seen at path; 0 = there is no such path.
 * path: the mount point without links, maybe with " (deleted)" behind it; name: of the share.
 */
void share_place_find(struct sv mountinfo, uint32_t top_id, const char *path, const char *name,
                      struct share_place *out);
/* The same for this guest as it is. What cannot be read counts as GONE. */
void share_place_look(const char *mount_point, const char *name, struct share_place *out);
void share_place_done(struct share_place *place);

#endif
