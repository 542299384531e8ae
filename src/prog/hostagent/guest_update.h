/*
 * Gives the guest agent a new program: UPDATE, then the file in pieces, each when the one before has
 * left, so that little of it is in memory (wire/guest.h).
 */
#ifndef PROG_HOSTAGENT_GUEST_UPDATE_H
#define PROG_HOSTAGENT_GUEST_UPDATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/sb.h"

struct guest_update {
    int fd; /* -1 = nothing is being sent */
    char *path;
    uint64_t size, sent;
};
#define GUEST_UPDATE_NONE ((struct guest_update){ .fd = -1 })

/* Opens the file and appends the UPDATE message. ERR_INVALID: too large, or not a program. */
bool guest_update_begin(struct guest_update *update, const char *path, struct sb *out,
                        struct err **errp) MUST_USE;
/* Appends the next piece; nothing when all is sent. */
bool guest_update_continue(struct guest_update *update, struct sb *out, struct err **errp) MUST_USE;
void guest_update_cancel(struct guest_update *update);

#endif
