/*
 * Follows cloud-init's log in the guest over ssh, for "limactl start --progress" (reference:
 * runtime section 3.2).
 *
 * on_line comes for each line that is not empty, on_end once: when cloud-init has finished, the
 * connection ended, or ten minutes passed. Then the owner closes; cloud_init_close() may be called
 * earlier and on NULL.
 */
#ifndef PROG_HOSTAGENT_CLOUD_INIT_H
#define PROG_HOSTAGENT_CLOUD_INIT_H

#include <stdint.h>

#include "base/err.h"
#include "base/strv.h"
#include "prog/hostagent/guest_ssh.h"

struct cloud_init;
struct uv_loop_s;

struct cloud_init_params {
    struct uv_loop_s *loop;
    struct guest_ssh ssh;
    void (*on_line)(void *arg, struct sv line); /* hostile text */
    void (*on_end)(void *arg, const char *why);
    void *arg;
};

struct cloud_init *cloud_init_open(const struct cloud_init_params *params, struct err **errp);
void cloud_init_close(struct cloud_init *c);

/* Does this line tell the end? *unit_seen remembers a line between calls. Pure. */
bool cloud_init_is_end(struct sv line, bool *unit_seen);

#endif
