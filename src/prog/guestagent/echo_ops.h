/*
 * Single changes that are repeated on a mounted file system (echo.h). What cannot be done is left:
 * then the guest knows neither the file nor the directory, and nobody watches them.
 */
#ifndef PROG_GUESTAGENT_ECHO_OPS_H
#define PROG_GUESTAGENT_ECHO_OPS_H

#include "base/vec.h"
#include "wire/echo.h"

/* The mounted exports that are in use. */
struct echo_mounts {
    int all_fd; /* borrowed: of the whole, where the exports are */
    VEC(struct echo_mount {
        char *export;
        int fd; /* its root */
    }) list;
};

void echo_mounts_done(struct echo_mounts *mounts);
/* Lets go of an export. */
void echo_mounts_drop(struct echo_mounts *mounts, struct sv export);

/* msg is a change. */
void echo_repeat(struct echo_mounts *mounts, const struct echo_msg *msg);

#endif
