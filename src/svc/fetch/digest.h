/*
 * Cryptographic digests of files, and their text form "sha256:HEX". The only user of libcrypto, which is
 * loaded when the first digest is made.
 */
#ifndef SVC_FETCH_DIGEST_H
#define SVC_FETCH_DIGEST_H

#include <stdbool.h>

#include "base/err.h"
#include "base/sv.h"

enum digest_algo { DIGEST_SHA256, DIGEST_SHA384, DIGEST_SHA512, DIGEST_ALGO_COUNT };

const char *digest_algo_name(enum digest_algo algo); /* "sha256" */

struct digest_text {
    enum digest_algo algo;
    struct sv hex; /* borrowed from the text */
};
/* "sha256:" and as many lower-case hexadecimal digits as the algorithm has. */
bool digest_parse(const char *text, struct digest_text *out, struct err **errp) MUST_USE;

struct digest;

struct digest *digest_new(enum digest_algo algo, struct err **errp) MUST_USE;
void digest_add(struct digest *digest, const void *bytes, size_t n);
char *digest_finish_hex(struct digest *digest); /* owned; the object is then only to be freed */
void digest_free(struct digest *digest);
AUTO_DECLARE(struct digest, digest);
#define auto_digest AUTO_CALL(digest_auto)

/* SHA-256 of a short text, which needs no library. Owned. */
char *digest_name(struct sv text);
/* From the file's start; the position is left alone. */
bool digest_fd_hex(int fd, const char *name, enum digest_algo algo, char **out_hex,
                   struct err **errp) MUST_USE;

#endif
