/*
 * What defaults depend on: facts of the host, gathered once per program run. Tests pretend others.
 */
#ifndef MODEL_CONFIG_HOST_FACTS_H
#define MODEL_CONFIG_HOST_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct host_facts {
    char *os;   /* as Go spells it: "linux" */
    char *arch; /* in Lima's names: "x86_64" */
    unsigned cpus;
    uint64_t memory;    /* bytes; 0 = unknown */
    char *timezone;     /* IANA name; NULL = unknown */
    char *machine_id;   /* never NULL: /etc/machine-id, or the host name */
    char *user_name;    /* never NULL, like the following */
    char *user_comment; /* full name, may be "" */
    char *user_home;
    char *temp_dir; /* $TMPDIR or /tmp */
    uint32_t uid;
    char *ssh_over_vsock; /* $LIMA_SSH_OVER_VSOCK; NULL = unset */
};

/* ERR_NOT_FOUND when the user has no home directory. */
bool host_facts_gather(struct host_facts *out, struct err **errp) MUST_USE;
void host_facts_done(struct host_facts *facts);
#define auto_host_facts AUTO_CALL(host_facts_done)

#endif
