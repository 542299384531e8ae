/*
 * What is asked of `privileged`, which sudo runs as root, and how it hands a descriptor over.
 *
 *     sudo -n -- PREFIX/libexec/lima/privileged block-device /dev/sdb <<< "NONCE SOCKET"
 *
 * The command line is what a rule of sudoers names, word by word, so it holds nothing that differs
 * from call to call. The request on standard input does: one line with a nonce and the path of a
 * listening Unix stream socket in a directory that only the caller can enter. `privileged`
 * connects, sends one message, the nonce with the descriptor, and ends. Its standard error says why
 * not, each line with PRIVILEGED_PREFIX in front, which tells it from what sudo says.
 */
#ifndef WIRE_PRIVILEGED_H
#define WIRE_PRIVILEGED_H

#include "base/err.h"
#include "base/sb.h"
#include "base/sv.h"

#define PRIVILEGED_PROGRAM      "libexec/lima/privileged"
#define PRIVILEGED_BLOCK_DEVICE "block-device"
#define PRIVILEGED_PREFIX       "privileged: "

#define PRIVILEGED_NONCE_LEN   64 /* lower-case hexadecimal digits */
#define PRIVILEGED_REQUEST_MAX 256

struct privileged_request {
    struct sv nonce;
    struct sv socket_path; /* absolute, cleaned, short enough for a socket */
};

/* Borrows from text. ERR_PROTOCOL. */
bool privileged_request_decode(struct sv text, struct privileged_request *out,
                               struct err **errp) MUST_USE;
void privileged_request_put(struct sb *out, const struct privileged_request *request);
/* n bytes, half as many as the nonce has digits, as text; out is terminated. */
void privileged_nonce_put(const unsigned char bytes[PRIVILEGED_NONCE_LEN / 2],
                          char out[PRIVILEGED_NONCE_LEN + 1]);

#endif
