/* Reading directories. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"
#include "fuse/fuse_priv.h"

enum { BUFFER_LEN = 32 * 1024 };

/* As getdents64() writes it. */
struct entry {
    uint64_t ino;
    int64_t next; /* position of the entry behind it */
    unsigned short len;
    unsigned char type;
    char name[];
};

int fuse_do_opendir(struct fuse_call *call)
{
    const struct fuse_open_out none = { 0 };
    int fd, dir_fd;

    if (!S_ISDIR(call->node->identity.type))
        return -ENOTDIR;
    if (!call->node->export) {
        fuse_reply(call, &none, sizeof(none));
        return 0;
    }
    dir_fd = fuse_dir_fd(call->server, call->node);
    if (dir_fd < 0)
        return dir_fd;
    fd = fuse_open_beneath(dir_fd, ".", O_RDONLY | O_DIRECTORY, 0);
    return fd < 0 ? fd : fuse_handle_reply(call, fd, true, false);
}

/* Writes one entry, as READDIR or READDIRPLUS has it, if there is room for it. */
static bool put_entry(struct fuse_call *call, size_t room, const struct fuse_entry_out *entry,
                      const struct fuse_dirent *head, struct sv name)
{
    static const char zeros[8];
    size_t n = (entry ? sizeof(*entry) : 0) + FUSE_DIRENT_ALIGN(sizeof(*head) + name.n);

    if (call->server->reply.n + n > room)
        return false;
    if (entry)
        fuse_reply(call, entry, sizeof(*entry));
    fuse_reply(call, head, sizeof(*head));
    fuse_reply(call, name.p, name.n);
    fuse_reply(call, zeros, FUSE_DIRENT_ALIGN(name.n) - name.n);
    return true;
}

/* Room for the answer: what the guest asks for and has made room for. */
static size_t room_of(const struct fuse_call *call)
{
    size_t room = call->req.arg.read.size;

    if (room > call->out_len)
        room = call->out_len;
    return room < FUSE_TRANSFER_MAX ? room : FUSE_TRANSFER_MAX;
}

bool fuse_dirent_put(struct fuse_call *call, struct sv name, uint64_t ino, uint64_t next)
{
    struct fuse_dirent head = {
        .ino = ino, .off = next, .namelen = (uint32_t)name.n, .type = DT_DIR
    };
    struct fuse_entry_out none = { 0 };
    bool is_plus = call->req.head.opcode == FUSE_READDIRPLUS;

    return put_entry(call, room_of(call), is_plus ? &none : NULL, &head, name);
}

/* The synthetic root: the position of an export is its number from 1 on. */
static int read_root(struct fuse_call *call)
{
    uint64_t position = 0;

    list_for_each (export, &call->server->exports, struct fuse_export, link) {
        if (!fuse_export_has_name(export) || position++ < call->req.arg.read.offset)
            continue;
        if (!fuse_dirent_put(call, sv_of(export->name), export->root->identity.ino, position))
            break;
    }
    return 0;
}

/* Makes the buffer begin at position; its length is 0 at the end of the directory. */
static int fill(struct fuse_handle *handle, int64_t position)
{
    long n;

    if (handle->entries && handle->position == position && handle->entries_at < handle->entries_len)
        return 0;
    if (!handle->entries || handle->position != position) {
        if (lseek(handle->fd, position, SEEK_SET) < 0)
            return -errno;
    }
    if (!handle->entries)
        handle->entries = mem_alloc(BUFFER_LEN);
    n = syscall(SYS_getdents64, handle->fd, handle->entries, BUFFER_LEN);
    handle->entries_at = 0;
    handle->entries_len = n > 0 ? (size_t)n : 0;
    handle->position = position;
    return n < 0 ? -errno : 0;
}

static bool is_dots(struct sv name)
{
    return sv_eq(name, SV(".")) || sv_eq(name, SV(".."));
}

/* What READDIRPLUS says of an entry; nothing when it is gone already. */
static struct fuse_node *look(struct fuse_call *call, struct sv name, struct fuse_entry_out *out)
{
    struct fuse_place place = { .fd = -1, .name = name.p };
    struct fuse_node *node;

    place.dir_fd = fuse_dir_fd(call->server, call->node);
    if (is_dots(name) || place.dir_fd < 0 || fuse_statx(place.dir_fd, name.p, &place.stx) < 0)
        return NULL;
    node = fuse_node_enter(call->server, call->node, name, &place.stx);
    if (node)
        fuse_entry_fill(call->server, out, node, &place, call->node);
    return node;
}

/* False when there is no room for it. */
static bool pass_on(struct fuse_call *call, size_t room, const struct entry *e)
{
    struct sv name = sv_of(e->name);
    struct fuse_dirent head = {
        .ino = e->ino, .off = (uint64_t)e->next, .namelen = (uint32_t)name.n, .type = e->type
    };
    struct fuse_entry_out entry = { 0 };
    struct fuse_node *node;

    if (call->req.head.opcode == FUSE_READDIR)
        return put_entry(call, room, NULL, &head, name);
    node = look(call, name, &entry);
    if (put_entry(call, room, &entry, &head, name))
        return true;
    if (node)
        fuse_node_forget(call->server, node->id, 1);
    return false;
}

int fuse_do_readdir(struct fuse_call *call)
{
    const struct fuse_read_in *in = &call->req.arg.read;
    size_t room = room_of(call);
    struct fuse_handle *handle;
    int rc;

    if (!call->node->export)
        return read_root(call);
    handle = fuse_handle_find(call->server, in->fh, call->node);
    if (!handle || !handle->is_dir)
        return -EBADF;
    rc = fill(handle, (int64_t)in->offset);
    while (rc == 0 && handle->entries_at < handle->entries_len) {
        const struct entry *e = (void *)(handle->entries + handle->entries_at);

        if (!pass_on(call, room, e))
            break;
        handle->entries_at += e->len;
        handle->position = e->next;
        if (handle->entries_at == handle->entries_len)
            rc = fill(handle, handle->position);
    }
    if (rc == 0 && call->server->reply.n == 0 && handle->entries_at < handle->entries_len)
        return -EINVAL; /* not even one fits */
    return call->server->reply.n > 0 ? 0 : rc;
}
