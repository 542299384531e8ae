#include "wire/sftp.h"

#include <assert.h>
#include <string.h>

enum {
    EXTENDED = 200,
    ATTRS_EXTENDED_BIT = 31,
    TYPE_LEN = 1,
    ID_LEN = 4,
    FIELDS_MAX = 3,
};

enum field { NONE, PATH, PATH2, HANDLE, DATA, OFFSET, LENGTH, FLAGS, ATTRS };

static const struct {
    const char *name, *version; /* version: of an extension */
    uint8_t type;
    uint8_t fields[FIELDS_MAX]; /* enum field, in the order of the packet */
} ops[] = {
    [SFTP_INIT] = { "init", NULL, 1, { NONE } },
    [SFTP_OPEN] = { "open", NULL, 3, { PATH, FLAGS, ATTRS } },
    [SFTP_CLOSE] = { "close", NULL, 4, { HANDLE } },
    [SFTP_READ] = { "read", NULL, 5, { HANDLE, OFFSET, LENGTH } },
    [SFTP_WRITE] = { "write", NULL, 6, { HANDLE, OFFSET, DATA } },
    [SFTP_LSTAT] = { "lstat", NULL, 7, { PATH } },
    [SFTP_FSTAT] = { "fstat", NULL, 8, { HANDLE } },
    [SFTP_SETSTAT] = { "setstat", NULL, 9, { PATH, ATTRS } },
    [SFTP_FSETSTAT] = { "fsetstat", NULL, 10, { HANDLE, ATTRS } },
    [SFTP_OPENDIR] = { "opendir", NULL, 11, { PATH } },
    [SFTP_READDIR] = { "readdir", NULL, 12, { HANDLE } },
    [SFTP_REMOVE] = { "remove", NULL, 13, { PATH } },
    [SFTP_MKDIR] = { "mkdir", NULL, 14, { PATH, ATTRS } },
    [SFTP_RMDIR] = { "rmdir", NULL, 15, { PATH } },
    [SFTP_REALPATH] = { "realpath", NULL, 16, { PATH } },
    [SFTP_STAT] = { "stat", NULL, 17, { PATH } },
    [SFTP_RENAME] = { "rename", NULL, 18, { PATH, PATH2 } },
    [SFTP_READLINK] = { "readlink", NULL, 19, { PATH } },
    [SFTP_SYMLINK] = { "symlink", NULL, 20, { PATH, PATH2 } },
    [SFTP_POSIX_RENAME] = { "posix-rename@openssh.com", "1", EXTENDED, { PATH, PATH2 } },
    [SFTP_STATVFS] = { "statvfs@openssh.com", "2", EXTENDED, { PATH } },
    [SFTP_FSTATVFS] = { "fstatvfs@openssh.com", "2", EXTENDED, { HANDLE } },
    [SFTP_HARDLINK] = { "hardlink@openssh.com", "1", EXTENDED, { PATH, PATH2 } },
    [SFTP_FSYNC] = { "fsync@openssh.com", "1", EXTENDED, { HANDLE } },
    [SFTP_LSETSTAT] = { "lsetstat@openssh.com", "1", EXTENDED, { PATH, ATTRS } },
    [SFTP_LIMITS] = { "limits@openssh.com", "1", EXTENDED, { NONE } },
};
static_assert(COUNT(ops) == SFTP_OP_COUNT, "ops must describe every operation");

const char *sftp_op_name(enum sftp_op op)
{
    assert(op < SFTP_OP_COUNT);
    return ops[op].name;
}

/* ---- reading: each takes from the front, false when there is not enough ---- */

static bool take_u32(struct sv *rest, uint32_t *out)
{
    const uint8_t *p = (const uint8_t *)rest->p;

    if (rest->n < 4)
        return false;
    *out = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
    *rest = sv_slice(*rest, 4, rest->n);
    return true;
}

static bool take_u64(struct sv *rest, uint64_t *out)
{
    uint32_t high, low;

    if (!take_u32(rest, &high) || !take_u32(rest, &low))
        return false;
    *out = (uint64_t)high << 32 | low;
    return true;
}

