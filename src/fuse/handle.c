#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "fuse/fuse_priv.h"

/* A handle's number is its slot below SLOT_BITS, and above a count that is never used again. */
enum { SLOT_BITS = 16 };

_Static_assert(FUSE_HANDLES_MAX <= 1 << SLOT_BITS, "slots fit into their bits");

static size_t free_slot(struct fuse_server *s)
{
    size_t slot = s->first_free;

    while (slot < s->handles.n && s->handles.v[slot])
        slot++;
    if (slot == s->handles.n)
        *vec_push(&s->handles) = NULL;
    s->first_free = slot + 1;
    return slot;
}

struct fuse_handle *fuse_handle_new(struct fuse_server *s, struct fuse_node *node, int take_fd,
                                    bool is_dir, bool is_writable)
{
    struct fuse_handle *handle;
    size_t slot;

    if (s->n_handles >= FUSE_HANDLES_MAX) {
        close(take_fd);
        return NULL;
    }
    slot = free_slot(s);
    handle = s->handles.v[slot] = mem_new(struct fuse_handle);
    handle->fh = s->next_fh++ << SLOT_BITS | slot;
    handle->node = node;
    handle->fd = take_fd;
    handle->is_dir = is_dir;
    handle->is_writable = is_writable;
    list_push_back(&node->handles, &handle->of_node);
    s->n_handles++;
    return handle;
}

/* After a time of change that is younger, another change may bear the same: clocks of file systems
 * are that coarse. */
#define CHANGE_TICK_NS 20000000

static bool is_just_changed(int64_t changed_ns)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * 1000000000 + now.tv_nsec - changed_ns < CHANGE_TICK_NS;
}

/* The guest keeps the list of names of a directory of which it is told all changes. It also reads
 * it anew when there was one since: a change that it could not be told of is noticed then. Of
 * another file system inside of the export the guest may have several lists (it mounts it once for
 * each mount that leads there), so it keeps none. */
static uint32_t list_flags(const struct fuse_server *s, const struct fuse_handle *handle)
{
    const struct fuse_node *node = handle->node;
    int64_t changed_ns;
    struct statx stx;

    if (!fuse_watch_tells_names(s, node) ||
        node->identity.dev != node->export->root->identity.dev ||
        fuse_statx(handle->fd, "", &stx) < 0)
        return 0;
    changed_ns = fuse_attr_changed_ns(&stx);
    if (node->watch->listed_ns == changed_ns)
        return FOPEN_CACHE_DIR | FOPEN_KEEP_CACHE;
    node->watch->listed_ns = is_just_changed(changed_ns) ? 0 : changed_ns;
    return FOPEN_CACHE_DIR;
}

uint32_t fuse_open_flags(const struct fuse_server *s, const struct fuse_handle *handle)
{
    switch (handle->node->export->options.cache) {
    case FUSE_CACHE_NEVER:
        return handle->is_dir ? 0 : FOPEN_DIRECT_IO;
    case FUSE_CACHE_ALWAYS:
        return FOPEN_KEEP_CACHE | (handle->is_dir ? FOPEN_CACHE_DIR : 0);
    default:
        /* The guest drops what it has when size or time of change differ (AUTO_INVAL_DATA). */
        return handle->is_dir ? list_flags(s, handle) : FOPEN_KEEP_CACHE;
    }
}

int fuse_handle_reply(struct fuse_call *call, int take_fd, bool is_dir, bool is_writable)
{
    struct fuse_handle *handle =
        fuse_handle_new(call->server, call->node, take_fd, is_dir, is_writable);
    struct fuse_open_out out = { 0 };

    if (!handle)
        return -ENFILE;
    out.fh = handle->fh;
    out.open_flags = fuse_open_flags(call->server, handle);
    fuse_reply(call, &out, sizeof(out));
    return 0;
}

struct fuse_handle *fuse_handle_find(struct fuse_server *s, uint64_t fh,
                                     const struct fuse_node *node)
{
    size_t slot = fh & ((1u << SLOT_BITS) - 1);
    struct fuse_handle *handle = slot < s->handles.n ? s->handles.v[slot] : NULL;

    return handle && handle->fh == fh && handle->node == node ? handle : NULL;
}

void fuse_handle_free(struct fuse_server *s, struct fuse_handle *handle)
{
    size_t slot = handle->fh & ((1u << SLOT_BITS) - 1);

    s->handles.v[slot] = NULL;
    if (slot < s->first_free)
        s->first_free = slot;
    s->n_handles--;
    list_remove(&handle->of_node);
    close(handle->fd);
    free(handle->entries);
    free(handle);
}

void fuse_handle_close(struct fuse_server *s, struct fuse_handle *handle)
{
    struct fuse_node *node = handle->node;

    fuse_handle_free(s, handle);
    fuse_node_settle(s, node);
}
