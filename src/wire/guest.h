/*
 * Messages between the host agent and the guest agent.
 *
 * The guest agent connects: to CID 2, vsock port GUEST_VSOCK_PORT, else it opens the virtio-serial
 * port GUEST_VIRTIO_PORT, else it listens on the Unix socket GUEST_SOCKET. It tries for ever, and
 * again after every end of the connection. Over any of these flows a sequence of frames, all
 * numbers big-endian:
 *
 *     u32 length of what follows (1 to GUEST_FRAME_LEN_MAX), u8 type, fields
 *     field: u8 tag, u32 length, that many bytes
 *
 * A tag means the same in every message; numbers have 4 or 8 bytes, texts are UTF-8 without NUL.
 * Types and tags that the receiver does not know are skipped, so later versions may add both. The
 * first frame each way is HELLO; each side then keeps to the smaller of the two protocol versions.
 *
 *     from the guest                             from the host
 *     HELLO version program [arch boot_id flags] HELLO version program
 *     PHASE phase state [text]                   -
 *     TIME_RESULT drift_ns adjusted [text]       TIME time_ns
 *     LOG level text                             -
 *     UPDATE_RESULT [text]                       UPDATE program size crc, then UPDATE_DATA data ...
 *     PONG id, PING id                           PING id, PONG id
 *     PORTS flags data                           WATCH_PORTS flags
 *     LISTEN_RESULT id port [text]               LISTEN id proto vsock_port [...], UNLISTEN id
 *     MOUNT_RESULT id [text]                     MOUNT id name mount_point [flags text],
 *                                                UNMOUNT id name mount_point [flags]
 *     -                                          ECHO, TOUCH mount_point data time_ns
 *
 * After its HELLO the guest repeats the latest state of every phase that began, so a host agent
 * that connects late knows as much as one that was there from the start. While GUEST_IN_INITRD is
 * set in its flags the guest only reports: it reads nothing but the HELLO.
 *
 * UPDATE replaces the agent's program: exactly `size` bytes follow in UPDATE_DATA messages, in
 * order, and must have the given CRC. After an UPDATE_RESULT without a text the agent executes the
 * new program and connects again; with a text it stays what it was.
 *
 * Ports: nothing is watched before WATCH_PORTS, which names the protocols; it may be sent again,
 * and without any it ends the watch. The guest answers at once with PORTS that carry
 * GUEST_PORTS_RESET (void what you knew) and all listeners, later with what came and went; long
 * lists take several messages. A listener is what accepts from outside its process: TCP in state
 * LISTEN, UDP that is bound but not connected, of the guest's own network namespace, and ports that
 * the guest's packet filter redirects (GUEST_PORT_NAT), as containers publish them. An address of
 * one family with a port is told of once, however many sockets share it. What LISTEN made is left
 * out.
 *
 * Reverse forwards: LISTEN lets the guest listen on an address or path. For each connection the
 * guest opens a vsock stream to CID 2, port vsock_port; nothing but the connection's bytes goes
 * over it, for UDP the datagrams of one peer as in wire/tunnel.h, which also says how connections
 * end. LISTEN is answered by LISTEN_RESULT: with a text when it could not be done, else with the
 * port (the one chosen when 0 was asked for). UNLISTEN ends it without an answer; connections that
 * exist go on. An id that is in use is replaced.
 *
 * DNS is a LISTEN for UDP, and one for TCP, with GUEST_LISTEN_ADDRESS and GUEST_LISTEN_DNS: the
 * guest makes the address its own. Queries and answers are then framed alike on both vsock ports
 * (a length of 16 bits, as DNS has it over TCP), and the port tells which transport it was.
 *
 * Whatever WATCH_PORTS and LISTEN began ends with the connection, addresses are given back, so the
 * host sends them anew after each HELLO of the guest, and again when the flags of a HELLO no longer
 * say GUEST_IN_INITRD. Connections that exist go on.
 *
 * Mounts: the host's folders are the entries of one file system device (tag GUEST_FS_TAG). MOUNT
 * binds the entry `name` to a directory of the guest, which is made if it is missing; what is
 * mounted there already is left. With a text, which has the options, `name` is the tag of a 9p
 * device of its own. UNMOUNT ends that, and leaves what something else has mounted there. Both are
 * answered by MOUNT_RESULT, in any order, and do not end with the connection. The mounts of the
 * configuration are the boot's work, as the seed names them; they are asked for once when it is
 * over, to learn how they are.
 *
 * Asked for the name GUEST_FS_DROP_PREFIX EXPORT, the device says that there is none, and of EXPORT
 * the same the next time. Upon that the guest's kernel drops what it has cached of it, which it
 * does not by itself when an export that has no file system of its own is unmounted.
 *
 * ECHO has the guest agent start, and keep, the process that repeats changes of the host's folders
 * (wire/echo.h). It does not end with the connection.
 *
 * TOUCH tells of a change in a folder that another program serves (9p, sshfs): what is at the path
 * `data` below the mount point has been changed at that time. The agent has the times of it set to
 * that, which raises a file event; what is not there is left. Nothing is answered.
 *
 * Decoding copies nothing: views point into the frame. Texts of a guest are hostile: bounded here,
 * but to be printed with quote_printable() only.
 */
