/*
 * Network interfaces of the running kernel: names by MAC address, IPv4 addresses, the default
 * route.
 */
#ifndef PROG_GUESTAGENT_NETIF_H
#define PROG_GUESTAGENT_NETIF_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "prog/guestagent/seed.h"

/* Gives each interface of the seed its name, however many of them are exchanged. An interface that
 * does not exist is left out. */
bool netif_rename_all(const struct seed *seed, struct err **errp) MUST_USE;
bool netif_up(const char *name, struct err **errp) MUST_USE;
bool netif_set_address(const char *name, const char *ip, unsigned prefix_len,
                       struct err **errp) MUST_USE;
bool netif_set_default_route(const char *name, const char *gateway, uint32_t metric,
                             struct err **errp) MUST_USE;

/* Has it an IPv4 address? */
bool netif_has_address(const char *name);
/* A non-blocking descriptor that becomes readable whenever some IPv4 address comes or goes. */
bool netif_watch_addresses(int *out_fd, struct err **errp) MUST_USE;

#endif
