/*
 * Messages between the host agent and `devices`, the process that serves a guest's virtio devices.
 *
 * The socket is DIR/devices.sock, SOCK_SEQPACKET: one message per packet, with at most one
 * descriptor (SCM_RIGHTS). The driver binds it and hands the listening descriptor to `devices`; the
 * host agent connects, and connects again after it was restarted. All numbers are little-endian:
 *
 *     u8 type, u8[3] zero, u32 id, then the fields of the type in the order of struct devctl_msg
 *     (see devctl_type_info()), DATA last and up to the end of the packet
 *
 * Bytes after the last known field are ignored, so later versions may append fields. Both sides
 * send HELLO first. An id other than 0 asks for an answer, which carries the same id:
 *
 *     request                      answer
 *     HELLO                        HELLO (a GUEST message follows at once when the guest is up)
 *     LISTEN, UNLISTEN             RESULT
 *     CONNECT                      STREAM with a descriptor, or RESULT with an errno
 *     PUMP with a descriptor       RESULT, when the guest has accepted or refused
 *     FORWARD with a descriptor    the same
 *     ACCEPT with a descriptor     RESULT
 *     REJECT                       RESULT
 *     STATS                        COUNTERS, or RESULT with an errno
 *     EXPORT with a descriptor     RESULT: EEXIST when there is an export of that name
 *     UNEXPORT, DETACH             RESULT: ENOENT when there is none
 *
 * and `devices` sends by itself, with id 0:
 *
 *     GUEST      the guest's vsock driver became ready or went away (reset, reboot, pause)
 *     ACCEPTED   the guest connected to a port that is listened on; with a descriptor
 *     HELD       the same for a port listened on with DEVCTL_LISTEN_HOLD: the guest waits until
 *                ACCEPT (then `devices` moves the bytes between the guest and the given socket) or
 *                REJECT names the stream
 *
 * Descriptors of STREAM and ACCEPTED are AF_UNIX stream sockets. shutdown() on them is a half-close
 * in both directions; a reset by the guest is seen as end of file. They, and the ports listened on,
 * end with the control connection that asked for them. PUMP and ACCEPT hand a connected stream
 * socket over for good: those streams live on without the host agent, until one side closes.
 * FORWARD is PUMP in chunks (TUNNEL_CHUNKED of wire/tunnel.h, which the preface must say) over a
 * stream that may have served another connection before, and may serve the next.
 *
 * EXPORT makes a directory an entry of the guest's file system device; its descriptor is that of a
 * detached mount, as `exporter` makes it. Exports live on without the host agent, too. UNEXPORT ends
 * one at once: the guest's open files are closed. DETACH takes its name away, and it ends when the
 * guest has let go of everything in it; DEVCTL_CAN_DETACH says that `devices` knows this. Vsock port
 * ECHO_PORT (wire/echo.h) is not for host agents: `devices` itself takes its connections.
 */
#ifndef WIRE_DEVCTL_H
#define WIRE_DEVCTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/sv.h"

#define DEVCTL_VERSION 1
#define DEVCTL_MESSAGE_SIZE_MAX 4096
/* What PUMP may send to the guest ahead of the socket's bytes. */
#define DEVCTL_DATA_LEN_MAX 2048

enum devctl_type {
    DEVCTL_HELLO = 1,
    DEVCTL_LISTEN,
    DEVCTL_UNLISTEN,
    DEVCTL_CONNECT,
    DEVCTL_PUMP,
    DEVCTL_ACCEPT,
    DEVCTL_REJECT,
    DEVCTL_STATS,
    DEVCTL_RESULT,
    DEVCTL_STREAM,
    DEVCTL_ACCEPTED,
    DEVCTL_HELD,
    DEVCTL_COUNTERS,
    DEVCTL_GUEST,
    DEVCTL_EXPORT,
    DEVCTL_UNEXPORT,
    DEVCTL_FORWARD,
    DEVCTL_DETACH,
    DEVCTL_TYPE_END,
};

/* How `devices` is confined, weakest first. Sent in the flags of its HELLO, in their lowest byte. */
enum devctl_sandbox {
    DEVCTL_SANDBOX_NONE,
    DEVCTL_SANDBOX_SECCOMP,   /* system call filter only */
    DEVCTL_SANDBOX_LANDLOCK,  /* and no access to any path */
    DEVCTL_SANDBOX_NAMESPACE, /* system call filter, empty root, no capabilities */
    DEVCTL_SANDBOX_COUNT,
};