static bool take_text(struct sv *rest, struct sv *out)
{
    uint32_t n;

    if (!take_u32(rest, &n) || n > rest->n)
        return false;
    *out = sv_slice(*rest, 0, n);
    *rest = sv_slice(*rest, n, rest->n);
    return true;
}

static bool take_path(struct sv *rest, struct sv *out)
{
    return take_text(rest, out) && out->n <= SFTP_PATH_LEN_MAX && sv_find(*out, '\0') < 0;
}

/* Pairs of texts that mean nothing to us. */
static bool skip_extended_attrs(struct sv *rest)
{
    struct sv text;
    uint32_t n;

    if (!take_u32(rest, &n))
        return false;
    for (; n > 0; n--)
        if (!take_text(rest, &text) || !take_text(rest, &text))
            return false;
    return true;
}

static bool take_attrs(struct sv *rest, struct sftp_attrs *out)
{
    const uint32_t known = SFTP_HAS_SIZE | SFTP_HAS_IDS | SFTP_HAS_MODE | SFTP_HAS_TIMES;
    uint32_t flags;

    if (!take_u32(rest, &flags))
        return false;
    out->flags = flags & known;
    return (!(flags & SFTP_HAS_SIZE) || take_u64(rest, &out->size)) &&
           (!(flags & SFTP_HAS_IDS) || (take_u32(rest, &out->uid) && take_u32(rest, &out->gid))) &&
           (!(flags & SFTP_HAS_MODE) || take_u32(rest, &out->mode)) &&
           (!(flags & SFTP_HAS_TIMES) ||
            (take_u32(rest, &out->atime) && take_u32(rest, &out->mtime))) &&
           (!(flags >> ATTRS_EXTENDED_BIT) || skip_extended_attrs(rest));
}

static bool take_field(struct sv *rest, enum field field, struct sftp_request *out)
{
    switch (field) {
    case PATH:
        return take_path(rest, &out->path);
    case PATH2:
        return take_path(rest, &out->path2);
    case HANDLE:
        return take_text(rest, &out->handle);
    case DATA:
        return take_text(rest, &out->data);
    case OFFSET:
        return take_u64(rest, &out->offset);
    case LENGTH:
        return take_u32(rest, &out->length);
    case FLAGS:
        return take_u32(rest, &out->flags);
    case ATTRS:
        return take_attrs(rest, &out->attrs);
    case NONE:
        break;
    }
    return true;
}

bool sftp_frame(struct sv bytes, size_t *out_len, struct err **errp)
{
    uint32_t n;

    *out_len = 0;
    if (!take_u32(&bytes, &n))
        return true;
    if (n < TYPE_LEN + ID_LEN || n > SFTP_PACKET_LEN_MAX)
        return err_set(errp, ERR_PROTOCOL, "a packet of SFTP cannot be %u bytes long", n);
    if (n <= bytes.n)
        *out_len = SFTP_HEAD_LEN + n;
    return true;
}

static enum sftp_op find_op(uint8_t type, struct sv extension)
{
    size_t i = 0;

    while (i < SFTP_OP_COUNT &&
           (ops[i].type != type || (type == EXTENDED && !sv_eq_str(extension, ops[i].name))))
        i++;
    return (enum sftp_op)i;
}