#ifndef WIRE_GUEST_H
#define WIRE_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/sb.h"
#include "base/sv.h"

#define GUEST_VERSION         1
#define GUEST_VSOCK_PORT      2222
#define GUEST_VIRTIO_PORT     "io.lima-vm.guest_agent.0"
#define GUEST_SOCKET          "/run/lima-guestagent.sock"
#define GUEST_FS_TAG          "lima"        /* of the file system device */
#define GUEST_FS_DROP_PREFIX  ".lima-drop-" /* a name in its root: see there */
#define GUEST_FRAME_LEN_MAX   (1024 * 1024) /* without the length itself */
#define GUEST_DATA_LEN_MAX    (256 * 1024)  /* of one UPDATE_DATA */
#define GUEST_TEXT_LEN_MAX    4096
#define GUEST_WORD_LEN_MAX    64                 /* program, arch, boot_id */
#define GUEST_UPDATE_MAX      (16 * 1024 * 1024) /* largest program */
#define GUEST_PATH_LEN_MAX    107                /* of a Unix socket */
#define GUEST_ADDRESS_LEN_MAX 16
#define GUEST_NAME_LEN_MAX    255         /* of an entry of the file system device */
#define GUEST_MOUNT_LEN_MAX   4095        /* of a mount point */
#define GUEST_PORTS_LEN_MAX   (64 * 1024) /* of the entries of one PORTS */

/* Numbers are part of the format. */
enum guest_type {
    GUEST_HELLO = 1,
    GUEST_PHASE = 2,
    GUEST_TIME = 3,
    GUEST_TIME_RESULT = 4,
    GUEST_LOG = 5,
    GUEST_UPDATE = 6,
    GUEST_UPDATE_DATA = 7,
    GUEST_UPDATE_RESULT = 8,
    GUEST_PING = 9,
    GUEST_PONG = 10,
    GUEST_WATCH_PORTS = 11,
    GUEST_PORTS = 12,
    GUEST_LISTEN = 13,
    GUEST_UNLISTEN = 14,
    GUEST_LISTEN_RESULT = 15,
    GUEST_MOUNT = 16,
    GUEST_UNMOUNT = 17,
    GUEST_MOUNT_RESULT = 18,
    GUEST_ECHO = 19,
    GUEST_TOUCH = 20,
    GUEST_TYPE_END,
};

/* What happens while a guest boots, in this order; images of others have only the last two or
 * three. A phase may begin again (the agent was replaced), then its earlier state is void. */
enum guest_phase {
    GUEST_PHASE_INIT,    /* modules are loaded, devices are there */
    GUEST_PHASE_ROOT,    /* the root file system is mounted */
    GUEST_PHASE_SEED,    /* the seed is applied: user, keys, names, environment */
    GUEST_PHASE_NETWORK, /* the primary interface has its address */
    GUEST_PHASE_SSH,     /* the ssh server accepts, user, keys and environment are final */
    GUEST_PHASE_BOOT,    /* boot and provision scripts have ended; failed: the text names them */
    GUEST_PHASE_COUNT,
};

enum guest_state { GUEST_BEGUN, GUEST_DONE, GUEST_FAILED, GUEST_STATE_COUNT };

enum guest_flags {
    GUEST_IN_INITRD = 1u << 0, /* HELLO: still before the change to the real root */
    GUEST_CHUNKED = 1u << 1,   /* forwarded connections may share streams (wire/tunnel.h) */

    GUEST_WATCH_TCP = 1u << 0, /* WATCH_PORTS */
    GUEST_WATCH_UDP = 1u << 1,

    GUEST_PORTS_RESET = 1u << 0, /* PORTS: what was told before is void */

    /* LISTEN: the address is given to the guest while the listener lives, so that nobody else is
     * reached under it. */
    GUEST_LISTEN_ADDRESS = 1u << 0,
    GUEST_LISTEN_DNS = 1u << 1,       /* each query has one answer, then a UDP peer is done */
    GUEST_LISTEN_HOST_UNIX = 1u << 2, /* the host's end is a Unix socket: it cannot reset */

    /* MOUNT; the name is that of the export, or EXPORT/FILE of a single file in it. */
    GUEST_MOUNT_READ_ONLY = 1u << 0,
    GUEST_UNMOUNT_LAZY = 1u << 0, /* UNMOUNT: also while it is in use */
};

/* As in tunnel.h. */
enum guest_proto { GUEST_TCP, GUEST_UDP, GUEST_UNIX, GUEST_PROTO_COUNT };

enum guest_port_flags {
    GUEST_PORT_NAT = 1u << 0, /* no socket of the guest: its packet filter redirects the port */
};

