/*
 * The systemd units of the guest agent: lima-guestagent.service runs the daemon, lima-boot.service
 * the boot scripts of the seed in images that were started by the agent itself (elsewhere
 * cloud-init runs them). Reference: runtime section 17.3.
 */
#ifndef PROG_GUESTAGENT_UNIT_H
#define PROG_GUESTAGENT_UNIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/sb.h"

#define UNIT_DIR         "/etc/systemd/system"
#define UNIT_DAEMON      "lima-guestagent.service"
#define UNIT_BOOT        "lima-boot.service"
#define UNIT_WANTED_BY   "multi-user.target.wants"
#define AGENT_NAME       "lima-guestagent"
#define AGENT_RUNTIME    "/run/lima-guestagent"
#define UNIT_OWNER_UNSET (-1)

/* What differs between guests; defaults leave no trace in the unit, so that whoever writes it, the
 * /init or install-systemd, writes the same. */
struct unit_options {
    const char *program;     /* full path; borrowed */
    const char *virtio_port; /* NULL, "" or the default name: no option; borrowed */
    uint32_t vsock_port;     /* 0 or the default: no option */
    int64_t socket_owner;    /* uid, or UNIT_OWNER_UNSET */
    bool debug;
};

void unit_render_daemon(const struct unit_options *options, struct sb *out);
void unit_render_boot(const char *program, struct sb *out);

/* On a running system: writes the unit of the daemon, enables and (re)starts it when the unit or,
 * says is_updated, the program changed. */
bool unit_install(const struct unit_options *options, bool is_updated, struct err **errp) MUST_USE;

#endif
