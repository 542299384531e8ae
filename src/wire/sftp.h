/*
 * The SSH file transfer protocol, version 3, on the server's side, with the extensions of OpenSSH
 * that sshfs uses. Numbers are big-endian, a text is a u32 length and its bytes.
 *
 * A packet is a u32 length, a type, an id chosen by the client (of INIT: its version), and the
 * fields of the type. Bytes after the last known field are ignored. Decoding checks all lengths,
 * and that paths have no NUL and are at most SFTP_PATH_LEN_MAX long; it says nothing about where
 * they lead. SYMLINK has its texts in the order of OpenSSH, target first, not in that of the draft.
 *
 * Sources: draft-ietf-secsh-filexfer-02, OpenSSH's PROTOCOL section 4.
 */
#ifndef WIRE_SFTP_H
#define WIRE_SFTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/sb.h"
#include "base/sv.h"

#define SFTP_VERSION        3
/* As OpenSSH's server: of a packet without its length, and of the data in it. */
#define SFTP_PACKET_LEN_MAX ((size_t)256 << 10)
#define SFTP_DATA_LEN_MAX   (SFTP_PACKET_LEN_MAX - 1024)
#define SFTP_HEAD_LEN       4
#define SFTP_PATH_LEN_MAX   4095

enum sftp_op {
    SFTP_INIT,
    SFTP_OPEN,
    SFTP_CLOSE,
    SFTP_READ,
    SFTP_WRITE,
    SFTP_LSTAT,
    SFTP_FSTAT,
    SFTP_SETSTAT,
    SFTP_FSETSTAT,
    SFTP_OPENDIR,
    SFTP_READDIR,
    SFTP_REMOVE,
    SFTP_MKDIR,
    SFTP_RMDIR,
    SFTP_REALPATH,
    SFTP_STAT,
    SFTP_RENAME, /* fails when the new name exists */
    SFTP_READLINK,
    SFTP_SYMLINK,
    /* extensions */
    SFTP_POSIX_RENAME,
    SFTP_STATVFS,
    SFTP_FSTATVFS,
    SFTP_HARDLINK,
    SFTP_FSYNC,
    SFTP_LSETSTAT,
    SFTP_LIMITS,
    SFTP_OP_COUNT,
};

enum sftp_reply {
    SFTP_REPLY_VERSION = 2,
    SFTP_REPLY_STATUS = 101,
    SFTP_REPLY_HANDLE = 102,
    SFTP_REPLY_DATA = 103,
    SFTP_REPLY_NAME = 104,
    SFTP_REPLY_ATTRS = 105,
    SFTP_REPLY_EXTENDED = 201,
};

enum sftp_status {
    SFTP_OK,
    SFTP_EOF,
    SFTP_NO_SUCH_FILE,
    SFTP_PERMISSION_DENIED,
    SFTP_FAILURE,
    SFTP_BAD_MESSAGE,
    SFTP_UNSUPPORTED = 8,
};

enum sftp_open_flags {
    SFTP_OPEN_READ = 1u << 0,
    SFTP_OPEN_WRITE = 1u << 1,
    SFTP_OPEN_APPEND = 1u << 2,
    SFTP_OPEN_CREATE = 1u << 3,
    SFTP_OPEN_TRUNCATE = 1u << 4,
    SFTP_OPEN_EXCLUSIVE = 1u << 5,
};

enum sftp_attr_flags {
    SFTP_HAS_SIZE = 1u << 0,
    SFTP_HAS_IDS = 1u << 1,
    SFTP_HAS_MODE = 1u << 2,
    SFTP_HAS_TIMES = 1u << 3,
};

struct sftp_attrs {
    uint32_t flags; /* enum sftp_attr_flags: which members count */
    uint32_t uid, gid;
    uint32_t mode; /* with the type of the file, as in struct stat */
    uint32_t atime, mtime;
    uint64_t size;
};

/* Fields that the operation does not have are zero. Views are borrowed from the packet. */
struct sftp_request {
    enum sftp_op op;
    uint32_t id;      /* INIT: the client's version */
    uint32_t flags;   /* OPEN: enum sftp_open_flags */
    uint32_t length;  /* READ */
    uint64_t offset;  /* READ, WRITE */
    struct sv path;   /* SYMLINK: the target; with two paths the one that exists */
    struct sv path2;  /* the new name */
    struct sv handle; /* any bytes */
    struct sv data;   /* WRITE */
    struct sftp_attrs attrs;
};

/* "open", "posix-rename@openssh.com". */
const char *sftp_op_name(enum sftp_op op);

/* How long the packet is that bytes begin with, its length included; 0 = more bytes are needed to
 * tell, or to have it whole. ERR_PROTOCOL when the length is not allowed: the stream is of no use
 * any more. */
bool sftp_frame(struct sv bytes, size_t *out_len, struct err **errp) MUST_USE;
/* A whole packet, its length included. ERR_UNSUPPORTED: an unknown operation; ERR_INVALID: its
 * fields are no good; both with a valid out->id. ERR_PROTOCOL: not a request at all. */
bool sftp_decode(struct sftp_request *out, struct sv packet, struct err **errp) MUST_USE;

/* A reply is begun, gets fields, and is ended with what sftp_begin() returned. */
size_t sftp_begin(struct sb *out, enum sftp_reply type, uint32_t id);
void sftp_end(struct sb *out, size_t begun);
void sftp_put_u32(struct sb *out, uint32_t number);
void sftp_put_u64(struct sb *out, uint64_t number);
void sftp_put_text(struct sb *out, struct sv text);
void sftp_put_attrs(struct sb *out, const struct sftp_attrs *attrs);
/* Overwrites a number that was put at that place. */
void sftp_set_u32(struct sb *out, size_t at, uint32_t number);

/* Whole replies. */
void sftp_put_version(struct sb *out);
void sftp_put_status(struct sb *out, uint32_t id, enum sftp_status status);

#endif