bool sftp_decode(struct sftp_request *out, struct sv packet, struct err **errp)
{
    struct sv rest = packet, extension = { 0 };
    uint32_t length;
    uint8_t type;

    *out = (struct sftp_request){ 0 };
    if (!take_u32(&rest, &length) || length != rest.n || rest.n < TYPE_LEN + ID_LEN)
        return err_set(errp, ERR_PROTOCOL, "not a packet of SFTP");
    type = (uint8_t)rest.p[0];
    rest = sv_slice(rest, TYPE_LEN, rest.n);
    if (!take_u32(&rest, &out->id))
        return err_set(errp, ERR_PROTOCOL, "not a packet of SFTP");
    if (type == EXTENDED && !take_text(&rest, &extension))
        return err_set(errp, ERR_INVALID, "a broken request for an extension");
    out->op = find_op(type, extension);
    if (out->op == SFTP_OP_COUNT)
        return err_set(errp, ERR_UNSUPPORTED, "unknown operation %u", type);
    for (size_t i = 0; i < FIELDS_MAX; i++)
        if (!take_field(&rest, (enum field)ops[out->op].fields[i], out))
            return err_set(errp, ERR_INVALID, "a broken request %s", ops[out->op].name);
    return true;
}

/* ---- writing ---- */

static void store_u32(char *p, uint32_t number)
{
    p[0] = (char)(number >> 24);
    p[1] = (char)(number >> 16);
    p[2] = (char)(number >> 8);
    p[3] = (char)number;
}

void sftp_put_u32(struct sb *out, uint32_t number)
{
    char bytes[4];

    store_u32(bytes, number);
    sb_put_mem(out, bytes, sizeof(bytes));
}

void sftp_put_u64(struct sb *out, uint64_t number)
{
    sftp_put_u32(out, (uint32_t)(number >> 32));
    sftp_put_u32(out, (uint32_t)number);
}

void sftp_set_u32(struct sb *out, size_t at, uint32_t number)
{
    assert(at + 4 <= out->n);
    store_u32(out->p + at, number);
}

void sftp_put_text(struct sb *out, struct sv text)
{
    sftp_put_u32(out, (uint32_t)text.n);
    sb_put(out, text);
}

void sftp_put_attrs(struct sb *out, const struct sftp_attrs *attrs)
{
    sftp_put_u32(out, attrs->flags);
    if (attrs->flags & SFTP_HAS_SIZE)
        sftp_put_u64(out, attrs->size);
    if (attrs->flags & SFTP_HAS_IDS) {
        sftp_put_u32(out, attrs->uid);
        sftp_put_u32(out, attrs->gid);
    }
    if (attrs->flags & SFTP_HAS_MODE)
        sftp_put_u32(out, attrs->mode);
    if (attrs->flags & SFTP_HAS_TIMES) {
        sftp_put_u32(out, attrs->atime);
        sftp_put_u32(out, attrs->mtime);
    }
}

size_t sftp_begin(struct sb *out, enum sftp_reply type, uint32_t id)
{
    size_t begun = out->n;

    sftp_put_u32(out, 0);
    sb_putc(out, (char)type);
    sftp_put_u32(out, id);
    return begun;
}

void sftp_end(struct sb *out, size_t begun)
{
    sftp_set_u32(out, begun, (uint32_t)(out->n - begun - SFTP_HEAD_LEN));
}

void sftp_put_version(struct sb *out)
{
    size_t begun = sftp_begin(out, SFTP_REPLY_VERSION, SFTP_VERSION);

    for (size_t i = 0; i < COUNT(ops); i++) {
        if (!ops[i].version)
            continue;
        sftp_put_text(out, sv_of(ops[i].name));
        sftp_put_text(out, sv_of(ops[i].version));
    }
    sftp_end(out, begun);
}

void sftp_put_status(struct sb *out, uint32_t id, enum sftp_status status)
{
    static const char *const texts[] = {
        [SFTP_OK] = "Success",
        [SFTP_EOF] = "End of file",
        [SFTP_NO_SUCH_FILE] = "No such file",
        [SFTP_PERMISSION_DENIED] = "Permission denied",
        [SFTP_FAILURE] = "Failure",
        [SFTP_BAD_MESSAGE] = "Bad message",
        [SFTP_UNSUPPORTED] = "Operation unsupported",
    };
    size_t begun = sftp_begin(out, SFTP_REPLY_STATUS, id);

    sftp_put_u32(out, status);
    sftp_put_text(out, sv_of(texts[status]));
    sftp_put_text(out, SV("en"));
    sftp_end(out, begun);
}
