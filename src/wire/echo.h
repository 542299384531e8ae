/*
 * What `devices` and the guest agent say to each other so that changes made on the host raise file
 * events in the guest: the agent repeats each change on the mounted file system, and the file
 * server, which knows it is a repetition, answers without touching the host (fuse/echo.h).
 *
 * The agent connects to CID 2, vsock port ECHO_PORT, from a port below ECHO_PEER_PORT_END, which
 * only root can bind. A stream of messages flows each way, numbers big-endian:
 *
 *     u16 length of what follows, u8 type, u8 kind, u8 flags, u64 dir, u64 dir2,
 *     u8 length, export, u8 length, name, u8 length, name2
 *
 * Every message has all members; those that mean nothing to it are empty. Bytes behind the last one
 * are ignored, so later versions may append.
 *
 *     from devices                                   from the agent
 *     HELLO: dir and dir2 are a nonce                - looks up ECHO_NAME_PREFIX and the nonce, 32
 *                                                      hexadecimal digits, in the root of the file
 *                                                      system: that tells its thread - then READY
 *     changes ..., SYNC                              - for each change looks up ECHO_NEXT_NAME in
 *                                                      that root, then repeats it - DONE
 *     GONE: the export ended, let go of it           -
 *
 * Directories are named by the number that the guest's kernel knows them by (FUSE node id), names
 * are bytes: not empty but in ATTRIB of the directory itself, one path component each.
 */
#ifndef WIRE_ECHO_H
#define WIRE_ECHO_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/sb.h"
#include "base/sv.h"

#define ECHO_PORT          2226
#define ECHO_PEER_PORT_END 1024
#define ECHO_NAME_PREFIX   ".lima-echo-"
#define ECHO_NEXT_NAME     ".lima-echo-next"
#define ECHO_LIMBO_NAME    ".lima-limbo" /* below each export, for its agent only: see ECHO_MOVE */
#define ECHO_NAME_LEN_MAX  255
/* With its length. */
#define ECHO_MSG_LEN_MAX   (2 + 3 + 16 + 3 * (1 + ECHO_NAME_LEN_MAX))

/* Numbers are part of the format. */
enum echo_type {
    ECHO_HELLO = 1,
    ECHO_READY,
    ECHO_SYNC,
    ECHO_DONE,
    ECHO_GONE,
    /* changes */
    ECHO_MAKE,   /* name in dir, of the kind */
    ECHO_REMOVE, /* the same */
    ECHO_MOVE,   /* name in dir to name2 in dir2; 0 for a directory: somewhere else, which is the
                  * limbo directory of the export */
    ECHO_MODIFY, /* data of name in dir */
    ECHO_WRITE,  /* the same, by a file that was closed then */
    ECHO_CLOSE,  /* a file that was open for writing, but not written */
    ECHO_ATTRIB, /* of name in dir, or of dir itself */
    ECHO_TYPE_END,
};

enum echo_kind {
    ECHO_FILE,
    ECHO_DIR,
    ECHO_LINK,
    ECHO_FIFO,
    ECHO_SOCKET,
    ECHO_KIND_COUNT,
};

enum echo_flags {
    ECHO_EXCHANGE = 1u << 0, /* MOVE: both changed places */
    ECHO_KNOWN = 1u << 1,    /* of a directory that the guest has seen: it may be a mount point */
};

struct echo_msg {
    enum echo_type type;
    enum echo_kind kind;
    uint8_t flags; /* enum echo_flags */
    uint64_t dir, dir2;
    struct sv export, name, name2; /* borrowed */
};

/* "HELLO", "MOVE" */
const char *echo_type_name(enum echo_type type);

/* Appends a message; names must be within ECHO_NAME_LEN_MAX. */
void echo_put(struct sb *out, const struct echo_msg *msg);

enum echo_take { ECHO_MORE, ECHO_TAKEN, ECHO_BROKEN };

/* Takes a message off what has come of a stream. ECHO_MORE: it is not complete. ECHO_TAKEN: its
 * views point into *stream's bytes, *stream is what follows. ECHO_BROKEN: ERR_PROTOCOL. */
enum echo_take echo_take(struct sv *stream, struct echo_msg *out, struct err **errp) MUST_USE;

#endif
