/*
 * The way to a directory. The agent opens directories by number, and the guest's kernel forgets the
 * name of one as soon as it has been opened so. The next time it looks for the name anew: it asks
 * for the directory above, reads that until it comes upon the number, and looks up the name that
 * stands there (Linux, fs/exportfs/expfs.c, reconnect_path()).
 *
 * The agent's thread reads directories for nothing else. It is shown what it looks for and nothing
 * more: whatever else there is, and also when the host no longer has it. Of a directory that was
 * removed or moved the guest is told after all that happened in it before.
 */
#include "base/mem.h"
#include "fuse/fuse_priv.h"

/* The name by which the guest knows a directory, or knew it last. */
struct way {
    uint64_t dir;
    struct sv name;
};

static bool find_name(struct fuse_server *s, const struct fuse_node *node, struct way *out)
{
    if (!list_is_empty(&node->links)) {
        const struct fuse_link *link = CONTAINER_OF(node->links.next, struct fuse_link, of_node);

        *out = (struct way){ link->dir->id, { link->name, link->name_len } };
        return true;
    }
    list_for_each (ghost, &s->echo.ghost_order, struct fuse_ghost, link) {
        if (ghost->node != node->id)
            continue;
        *out = (struct way){ ghost->dir, { ghost->name, ghost->name_len } };
        return true;
    }
    return false;
}

static bool is_there(struct fuse_server *s, struct fuse_node *node)
{
    struct fuse_place place;

    return node->export && node->export->root_fd >= 0 && fuse_place_find(s, node, &place) == 0 &&
           place.stx.stx_nlink > 0;
}

/* Does the name lead to the node on the host, too? */
static bool is_true(struct fuse_server *s, const struct way *way, const struct fuse_node *node)
{
    struct fuse_node *dir = fuse_node_find(s, way->dir);
    int dir_fd = dir ? fuse_dir_fd(s, dir) : -1;
    auto_mem char *name = sv_dup(way->name);
    struct statx stx;

    return dir_fd >= 0 && fuse_statx(dir_fd, name, &stx) == 0 && fuse_node_is(node, &stx);
}

static bool answer_above(struct fuse_call *call)
{
    struct fuse_server *s = call->server;
    struct fuse_node *node = fuse_node_find(s, call->req.head.nodeid), *dir;
    struct way way;

    if (!node || !node->export || !find_name(s, node, &way) || !(dir = fuse_node_find(s, way.dir)))
        return false;
    s->echo.sought = node->id;
    if (!list_is_empty(&node->links) && is_there(s, dir))
        return false;
    fuse_echo_reply_held(call, way.dir, ECHO_DIR);
    return true;
}

static void answer_open(struct fuse_call *call)
{
    const struct fuse_open_out out = { .fh = FUSE_ECHO_HANDLE };

    fuse_reply(call, &out, sizeof(out));
}

static bool is_reading(const struct fuse_call *call)
{
    uint32_t opcode = call->req.head.opcode;

    return (opcode == FUSE_READDIR || opcode == FUSE_READDIRPLUS) &&
           call->req.arg.read.fh == FUSE_ECHO_HANDLE;
}

bool fuse_echo_find_way(struct fuse_call *call)
{
    struct fuse_server *s = call->server;
    bool is_lookup = call->req.head.opcode == FUSE_LOOKUP;
    struct fuse_node *node;
    struct way way;

    if (is_lookup && sv_eq(call->req.name, SV("..")))
        return answer_above(call);
    node = s->echo.sought ? fuse_node_find(s, s->echo.sought) : NULL;
    if (!node || !find_name(s, node, &way) || way.dir != call->req.head.nodeid)
        return false;
    if (call->req.head.opcode == FUSE_OPENDIR)
        answer_open(call);
    else if (is_lookup && sv_eq(call->req.name, way.name) && !is_true(s, &way, node))
        fuse_echo_reply_held(call, node->id, ECHO_DIR);
    else if (is_reading(call))
        return call->req.arg.read.offset > 0 ||
               fuse_dirent_put(call, way.name, node->identity.ino, 1);
    else
        return false;
    return true;
}
