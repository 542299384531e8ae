/*
 * The seed of an instance, from its configuration and the facts of the host (svc/cidata).
 */
#ifndef PROG_HOSTAGENT_SEED_H
#define PROG_HOSTAGENT_SEED_H

#include "base/err.h"
#include "prog/hostagent/setup.h"

/* Writes cidata.iso and cloud-config.yaml; needs everything of setup but the port. */
bool seed_write(const struct setup *setup, struct err **errp) MUST_USE;

#endif
