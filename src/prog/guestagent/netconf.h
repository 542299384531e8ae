/*
 * Network configuration as text. The primary interface has the fixed address of the user-mode
 * network when the seed names one (then nothing waits for DHCP); all others ask DHCP. Pure.
 */
#ifndef PROG_GUESTAGENT_NETCONF_H
#define PROG_GUESTAGENT_NETCONF_H

#include "base/sb.h"
#include "prog/guestagent/seed.h"

#define NETCONF_PREFIX_LEN 24
#define NETCONF_PRIMARY    "eth0" /* in every guest of Lima */

/* Does interface i of the seed have a fixed address? */
bool netconf_is_static(const struct seed *seed, size_t i);

/* systemd: the .network file, and the .link file that keeps the name, of interface i. */
void netconf_networkd(const struct seed *seed, size_t i, struct sb *out);
void netconf_link(const struct seed *seed, size_t i, struct sb *out);
/* ifupdown: all interfaces, for /etc/network/interfaces.d. */
void netconf_ifupdown(const struct seed *seed, struct sb *out);
/* /etc/resolv.conf */
void netconf_resolv(const struct seed *seed, struct sb *out);

#endif
