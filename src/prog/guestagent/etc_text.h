/*
 * Small files of /etc as text: old text in, new text out. Pure.
 */
#ifndef PROG_GUESTAGENT_ETC_TEXT_H
#define PROG_GUESTAGENT_ETC_TEXT_H

#include "base/sb.h"

/* /etc/hosts: the host's own name on 127.0.1.1, and host.lima.internal for the gateway. Either may
 * be
 * "", then its line is left as it is. Other lines are kept. */
void hosts_edit(struct sv hosts, const char *hostname, const char *gateway, struct sb *out);

/* /etc/environment: block, from #LIMA-START to #LIMA-END, takes the place of the old one, else the
 * end of the file. An empty block removes the old one. */
void environment_edit(struct sv environment, struct sv block, struct sb *out);

/* A drop-in for /etc/sudoers.d. */
void sudoers_render(const char *user, bool passwordless, struct sb *out);

/* The keys of both texts: those that are there, then the wanted ones that are not. */
void authorized_keys_edit(struct sv keys, struct sv wanted, struct sb *out);

#endif