/* An entry of PORTS. */
struct guest_port {
    bool is_removed;        /* else it was added */
    enum guest_proto proto; /* TCP or UDP */
    uint8_t flags;          /* enum guest_port_flags */
    uint16_t port;
    uint8_t n_address; /* 4 or 16: IPv4 or IPv6; all zero bytes: every address */
    uint8_t address[GUEST_ADDRESS_LEN_MAX];
};

/* A message; members that its type does not have are zero. */
struct guest_msg {
    enum guest_type type;
    uint32_t version;      /* HELLO: GUEST_VERSION of the sender */
    uint32_t flags;        /* HELLO, WATCH_PORTS, PORTS, LISTEN, MOUNT, UNMOUNT */
    uint32_t phase;        /* enum guest_phase */
    uint32_t state;        /* enum guest_state */
    uint32_t level;        /* enum log_level */
    uint32_t adjusted;     /* TIME_RESULT: 1 when the clock was set */
    uint32_t crc;          /* UPDATE: guest_crc() of the program */
    uint32_t proto;        /* LISTEN: enum guest_proto */
    uint32_t port;         /* LISTEN, LISTEN_RESULT: of TCP and UDP */
    uint32_t mode, uid;    /* LISTEN: permissions and owner of a Unix socket's file */
    uint32_t vsock_port;   /* LISTEN: where connections go, on CID 2 */
    uint64_t id;           /* PING, LISTEN, MOUNT, UNMOUNT, and their answers; UNLISTEN */
    uint64_t size;         /* UPDATE: bytes of the program */
    int64_t time_ns;       /* TIME: the sender's clock; TOUCH: since 1970 */
    int64_t drift_ns;      /* TIME_RESULT: guest minus host before the correction */
    struct sv program;     /* HELLO, UPDATE: version of the program; all views are borrowed */
    struct sv arch;        /* HELLO: x86_64, aarch64, armv7l, riscv64, ... */
    struct sv boot_id;     /* HELLO: changes with each boot of the guest */
    struct sv text;        /* LOG: the line; PHASE: detail; results: why it failed, empty = done;
                              MOUNT: options of 9p, empty = it is not 9p */
    struct sv data;        /* UPDATE_DATA; PORTS: entries, see guest_port_next(); TOUCH: path */
    struct sv address;     /* LISTEN: 4 or 16 bytes, empty for a Unix socket */
    struct sv path;        /* LISTEN: of a Unix socket, absolute; else empty */
    struct sv name;        /* MOUNT, UNMOUNT: entry of the file system device */
    struct sv mount_point; /* MOUNT, UNMOUNT, TOUCH: absolute */
};

/* Borrowed static names: "HELLO"; "ssh"; "done". */
const char *guest_type_name(enum guest_type type);
const char *guest_phase_name(enum guest_phase phase);
const char *guest_state_name(enum guest_state state);

/* Appends one frame with its length. Texts longer than their limit are cut at a character; data
 * must be within GUEST_DATA_LEN_MAX, phase, state and level must be valid. */
void guest_encode(struct sb *out, const struct guest_msg *msg);

/* Decodes one frame without its length. ERR_UNSUPPORTED: a type, phase or state of a later version,
 * to be skipped. ERR_PROTOCOL: broken; the connection is of no use any more. */
bool guest_decode(struct guest_msg *out, struct sv frame, struct err **errp) MUST_USE;

/* Appends an entry for the data of PORTS: at most GUEST_PORT_LEN_MAX bytes. */
#define GUEST_PORT_LEN_MAX 23
void guest_port_put(struct sb *out, const struct guest_port *port);
/* Takes the next entry off the data of PORTS; false at the end. guest_decode() has checked that the
 * entries can be taken apart; those of a later version are left out. */
bool guest_port_next(struct sv *data, struct guest_port *out);

/*
 * Splits a stream into messages. A zeroed reader is ready; memory in use is bounded by the longest
 * frame plus what one feed brings, provided that the caller takes all messages between two feeds.
 *
 *     guest_reader_feed(&reader, mem, n);
 *     while ((status = guest_reader_next(&reader, &msg, &err)) == GUEST_READ_MESSAGE)
 *         ...
 *     if (status == GUEST_READ_BROKEN) ... close the connection
 */
struct guest_reader {
    /* private */
    struct sb buf;
    size_t start; /* of the first frame that was not taken */
    bool greeted;
};

enum guest_read {
    GUEST_READ_MORE,    /* no complete frame is left */
    GUEST_READ_MESSAGE, /* *out holds one; its views last until the next feed */
    GUEST_READ_BROKEN,  /* ERR_PROTOCOL, also when the first message is not HELLO */
};

void guest_reader_feed(struct guest_reader *reader, const void *mem, size_t n);
enum guest_read guest_reader_next(struct guest_reader *reader, struct guest_msg *out,
                                  struct err **errp) MUST_USE;
void guest_reader_done(struct guest_reader *reader);

/* CRC-32 (IEEE 802.3) of bytes, continued from crc; 0 to begin. */
uint32_t guest_crc(uint32_t crc, struct sv bytes);

#endif
