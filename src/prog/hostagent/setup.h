/*
 * Everything the host agent works out before there is a machine: configuration, ssh, the seed, the
 * additional disks (reference: runtime section 2.5, steps 1 to 7). Blocking; done before the loop
 * runs. The result does not change any more.
 */
#ifndef PROG_HOSTAGENT_SETUP_H
#define PROG_HOSTAGENT_SETUP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/strv.h"
#include "base/vec.h"
#include "driver/driver.h"
#include "model/store/store.h"
#include "prog/hostagent/guest_ssh.h"
#include "prog/hostagent/options.h"

struct setup {
    const struct options *options; /* borrowed */
    struct store store;
    struct instance_config config;
    char *dir;
    char *hostname;
    char *cache_dir;
    const struct driver_type *driver_type;
    char *pid_path;   /* of the machine */
    bool is_adopting; /* the machine runs: it is taken over */
    char *iid;        /* instance id of the seed; NULL when adopting */
    char *mac;
    uint16_t ssh_port;
    struct strv ssh_program; /* "ssh" */
    struct strv ssh_options;
    bool forwards_over_ssh;        /* LIMA_SSH_PORT_FORWARDER */
    const char *resolv_conf_path;  /* CLIMA_RESOLV_CONF, borrowed; NULL = the host's */
    char *auto_started_identifier; /* NULL = none */
    VEC(struct driver_disk) disks; /* owned texts; attached to this instance */
    VEC(struct driver_block_device) block_devices; /* owned; none when adopting */
};

/* Writes ssh.config and, unless the machine runs already, cloud-config.yaml and cidata.iso. */
bool setup_prepare(struct setup *setup, const struct options *options, struct err **errp) MUST_USE;
struct guest_ssh setup_guest_ssh(const struct setup *setup);
/* The machine has them, or will not need them. */
void setup_close_block_devices(struct setup *setup);
/* Gives all disks free that this instance has; the machine must be gone. */
void setup_unlock_disks(struct setup *setup);
void setup_done(struct setup *setup);

#endif
