/*
 * The command line of the guest agent (reference: runtime section 17.1): VERB, then --name=value or
 * --name value; an empty value is the same as none, so that scripts can pass what lima.env says.
 */
#ifndef PROG_GUESTAGENT_OPTIONS_H
#define PROG_GUESTAGENT_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct options {
    const char *verb;        /* all texts are borrowed from argv; never NULL */
    const char *runtime_dir; /* default AGENT_RUNTIME */
    const char *virtio_port; /* "" = not given */
    uint32_t vsock_port;     /* 0 = not given */
    int64_t socket_owner;    /* UNIT_OWNER_UNSET = not given */
    const char *name;        /* of a folder; "" = not given */
    const char *mount_point; /* "" = not given */
    const char *options_9p;  /* "" = not given */
    bool read_only, lazy, waits;
    bool is_updated;
    bool debug;
};

bool options_parse(int argc, char *const *argv, struct options *out, struct err **errp) MUST_USE;

#endif
