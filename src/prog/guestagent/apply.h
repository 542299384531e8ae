/*
 * Applies the seed to a root file system: user, home and keys, sudo, host name, time zone,
 * environment, network, the agent itself and its units. Can be repeated at every boot and be
 * interrupted anywhere.
 */
#ifndef PROG_GUESTAGENT_APPLY_H
#define PROG_GUESTAGENT_APPLY_H

#include "prog/guestagent/root.h"
#include "prog/guestagent/seed.h"

struct apply {
    struct root *root;       /* borrowed */
    const struct seed *seed; /* borrowed */
    struct sv keys;          /* ssh_authorized_keys of the seed; borrowed */
    struct sv environment;   /* etc_environment of the seed; borrowed */
    struct sv zone_data;     /* timezone of the seed, for images without; borrowed, may be empty */
    struct sv agent;         /* the program to install; borrowed */
};

/* Everything but the running kernel's state (names of interfaces, host name). */
bool apply_seed(const struct apply *apply, struct err **errp) MUST_USE;

/* The steps; apply_seed() calls them and commits. */
bool apply_account(const struct apply *apply, gid_t *out_gid, struct err **errp) MUST_USE;
bool apply_home(const struct apply *apply, gid_t gid, struct err **errp) MUST_USE;
bool apply_names(const struct apply *apply, struct err **errp) MUST_USE;
bool apply_network(const struct apply *apply, struct err **errp) MUST_USE;
bool apply_agent(const struct apply *apply, struct err **errp) MUST_USE;

#endif
