/*
 * Does anything listen on a TCP port? From /proc/net/tcp and tcp6, which need no kernel module.
 */
#ifndef PROG_GUESTAGENT_SSH_WATCH_H
#define PROG_GUESTAGENT_SSH_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/sv.h"

#define SSH_WATCH_PORT 22

/* In the text of such a file. Pure. */
bool ssh_watch_has_listener(struct sv table, uint16_t port);
bool ssh_watch_is_listening(uint16_t port);

#endif
