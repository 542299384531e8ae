/*
 * What a guest must show before it counts as ready: scripts that exit with 0 (reference: runtime
 * section 4). These lists are for guests whose agent does not report by itself. Pure.
 */
#ifndef PROG_HOSTAGENT_REQUIREMENT_H
#define PROG_HOSTAGENT_REQUIREMENT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/vec.h"
#include "model/config/instance.h"

struct requirement {
    char *description;
    char *script; /* with its #! line */
    char *hint;   /* for the error; may be NULL */
    bool no_master;   /* a connection of its own, not the shared one */
    bool with_params; /* the instance's parameters are exported to it */
    bool fatal;       /* when it is not met, the rest of the list is left out */
};

struct requirements {
    const char *group; /* "essential": for messages */
    VEC(struct requirement) list;
};

/* ssh works, and the environment of logins is final. iid: instance id of the seed; NULL = unknown,
 * the machine was taken over. */
void requirements_ssh(struct requirements *out, const struct instance_config *config,
                      const char *iid);
/* The boot and provision scripts have ended. Empty without an iid. */
void requirements_boot(struct requirements *out, const struct instance_config *config,
                       const char *iid);
/* What reverse-sshfs needs in the guest, or the end of the boot, which would have brought it. Empty
 * without an iid. */
void requirements_sshfs(struct requirements *out, const char *iid);
/* containerd, and the readiness probes of the configuration. */
void requirements_probes(struct requirements *out, const struct instance_config *config);
void requirements_done(struct requirements *reqs);

#endif
