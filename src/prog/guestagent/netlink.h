/*
 * Requests to the kernel over netlink, and taking its answers apart. The answers are the kernel's,
 * but nothing is believed about lengths.
 */
#ifndef PROG_GUESTAGENT_NETLINK_H
#define PROG_GUESTAGENT_NETLINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/sv.h"

/* groups is the bit mask of bind(2). A request waits for its answer for some seconds at most. */
bool netlink_open(int protocol, uint32_t groups, int *out_fd, struct err **errp) MUST_USE;

typedef void (*netlink_fn)(void *arg, uint16_t type, struct sv payload);

/* Sends a message (length, flags and sequence number are filled in; NLM_F_REQUEST with the given
 * flags) and hands out what answers it, to the last: with NLM_F_DUMP all messages, with NLM_F_ACK
 * none. on_message may be NULL. A refusal is ERR_OS. */
bool netlink_ask(int fd, uint16_t type, uint16_t flags, struct sv body, netlink_fn on_message,
                 void *arg, struct err **errp) MUST_USE;

/* Takes the next message off what was received; false at the end, or where it makes no sense. */
struct netlink_message {
    uint16_t type;
    uint32_t seq;
    struct sv payload; /* borrowed */
};
bool netlink_next(struct sv *bytes, struct netlink_message *out);

/* Takes the next attribute off; the flag bits of its type are cleared. */
bool netlink_attr_next(struct sv *attrs, uint16_t *out_type, struct sv *out_value);

#endif
