/*
 * The streams of port forwards between host and guest, over vsock.
 *
 * Host to guest: a stream to the guest's vsock port TUNNEL_PORT begins with a preface that names
 * the target, numbers big-endian:
 *
 *     u16 length of what follows (at most TUNNEL_PREFACE_LEN_MAX - 2)
 *     u8 version, u8 kind, u8 flags, u16 port, u8 length, target, u8 length, source
 *
 * The target is an address of 4 or 16 bytes, or the path of a Unix socket; the source, for the log,
 * a text that may be empty. Bytes after it are ignored, so later versions may add fields. The guest
 * answers nothing; it dials the target and then passes bytes on, or, when that fails, resets the
 * stream. Target 0.0.0.0 or :: means the guest itself, by whichever of its addresses answers.
 *
 * Guest to host (reverse forwards): the vsock port tells what it is for, there is no preface.
 *
 * How streams end. A direction ends with SHUTDOWN(SEND), on sockets shutdown(SHUT_WR), after its
 * last byte; the other direction goes on. A stream whose two directions have ended is closed. A
 * side that closes, or shuts down both directions at once, before it has ended its own direction,
 * resets the stream (vsock sockets of Linux have no other way to say it): the other side resets its
 * own connection, except where that is a Unix socket (TUNNEL_FROM_UNIX), which knows no resets and
 * is closed after what is still on its way.
 *
 * Chunks: a stream whose preface has TUNNEL_CHUNKED may carry one connection after the other. What
 * follows the preface, in either direction, is then
 *
 *     u16 n; n = 0: the direction has ended; n = 0xffff: everything after it is bytes, as without
 *     chunks, and the stream is of no use to others; else n bytes follow
 *
 * When both directions have ended in this way the stream is idle, and the host may send the next
 * preface. So a guest that has ended its direction closes the stream only when the end of the host
 * has not come for TUNNEL_HOST_END_MS, and a host whose end is more than half as late sends no
 * other preface. Everything else ends the stream as it does without chunks: resets, and the ends of
 * directions that are not in chunks any more, which is for those that carry much.
 * Guests that can do it say so (GUEST_CHUNKED of wire/guest.h). The host closes what has been idle
 * for long.
 *
 * UDP: one stream per peer; each datagram is a u16 length (0 is legal) and its bytes. There is no
 * half-close: the end of either direction ends the session, as does silence; the side that has the
 * listening socket counts it. A target that is not there (ICMP) ends it with a reset.
 */
#ifndef WIRE_TUNNEL_H
#define WIRE_TUNNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/sb.h"
#include "base/sv.h"

#define TUNNEL_PORT              2223
#define TUNNEL_VERSION           1
#define TUNNEL_PREFACE_LEN_MAX   1024
#define TUNNEL_PATH_LEN_MAX      107
#define TUNNEL_SOURCE_LEN_MAX    128
#define TUNNEL_DATAGRAM_LEN_MAX  65535
#define TUNNEL_DATAGRAM_HEAD_LEN 2

/* Numbers are part of the format. */
enum tunnel_kind { TUNNEL_TCP, TUNNEL_UDP, TUNNEL_UNIX, TUNNEL_KIND_COUNT };

enum tunnel_flags {
    TUNNEL_FROM_UNIX =
        1u << 0,              /* the host's socket is a Unix socket: it closes, but never resets */
    TUNNEL_CHUNKED = 1u << 1, /* TCP and Unix: bytes come in chunks */
};

/* All views are borrowed. */
struct tunnel_preface {
    enum tunnel_kind kind;
    uint8_t flags;     /* enum tunnel_flags */
    uint16_t port;     /* TCP, UDP */
    struct sv address; /* TCP, UDP: 4 or 16 bytes */
    struct sv path;    /* UNIX: absolute */
    struct sv source;  /* who connected, printable; longer ones are cut */
};

/* "tcp", "udp", "unix" */
const char *tunnel_kind_name(enum tunnel_kind kind);

/* Appends a preface; it must be valid. */
void tunnel_preface_put(struct sb *out, const struct tunnel_preface *preface);

enum tunnel_take { TUNNEL_MORE, TUNNEL_TAKEN, TUNNEL_BROKEN };

/* Takes a preface off what has come of a stream. TUNNEL_MORE: it is not complete. TUNNEL_TAKEN: its
 * views point into *stream's bytes, *stream is what follows. TUNNEL_BROKEN: ERR_PROTOCOL, or
 * ERR_UNSUPPORTED for a later version or kind. The source is hostile: print it quoted. */
enum tunnel_take tunnel_preface_take(struct sv *stream, struct tunnel_preface *out,
                                     struct err **errp) MUST_USE;

#define TUNNEL_CHUNK_HEAD_LEN 2
#define TUNNEL_CHUNK_LEN_MAX  0xfffeu
/* A direction that has carried so much goes on without chunks. */
#define TUNNEL_CHUNKED_MAX    (64u * 1024)
/* A guest waits so long for the end of the host before it closes a stream in chunks. */
#define TUNNEL_HOST_END_MS    1000

/* Heads of chunks: of n bytes (0 ends the direction, at most TUNNEL_CHUNK_LEN_MAX), and the last
 * one of a direction that goes on without. */
void tunnel_chunk_head(uint8_t out[TUNNEL_CHUNK_HEAD_LEN], size_t n);
void tunnel_chunk_raw(uint8_t out[TUNNEL_CHUNK_HEAD_LEN]);

/* What comes in chunks. Starts zeroed, for every connection. */
struct tunnel_chunks {
    uint32_t left; /* of the chunk */
    uint8_t half;  /* of a head */
    bool has_half, is_raw, has_ended;
};

enum tunnel_piece { TUNNEL_PIECE_NONE, TUNNEL_PIECE_BYTES, TUNNEL_PIECE_END };

/* Takes the next piece off *in. NONE: *in is used up. BYTES: *out points into it. END: the
 * direction has ended; what is left of *in is not this connection's. */
enum tunnel_piece tunnel_chunks_take(struct tunnel_chunks *c, struct sv *in, struct sv *out);

/* Datagrams of a stream. put: at most TUNNEL_DATAGRAM_LEN_MAX bytes. take: false when none is
 * complete; else *out points into *stream's bytes and *stream is what follows. */
void tunnel_datagram_put(struct sb *out, struct sv datagram);
bool tunnel_datagram_take(struct sv *stream, struct sv *out) MUST_USE;

#endif
