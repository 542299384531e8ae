/*
 * lima.env of the seed: what the guest is to become. Source of the keys: reference/runtime.md
 * section 15.3, and LIMA_CIDATA_HOSTNAME, _TIMEZONE, _DNS_ADDRESSES, _NETWORKS and
 * _NETWORKS_<i>_MAC, _NAME, _METRIC of our own. Lines are KEY=value, verbatim; unknown keys are
 * skipped.
 */
#ifndef PROG_GUESTAGENT_SEED_H
#define PROG_GUESTAGENT_SEED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/strv.h"
#include "base/sv.h"
#include "base/vec.h"

enum {
    SEED_ENV_SIZE_MAX = 256 * 1024,
    SEED_NICS_MAX = 32,
};

struct seed_nic {
    char *mac;  /* lower case */
    char *name; /* eth0, lima0, ... */
    uint32_t metric;
};

struct seed {
    char *iid, *user, *comment, *home, *shell; /* comment may be "" */
    char *hostname;                            /* all of these may be "" */
    char *timezone;
    char *prefix;        /* where the agent is installed: PREFIX/bin */
    char *gateway;       /* IPv4 */
    char *dns;           /* IPv4 */
    char *address;       /* IPv4 of the primary interface; "" = ask DHCP */
    char *virtio_port;   /* name; "" = default */
    uint32_t vsock_port; /* 0 = default */
    uint32_t uid;
    bool passwordless_sudo;
    bool plain; /* no daemon */
    struct strv name_servers;
    VEC(struct seed_nic) nics; /* the first is the primary */
};

/* ERR_INVALID names the key that is missing or cannot be what it says. */
bool seed_parse(struct sv env, struct seed *out, struct err **errp) MUST_USE;
void seed_done(struct seed *seed);
#define auto_seed AUTO_CALL(seed_done)

#endif
