#include "wire/fuse.h"

#include <limits.h>
#include <string.h>

/* What follows the argument structure. */
enum tail {
    TAIL_NONE,
    TAIL_NAME,
    TAIL_LOOKUP, /* a name, or "." or ".." */
    TAIL_TWO_NAMES,
    TAIL_NAME_TARGET,
    TAIL_PLACEHOLDER, /* a text that means nothing: files of TMPFILE have no name, Linux sends "/"
                       */
    TAIL_XATTR,       /* name of an attribute */
    TAIL_XATTR_VALUE, /* and its value */
    TAIL_FORGETS,
    TAIL_DATA, /* of WRITE: not in the decoded bytes */
    TAIL_MORE, /* later versions append to the structure */
};

struct op {
    struct fuse_op_info info;
    enum tail tail;
};

#define OP(NAME, size, tail, flags) \
    [FUSE_##NAME] = { { #NAME, flags, (unsigned)(size) }, TAIL_##tail }

/* SETXATTR: without FUSE_SETXATTR_EXT, which is not agreed on. INIT: as of Linux 5.4. */
enum { SETXATTR_SIZE = 8, INIT_SIZE = 16 };

static const struct op ops[] = {
    OP(LOOKUP, 0, LOOKUP, 0),
    OP(FORGET, sizeof(struct fuse_forget_in), NONE, FUSE_OP_NO_REPLY),
    OP(GETATTR, sizeof(struct fuse_getattr_in), NONE, 0),
    OP(SETATTR, sizeof(struct fuse_setattr_in), NONE, FUSE_OP_CHANGES),
    OP(READLINK, 0, NONE, 0),
    OP(SYMLINK, 0, NAME_TARGET, FUSE_OP_CHANGES),
    OP(MKNOD, sizeof(struct fuse_mknod_in), NAME, FUSE_OP_CHANGES),
    OP(MKDIR, sizeof(struct fuse_mkdir_in), NAME, FUSE_OP_CHANGES),
    OP(UNLINK, 0, NAME, FUSE_OP_CHANGES),
    OP(RMDIR, 0, NAME, FUSE_OP_CHANGES),
    OP(RENAME, sizeof(struct fuse_rename_in), TWO_NAMES, FUSE_OP_CHANGES),
    OP(LINK, sizeof(struct fuse_link_in), NAME, FUSE_OP_CHANGES),
    OP(OPEN, sizeof(struct fuse_open_in), NONE, 0),
    OP(READ, sizeof(struct fuse_read_in), NONE, 0),
    OP(WRITE, sizeof(struct fuse_write_in), DATA, FUSE_OP_CHANGES),
    OP(STATFS, 0, NONE, 0),
    OP(RELEASE, sizeof(struct fuse_release_in), NONE, 0),
    OP(FSYNC, sizeof(struct fuse_fsync_in), NONE, 0),
    OP(SETXATTR, SETXATTR_SIZE, XATTR_VALUE, FUSE_OP_CHANGES),
    OP(GETXATTR, sizeof(struct fuse_getxattr_in), XATTR, 0),
    OP(LISTXATTR, sizeof(struct fuse_getxattr_in), NONE, 0),
    OP(REMOVEXATTR, 0, XATTR, FUSE_OP_CHANGES),
    OP(FLUSH, sizeof(struct fuse_flush_in), NONE, 0),
    OP(INIT, INIT_SIZE, MORE, FUSE_OP_ON_ROOT),
    OP(OPENDIR, sizeof(struct fuse_open_in), NONE, 0),
    OP(READDIR, sizeof(struct fuse_read_in), NONE, 0),
    OP(RELEASEDIR, sizeof(struct fuse_release_in), NONE, 0),
    OP(FSYNCDIR, sizeof(struct fuse_fsync_in), NONE, 0),
    OP(ACCESS, sizeof(struct fuse_access_in), NONE, 0),
    OP(CREATE, sizeof(struct fuse_create_in), NAME, FUSE_OP_CHANGES),
    OP(DESTROY, 0, MORE, FUSE_OP_ON_ROOT),
    OP(BATCH_FORGET, sizeof(struct fuse_batch_forget_in), FORGETS,
       FUSE_OP_NO_REPLY | FUSE_OP_ON_ROOT),
    OP(FALLOCATE, sizeof(struct fuse_fallocate_in), NONE, FUSE_OP_CHANGES),
    OP(READDIRPLUS, sizeof(struct fuse_read_in), NONE, 0),
    OP(RENAME2, sizeof(struct fuse_rename2_in), TWO_NAMES, FUSE_OP_CHANGES),
    OP(LSEEK, sizeof(struct fuse_lseek_in), NONE, 0),
    OP(COPY_FILE_RANGE, sizeof(struct fuse_copy_file_range_in), NONE, FUSE_OP_CHANGES),
    OP(SYNCFS, sizeof(struct fuse_syncfs_in), NONE, 0),
    OP(TMPFILE, sizeof(struct fuse_create_in), PLACEHOLDER, FUSE_OP_CHANGES),
};

static const struct op *find(uint32_t opcode)
{
    return opcode < COUNT(ops) && ops[opcode].info.name ? &ops[opcode] : NULL;
}

const struct fuse_op_info *fuse_op_info(uint32_t opcode)
{
    const struct op *op = find(opcode);

    return op ? &op->info : NULL;
}

/* The next text of rest, without its NUL. */
static bool take_text(struct sv *rest, size_t len_max, struct sv *out)
{
    const char *end = rest->n ? memchr(rest->p, 0, rest->n) : NULL;

    if (!end || end == rest->p || (size_t)(end - rest->p) > len_max)
        return false;
    *out = (struct sv){ rest->p, (size_t)(end - rest->p) };
    *rest = sv_slice(*rest, out->n + 1, rest->n);
    return true;
}

static bool is_dot(struct sv name)
{
    return sv_eq(name, SV(".")) || sv_eq(name, SV(".."));
}

static bool take_name(struct sv *rest, bool or_dot, struct sv *out)
{
    return take_text(rest, FUSE_NAME_LEN_MAX, out) && !memchr(out->p, '/', out->n) &&
           (or_dot || !is_dot(*out));
}

/* True when rest is exactly what the operation has after its structure. */
static bool take_tail(struct fuse_request *out, enum tail tail, struct sv rest)
{
    switch (tail) {
    case TAIL_NONE:
        break;
    case TAIL_NAME:
    case TAIL_LOOKUP:
        if (!take_name(&rest, tail == TAIL_LOOKUP, &out->name))
            return false;
        break;
    case TAIL_TWO_NAMES:
        if (!take_name(&rest, false, &out->name) || !take_name(&rest, false, &out->name2))
            return false;
        break;
    case TAIL_NAME_TARGET:
        if (!take_name(&rest, false, &out->name) || !take_text(&rest, PATH_MAX - 1, &out->name2))
            return false;
        break;
    case TAIL_PLACEHOLDER:
        if (!take_text(&rest, FUSE_NAME_LEN_MAX, &out->name))
            return false;
        break;
    case TAIL_XATTR:
    case TAIL_XATTR_VALUE:
        if (!take_text(&rest, NAME_MAX, &out->name))
            return false;
        if (tail == TAIL_XATTR)
            break;
        out->data = rest;
        return rest.n == out->arg.setxattr.size;
    case TAIL_FORGETS:
        out->data = rest;
        return rest.n / sizeof(struct fuse_forget_one) == out->arg.batch_forget.count &&
               rest.n % sizeof(struct fuse_forget_one) == 0;
    case TAIL_DATA:
    case TAIL_MORE:
        return true;
    }
    return rest.n == 0;
}

/* RENAME has the structure of RENAME2 without flags in the middle. */
static void take_rename(struct fuse_request *out, struct sv bytes)
{
    struct fuse_rename_in in;

    memcpy(&in, bytes.p, sizeof(in));
    out->arg.rename = (struct fuse_rename2_in){ .newdir = in.newdir };
}

bool fuse_decode(struct fuse_request *out, struct sv bytes, size_t total, struct err **errp)
{
    const struct op *op;
    struct sv rest;
    size_t known;

    *out = (struct fuse_request){ 0 };
    if (bytes.n < sizeof(out->head) || bytes.n > total)
        return err_set(errp, ERR_PROTOCOL, "a file request of %zu bytes", bytes.n);
    memcpy(&out->head, bytes.p, sizeof(out->head));
    if (out->head.len != total)
        return err_set(errp, ERR_PROTOCOL, "a file request of %zu bytes says it has %u", total,
                       out->head.len);
    op = find(out->head.opcode);
    if (!op)
        return err_set(errp, ERR_UNSUPPORTED, "file request %u", out->head.opcode);
    out->op = &op->info;
    rest = sv_slice(bytes, sizeof(out->head), bytes.n);
    if (rest.n < op->info.arg_size || (op->tail != TAIL_DATA && bytes.n != total))
        return err_set(errp, ERR_INVALID, "%s of %zu bytes", op->info.name, total);

    if (op->tail == TAIL_MORE)
        known = rest.n < sizeof(out->arg) ? rest.n : sizeof(out->arg);
    else
        known = op->info.arg_size;
    if (out->head.opcode == FUSE_RENAME)
        take_rename(out, rest);
    else if (known > 0)
        memcpy(&out->arg, rest.p, known);
    return take_tail(out, op->tail, sv_slice(rest, known, rest.n)) ||
           err_set(errp, ERR_INVALID, "malformed %s", op->info.name);
}