enum devctl_flags {
    DEVCTL_SANDBOX_MASK = 0xff,    /* HELLO */
    DEVCTL_CAN_FORWARD = 1u << 8, /* it knows FORWARD */
    DEVCTL_CAN_DETACH = 1u << 9,  /* and DETACH */

    DEVCTL_LISTEN_HOLD = 1u << 0,   /* LISTEN: announce connections with HELD */
    DEVCTL_GUEST_UP = 1u << 0,      /* GUEST: the driver is ready; else it is gone */
    DEVCTL_GUEST_RESUMED = 1u << 1, /* GUEST: it went on where it was, streams were kept */

    DEVCTL_EXPORT_READ_ONLY = 1u << 0,    /* EXPORT */
    DEVCTL_EXPORT_KEEP_OWNERS = 1u << 1,  /* chown is remembered in an attribute, else refused */
    DEVCTL_EXPORT_CACHE_ALWAYS = 1u << 2, /* the guest may believe what it knows: for ever, ... */
    DEVCTL_EXPORT_CACHE_NEVER = 1u << 3,  /* ... not at all; else for a second */
    /* Changes that others make are told to an agent of the guest (wire/echo.h). */
    DEVCTL_EXPORT_TELL_CHANGES = 1u << 4,
};

struct devctl_counters {
    uint64_t live;             /* streams open now */
    uint64_t total;            /* streams ever opened */
    uint64_t refused;          /* connections that did not come about, either direction */
    uint64_t reset;            /* streams that ended by a reset, either direction */
    uint64_t bytes_to_guest;
    uint64_t bytes_from_guest;
};

/* A decoded message; fields that the type does not have are zero. */
struct devctl_msg {
    enum devctl_type type;
    uint32_t id;
    uint32_t version;   /* HELLO */
    uint32_t flags;     /* HELLO, LISTEN, GUEST, EXPORT */
    uint32_t port;      /* the port that is connected to */
    uint32_t peer_port; /* the port that connects */
    uint32_t stream;    /* HELD, ACCEPT, REJECT: a number chosen by `devices` */
    uint32_t tag;       /* PUMP, FORWARD, ACCEPT, STATS: counts streams in groups; 0 = all streams */
    uint32_t error;     /* RESULT: errno, 0 = done */
    uint32_t uid, gid;  /* EXPORT: of the guest's user, to whom files of the host's belong */
    struct devctl_counters counters;
    struct sv data; /* borrowed from the packet. HELLO: program version; PUMP, FORWARD: bytes to send
                     * first; EXPORT, UNEXPORT, DETACH: name of the export */
};

enum devctl_field {
    DEVCTL_HAS_VERSION = 1u << 0,
    DEVCTL_HAS_FLAGS = 1u << 1,
    DEVCTL_HAS_PORT = 1u << 2,
    DEVCTL_HAS_PEER_PORT = 1u << 3,
    DEVCTL_HAS_STREAM = 1u << 4,
    DEVCTL_HAS_TAG = 1u << 5,
    DEVCTL_HAS_ERROR = 1u << 6,
    DEVCTL_HAS_COUNTERS = 1u << 7,
    DEVCTL_HAS_DATA = 1u << 8,
    DEVCTL_HAS_FD = 1u << 9, /* a descriptor comes with the packet */
    DEVCTL_IS_REQUEST = 1u << 10,
    DEVCTL_HAS_IDS = 1u << 11, /* uid and gid */
};

struct devctl_type_info {
    const char *name;
    unsigned fields; /* enum devctl_field */
};

/* NULL when the type is unknown. */
const struct devctl_type_info *devctl_type_info(unsigned type);
const char *devctl_sandbox_name(enum devctl_sandbox level);

/* Length of the packet written to out, at most DEVCTL_MESSAGE_SIZE_MAX. Asserts that the type is
 * known and that data is at most DEVCTL_DATA_LEN_MAX long. */
size_t devctl_encode(const struct devctl_msg *msg, uint8_t out[DEVCTL_MESSAGE_SIZE_MAX]);

/* Fails with ERR_UNSUPPORTED when the type is unknown (type and id of *out are set then, so that
 * a request can be answered), with ERR_PROTOCOL when the packet is broken. */
bool devctl_decode(struct devctl_msg *out, struct sv packet, struct err **errp) MUST_USE;

#endif
