/* How ssh reaches the guest; setup.h has it for an instance. */
#ifndef PROG_HOSTAGENT_GUEST_SSH_H
#define PROG_HOSTAGENT_GUEST_SSH_H

#include <stdint.h>

#include "base/strv.h"

/* All is borrowed. */
struct guest_ssh {
    const struct strv *program, *options;
    const char *address;
    uint16_t port;
};

#endif
