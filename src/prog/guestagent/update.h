/*
 * Takes a new program from the host in pieces and puts it in the place of this one: written beside
 * it, checked (size, CRC, made for this machine), synced, renamed. Until then nothing has changed.
 */
#ifndef PROG_GUESTAGENT_UPDATE_H
#define PROG_GUESTAGENT_UPDATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/sv.h"

struct update {
    const char *path; /* of this program; borrowed */
    char *temp_path;
    int fd; /* -1 = no update is under way */
    uint64_t size, n_received;
    uint32_t crc_wanted, crc;
};
#define UPDATE_NONE ((struct update){ .fd = -1 })

bool update_begin(struct update *update, const char *path, uint64_t size, uint32_t crc,
                  struct err **errp) MUST_USE;
/* *out_complete: the program was replaced. After a failure the update is over. */
bool update_feed(struct update *update, struct sv data, bool *out_complete,
                 struct err **errp) MUST_USE;
/* Gives an unfinished one up. */
void update_cancel(struct update *update);

#endif
