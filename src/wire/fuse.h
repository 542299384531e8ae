/*
 * Requests of the FUSE protocol, as a guest's virtio-fs driver sends them. Numbers are in the byte
 * order of the guest, which is ours: virtio-fs gives no other choice.
 *
 * A request is a struct fuse_in_header, the argument structure of its operation, then texts that
 * end with a NUL each, or data. Decoding checks all of it: lengths, terminators, and that a name
 * is one name: not empty, not "." or "..", without a slash, not overlong. (LOOKUP alone
 * may name "." and "..", which asks for a node that the client knows the number of only.) Names are
 * bytes, not UTF-8.
 *
 * Sources: linux/fuse.h (protocol 7.38), virtio 1.2 section 5.11.
 */
#ifndef WIRE_FUSE_H
#define WIRE_FUSE_H

#include <linux/fuse.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/sv.h"

/* Oldest minor version that is served: virtio-fs came with it (Linux 5.4). */
#define FUSE_MINOR_MIN       31
/* Longest request but for the data of WRITE: the value of SETXATTR decides. */
#define FUSE_REQUEST_LEN_MAX ((size_t)128 << 10)
/* Longest name that Linux sends; whether it is too long is up to the file system. */
#define FUSE_NAME_LEN_MAX    1024
/* Header and arguments of WRITE, in front of its data. */
#define FUSE_WRITE_HEAD_LEN  (sizeof(struct fuse_in_header) + sizeof(struct fuse_write_in))

enum fuse_op_flags {
    FUSE_OP_CHANGES = 1u << 0,  /* changes the file system: EROFS on a read-only export */
    FUSE_OP_NO_REPLY = 1u << 1, /* has no answer, not even an error */
    FUSE_OP_ON_ROOT = 1u << 2,  /* is about the file system, its node id means nothing */
};

struct fuse_op_info {
    const char *name;
    unsigned flags;    /* enum fuse_op_flags */
    unsigned arg_size; /* of the argument structure */
};

struct fuse_request {
    struct fuse_in_header head;
    const struct fuse_op_info *op;
    union {
        struct fuse_init_in init;
        struct fuse_forget_in forget;
        struct fuse_batch_forget_in batch_forget;
        struct fuse_getattr_in getattr;
        struct fuse_setattr_in setattr;
        struct fuse_mknod_in mknod;
        struct fuse_mkdir_in mkdir;
        struct fuse_rename2_in rename; /* of RENAME, too: flags are 0 then */
        struct fuse_link_in link;
        struct fuse_open_in open;     /* also OPENDIR */
        struct fuse_create_in create; /* also TMPFILE */
        struct fuse_read_in read;     /* also READDIR, READDIRPLUS */
        struct fuse_write_in write;
        struct fuse_release_in release; /* also RELEASEDIR */
        struct fuse_fsync_in fsync;     /* also FSYNCDIR */
        struct fuse_flush_in flush;
        struct fuse_setxattr_in setxattr;
        struct fuse_getxattr_in getxattr; /* also LISTXATTR */
        struct fuse_lseek_in lseek;
        struct fuse_fallocate_in fallocate;
        struct fuse_copy_file_range_in copy_file_range;
        struct fuse_access_in access;
    } arg;           /* a shorter structure of an older client is filled up with zeros */
    struct sv name;  /* views are borrowed from the request; all are terminated behind their end */
    struct sv name2; /* RENAME: the new name; SYMLINK: the target */
    struct sv data;  /* BATCH_FORGET: the items; SETXATTR: the value */
};

/* NULL when the operation is not known. */
const struct fuse_op_info *fuse_op_info(uint32_t opcode);

/*
 * Decodes a request from its bytes; those of WRITE are FUSE_WRITE_HEAD_LEN long, total includes its
 * data. ERR_UNSUPPORTED: unknown operation, out->head is valid (answer ENOSYS). ERR_INVALID: the
 * arguments are no good, out->head is valid (answer EINVAL). ERR_PROTOCOL: not a request at all.
 */
bool fuse_decode(struct fuse_request *out, struct sv bytes, size_t total,
                 struct err **errp) MUST_USE;

#endif
