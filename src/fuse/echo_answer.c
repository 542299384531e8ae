/*
 * Requests of the agent's thread. Before each change it says that it goes on to the next one; what
 * it asks then is held against that change, until the request comes that completes it. Names are
 * looked up with answers made for the change: nothing where something is about to be made, and what
 * was there where something is removed or moved, even if the host has nothing any more (then it is
 * a node that never was).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "fuse/fuse_priv.h"

enum {
    /* Seconds: nobody shall look in between the agent's lookup and what it does. */
    HELD_SECONDS = 1,
};

#ifndef FOPEN_NOFLUSH
#define FOPEN_NOFLUSH (1 << 5)
#endif

enum outcome {
    NOT_MINE,
    ANSWERED, /* the change goes on */
    COMPLETE,
};

static bool is_name(uint64_t dir, const char *name, uint64_t nodeid, struct sv asked)
{
    return dir && dir == nodeid && name && sv_eq_str(asked, name);
}

/* ---- what is answered ---- */

static mode_t mode_of(enum echo_kind kind)
{
    static const mode_t modes[ECHO_KIND_COUNT] = { [ECHO_FILE] = S_IFREG | 0600,
                                                   [ECHO_DIR] = S_IFDIR | 0700,
                                                   [ECHO_LINK] = S_IFLNK | 0777,
                                                   [ECHO_FIFO] = S_IFIFO | 0600,
                                                   [ECHO_SOCKET] = S_IFSOCK | 0600 };

    return modes[kind];
}

/* Of something that is not on the host. */
static struct fuse_attr made_up(uint64_t ino, mode_t mode)
{
    return (struct fuse_attr){ .ino = ino, .mode = mode, .blksize = 4096 };
}

static void reply_entry(struct fuse_call *call, struct fuse_entry_out out)
{
    fuse_reply(call, &out, sizeof(out));
}

/* What the host has under a name, as a place of dir's export. */
static int look(struct fuse_server *s, struct fuse_node *dir, const char *name,
                struct fuse_place *out)
{
    int dir_fd = dir ? fuse_dir_fd(s, dir) : -ESTALE;

    *out = (struct fuse_place){ .dir_fd = dir_fd, .fd = -1, .name = name };
    return dir_fd < 0 ? dir_fd : fuse_statx(dir_fd, name, &out->stx);
}

/* Follows what has moved meanwhile, as changes that are still to be repeated tell. */
static bool follow_moves(struct fuse_server *s, const struct fuse_node *node,
                         const struct list *changes, uint64_t *dir, const char **name,
                         struct fuse_place *out)
{
    list_for_each (change, changes, struct fuse_change, link) {
        if (change->type != ECHO_MOVE || !is_name(change->dir, change->name, *dir, sv_of(*name)))
            continue;
        *dir = change->dir2;
        *name = change->name2;
        if (look(s, fuse_node_find(s, *dir), *name, out) == 0 && fuse_node_is(node, &out->stx))
            return true;
    }
    return false;
}

/* Where the node is on the host now, even if the guest has not been told yet. */
static bool find_place(struct fuse_server *s, struct fuse_node *node, struct fuse_place *out)
{
    if (!node->export || node->export->root_fd < 0)
        return false;
    if (fuse_place_find(s, node, out) == 0)
        return true;
    list_for_each (link, &node->links, struct fuse_link, of_node) {
        uint64_t dir = link->dir->id;
        const char *name = link->name;

        if (follow_moves(s, node, &s->echo.armed, &dir, &name, out) ||
            follow_moves(s, node, &s->echo.queue, &dir, &name, out))
            return true;
    }
    return false;
}

void fuse_echo_reply_held(struct fuse_call *call, uint64_t id, enum echo_kind kind)
{
    struct fuse_node *node = fuse_node_find(call->server, id);
    struct fuse_entry_out out = { .nodeid = id, .entry_valid = HELD_SECONDS };
    struct fuse_place place;

    if (node && find_place(call->server, node, &place)) {
        fuse_attr_fill(&out.attr, node, &place, NULL);
        if (out.attr.nlink > 0)
            out.attr.nlink++; /* the name that goes */
    } else {
        out.attr = made_up(node ? node->identity.ino : id,
                           node ? node->identity.type | 0600 : mode_of(kind));
    }
    if (node)
        node->n_lookups++;
    reply_entry(call, out);
}

/* Of what the agent is to find, but nobody else; maybe a node that is gone on the host. */
static void reply_phantom(struct fuse_call *call, uint64_t id, mode_t mode)
{
    struct fuse_node *node = fuse_node_find(call->server, id);
    struct fuse_entry_out out = { .nodeid = id, .attr = made_up(id, mode) };

    if (node) {
        out.attr = made_up(node->identity.ino, node->identity.type | 0600);
        node->n_lookups++;
    }
    reply_entry(call, out);
}

static uint64_t new_id(struct fuse_server *s)
{
    return s->next_id++;
}

/* What was known under a name before the change: 0 when nothing was. */
static uint64_t known_at(struct fuse_server *s, uint64_t dir, const char *name)
{
    uint64_t id = fuse_ghost_find(s, dir, sv_of(name));
    struct fuse_node *node = fuse_node_find(s, dir);
    const struct fuse_link *link = id || !node ? NULL : fuse_link_find(s, node, sv_of(name));

    return link ? link->node->id : id;
}

static struct fuse_node *enter(struct fuse_server *s, struct fuse_node *dir, const char *name,
                               const struct statx *stx)
{
    struct fuse_node *node;

    dir->n_lookups++; /* while its last known entry is replaced */
    node = fuse_node_enter(s, dir, sv_of(name), stx);
    dir->n_lookups--;
    return node;
}

/* Makes what is remembered of a name what the host has. */
static void refresh(struct fuse_server *s, uint64_t dir_id, const char *name)
{
    struct fuse_node *dir = fuse_node_find(s, dir_id);
    const struct fuse_link *link = dir ? fuse_link_find(s, dir, sv_of(name)) : NULL;
    struct fuse_place place;

    fuse_ghost_drop(s, dir_id, sv_of(name));
    if (link && (look(s, dir, name, &place) < 0 || !fuse_node_is(link->node, &place.stx)))
        fuse_link_drop(s, dir, sv_of(name));
}

/* ---- looking up ---- */

/* The node that moves: as the guest knows it, else as it is at its new name. */
static uint64_t find_moved(struct fuse_server *s, const struct fuse_change *change)
{
    uint64_t id = change->dir ? known_at(s, change->dir, change->name) : 0;
    struct fuse_node *dir2 = change->dir2 ? fuse_node_find(s, change->dir2) : NULL, *node;
    struct fuse_place place;

    if (id)
        return id;
    if (look(s, dir2, change->name2, &place) == 0 &&
        S_ISDIR(place.stx.stx_mode) == (change->kind == ECHO_DIR) &&
        (node = enter(s, dir2, change->name2, &place.stx)))
        return node->id;
    return new_id(s);
}

static enum outcome look_up_source(struct fuse_call *call, struct fuse_change *change)
{
    if (!change->node || !fuse_node_find(call->server, change->node))
        change->node = find_moved(call->server, change);
    fuse_echo_reply_held(call, change->node, change->kind);
    return ANSWERED;
}

/* What is replaced at the new name, or the other one of an exchange. */
static enum outcome look_up_target(struct fuse_call *call, struct fuse_change *change, int *out_rc)
{
    uint64_t over = known_at(call->server, change->dir2, change->name2);

    if (!change->node)
        change->node = find_moved(call->server, change);
    if (over && over != change->node && fuse_node_find(call->server, over))
        fuse_echo_reply_held(call, over, ECHO_FILE);
    else if (change->flags & ECHO_EXCHANGE)
        reply_phantom(call, new_id(call->server), mode_of(ECHO_FILE));
    else
        *out_rc = -ENOENT;
    return ANSWERED;
}

static enum outcome look_up_removed(struct fuse_call *call, struct fuse_change *change)
{
    if (!change->node)
        change->node = known_at(call->server, change->dir, change->name);
    if (!change->node)
        change->node = new_id(call->server);
    fuse_echo_reply_held(call, change->node, change->kind);
    return ANSWERED;
}

/* What was written is what there is; when it is gone, something nobody else will find. */
static enum outcome look_up_changed(struct fuse_call *call, struct fuse_change *change, int *out_rc)
{
    struct fuse_server *s = call->server;
    struct fuse_place place;
    uint64_t id;

    call->node = fuse_node_find(s, change->dir);
    if (!call->node)
        return NOT_MINE;
    if (look(s, call->node, change->name, &place) == 0) {
        *out_rc = fuse_do_lookup(call);
        change->node = 0; /* by its name */
        return ANSWERED;
    }
    id = fuse_ghost_find(s, change->dir, sv_of(change->name));
    change->node = id ? id : new_id(s);
    reply_phantom(call, change->node, mode_of(ECHO_FILE));
    return ANSWERED;
}

static enum outcome answer_lookup(struct fuse_call *call, struct fuse_change *change, int *out_rc)
{
    const struct fuse_request *req = &call->req;

    if (change->type == ECHO_MOVE) {
        if (is_name(change->dir, change->name, req->head.nodeid, req->name) ||
            (!change->dir && req->head.nodeid == call->server->echo.limbo))
            return look_up_source(call, change);
        if (is_name(change->dir2, change->name2, req->head.nodeid, req->name))
            return look_up_target(call, change, out_rc);
        if (!change->dir2 && req->head.nodeid == call->server->echo.limbo) {
            *out_rc = -ENOENT;
            return ANSWERED;
        }
        return NOT_MINE;
    }
    if (!is_name(change->dir, change->name, req->head.nodeid, req->name))
        return NOT_MINE;
    switch (change->type) {
    case ECHO_MAKE:
        *out_rc = -ENOENT;
        return ANSWERED;
    case ECHO_REMOVE:
        return look_up_removed(call, change);
    default:
        return look_up_changed(call, change, out_rc);
    }
}

/* ---- making, removing, moving ---- */

static enum outcome answer_make(struct fuse_call *call, struct fuse_change *change)
{
    struct fuse_server *s = call->server;
    struct fuse_node *dir = fuse_node_find(s, change->dir), *node;
    struct fuse_entry_out out;
    struct fuse_place place;
    uint64_t id;

    if (look(s, dir, change->name, &place) == 0 &&
        fuse_echo_kind(place.stx.stx_mode) == change->kind &&
        (node = enter(s, dir, change->name, &place.stx))) {
        fuse_ghost_drop(s, change->dir, sv_of(change->name));
        fuse_entry_fill(s, &out, node, &place, dir);
        reply_entry(call, out);
        return COMPLETE;
    }
    /* It is gone again: later changes of the name are about this one. */
    id = new_id(s);
    fuse_ghost_drop(s, change->dir, sv_of(change->name));
    if (dir)
        fuse_ghost_add(s, dir, sv_of(change->name), id);
    reply_phantom(call, id, mode_of(change->kind));
    return COMPLETE;
}

/* MKDIR without need makes the guest's kernel look up a name anew: there is something already. */
static enum outcome answer_new_name(struct fuse_call *call, struct fuse_change *change, int *out_rc)
{
    const struct fuse_request *req = &call->req;
    uint64_t dir = req->head.nodeid;

    if (change->type == ECHO_MAKE && is_name(change->dir, change->name, dir, req->name))
        return answer_make(call, change);
    if (req->head.opcode != FUSE_MKDIR ||
        !(is_name(change->dir, change->name, dir, req->name) ||
          is_name(change->dir2, change->name2, dir, req->name) ||
          (change->type == ECHO_MOVE && dir == call->server->echo.limbo)))
        return NOT_MINE;
    *out_rc = -EEXIST;
    return ANSWERED;
}

static enum outcome answer_remove(struct fuse_call *call, const struct fuse_change *change)
{
    if (change->type != ECHO_REMOVE ||
        !is_name(change->dir, change->name, call->req.head.nodeid, call->req.name))
        return NOT_MINE;
    refresh(call->server, change->dir, change->name);
    return COMPLETE;
}

static enum outcome answer_move(struct fuse_call *call, const struct fuse_change *change)
{
    uint64_t limbo = call->server->echo.limbo;
    struct fuse_node *dir2;
    struct fuse_place place;

    if (change->type != ECHO_MOVE || call->req.head.nodeid != (change->dir ? change->dir : limbo) ||
        call->req.arg.rename.newdir != (change->dir2 ? change->dir2 : limbo))
        return NOT_MINE;
    if (change->dir)
        refresh(call->server, change->dir, change->name);
    if (!change->dir2)
        return COMPLETE;
    refresh(call->server, change->dir2, change->name2);
    /* The guest knows it by the new name now. */
    dir2 = fuse_node_find(call->server, change->dir2);
    if (look(call->server, dir2, change->name2, &place) == 0)
        (void)enter(call->server, dir2, change->name2, &place.stx);
    else if (dir2 && change->node && !fuse_node_find(call->server, change->node))
        fuse_ghost_add(call->server, dir2, sv_of(change->name2), change->node);
    return COMPLETE;
}

/* ---- changing files ---- */

/* True attributes, or those of a node that is gone or never was. */
static void reply_attr(struct fuse_call *call, bool shows_change, enum echo_kind kind)
{
    struct fuse_node *node = fuse_node_find(call->server, call->req.head.nodeid);
    struct fuse_attr_out out = { 0 };
    struct fuse_place place;

    if (node && find_place(call->server, node, &place)) {
        if (!shows_change && place.stx.stx_nlink > 0) {
            call->node = node;
            fuse_attr_reply(call, &place);
            return;
        }
        fuse_attr_fill(&out.attr, node, &place, NULL);
        /* The guest's kernel drops the data it has when the time of change differs. The true time
         * follows; nobody else is to see this one. */
        out.attr.mtimensec ^= shows_change;
    } else {
        out.attr = made_up(node ? node->identity.ino : call->req.head.nodeid,
                           node ? node->identity.type | 0700 : mode_of(kind));
    }
    /* What has no name is no longer watched; that its last one is gone has not been told yet. */
    if (out.attr.nlink == 0)
        out.attr.nlink = 1;
    fuse_reply(call, &out, sizeof(out));
}

static enum outcome answer_getattr(struct fuse_call *call, const struct fuse_change *change)
{
    uint64_t id = call->req.head.nodeid;
    const struct fuse_node *node = fuse_node_find(call->server, id);

    if (id == call->server->echo.limbo)
        return NOT_MINE;
    /* Of directories, and on the way to other changes, it is as for everybody. */
    if (node && (change->type != ECHO_MODIFY || !node->export || S_ISDIR(node->identity.type)))
        return NOT_MINE;
    reply_attr(call, node != NULL, change->kind);
    return ANSWERED;
}

/* Whatever node the guest's kernel knows by the name. */
static enum outcome answer_setattr(struct fuse_call *call, const struct fuse_change *change)
{
    if (change->type < ECHO_MODIFY || change->type == ECHO_CLOSE)
        return NOT_MINE;
    reply_attr(call, false, change->kind);
    return COMPLETE;
}

static enum outcome answer_open(struct fuse_call *call, const struct fuse_change *change)
{
    /* Without FOPEN_KEEP_CACHE: the guest drops the data it has. */
    struct fuse_open_out out = { .fh = FUSE_ECHO_HANDLE, .open_flags = FOPEN_NOFLUSH };

    if (change->type != ECHO_WRITE && change->type != ECHO_CLOSE)
        return NOT_MINE;
    fuse_reply(call, &out, sizeof(out));
    return change->type == ECHO_CLOSE ? COMPLETE : ANSWERED;
}

/* ---- requests ---- */

static enum outcome try_change(struct fuse_call *call, struct fuse_change *change, int *out_rc)
{
    switch (call->req.head.opcode) {
    case FUSE_LOOKUP:
        return answer_lookup(call, change, out_rc);
    case FUSE_MKNOD:
    case FUSE_MKDIR:
    case FUSE_SYMLINK:
        return answer_new_name(call, change, out_rc);
    case FUSE_UNLINK:
    case FUSE_RMDIR:
        return answer_remove(call, change);
    case FUSE_RENAME:
    case FUSE_RENAME2:
        return answer_move(call, change);
    case FUSE_GETATTR:
        return answer_getattr(call, change);
    case FUSE_SETATTR:
        return answer_setattr(call, change);
    case FUSE_OPEN:
        return answer_open(call, change);
    default:
        return NOT_MINE;
    }
}

static bool is_nonce(const struct fuse_call *call)
{
    const struct fuse_nonce *nonce = &call->server->echo.nonce;
    char name[sizeof(ECHO_NAME_PREFIX) + 32];

    (void)snprintf(name, sizeof(name), ECHO_NAME_PREFIX "%016llx%016llx",
                   (unsigned long long)nonce->half[0], (unsigned long long)nonce->half[1]);
    return call->req.head.opcode == FUSE_LOOKUP && call->req.head.nodeid == FUSE_ROOT_ID &&
           sv_eq_str(call->req.name, name);
}

static bool is_root_of_export(struct fuse_call *call)
{
    const struct fuse_node *node = fuse_node_find(call->server, call->req.head.nodeid);

    return node && node->export && node->export->root == node;
}

/* The place of what moves in from elsewhere, or out. */
static bool answer_limbo(struct fuse_call *call)
{
    uint64_t limbo = call->server->echo.limbo;

    if (call->req.head.opcode == FUSE_GETATTR && call->req.head.nodeid == limbo) {
        reply_attr(call, false, ECHO_DIR);
        return true;
    }
    if (call->req.head.opcode != FUSE_LOOKUP || !sv_eq_str(call->req.name, ECHO_LIMBO_NAME) ||
        !is_root_of_export(call))
        return false;
    reply_phantom(call, limbo, mode_of(ECHO_DIR));
    return true;
}

/* The guest's kernel asks whether something may be removed from a directory that is gone already.
 */
static bool answer_gone(struct fuse_call *call)
{
    struct fuse_node *node = fuse_node_find(call->server, call->req.head.nodeid);
    struct fuse_place place;

    if (call->req.head.opcode != FUSE_GETATTR || !node || !node->export ||
        node->export->root_fd < 0 ||
        (fuse_place_find(call->server, node, &place) == 0 && place.stx.stx_nlink > 0))
        return false;
    reply_attr(call, false, ECHO_FILE);
    return true;
}

static bool is_writing(const struct fuse_call *call)
{
    if (call->req.head.opcode == FUSE_OPEN)
        return (call->req.arg.open.flags & (O_ACCMODE | O_TRUNC)) != O_RDONLY;
    return call->req.op->flags & FUSE_OP_CHANGES;
}

static bool is_next(const struct fuse_call *call)
{
    return call->req.head.opcode == FUSE_LOOKUP && call->req.head.nodeid == FUSE_ROOT_ID &&
           sv_eq(call->req.name, SV(ECHO_NEXT_NAME));
}

/* The change that the agent works on; NULL: none, or it is done. */
static struct fuse_change *current(struct fuse_echo *echo)
{
    struct fuse_change *change;

    if (!echo->has_begun || list_is_empty(&echo->armed))
        return NULL;
    change = CONTAINER_OF(echo->armed.next, struct fuse_change, link);
    return change->is_done ? NULL : change;
}

static void go_on(struct fuse_echo *echo)
{
    if (echo->has_begun && !list_is_empty(&echo->armed))
        fuse_change_free(CONTAINER_OF(echo->armed.next, struct fuse_change, link));
    echo->has_begun = true;
    echo->sought = 0;
}

static bool answer(struct fuse_call *call, int *out_rc)
{
    struct fuse_echo *echo = &call->server->echo;
    struct fuse_change *change = current(echo);
    enum outcome outcome;

    if (is_next(call)) {
        go_on(echo);
        *out_rc = -ENOENT;
        return true;
    }
    outcome = change ? try_change(call, change, out_rc) : NOT_MINE;
    if (outcome == COMPLETE)
        change->is_done = true;
    if (outcome != NOT_MINE || answer_limbo(call) || answer_gone(call) || fuse_echo_find_way(call))
        return true;
    *out_rc = -EPERM;
    return is_writing(call);
}

bool fuse_echo_answer(struct fuse_call *call, int *out_rc)
{
    struct fuse_echo *echo = &call->server->echo;
    struct fuse_node *node;
    bool is_answered;

    *out_rc = 0;
    if (call->req.op->flags & FUSE_OP_NO_REPLY)
        return false;
    if (!echo->agent_tid) {
        if (!is_nonce(call))
            return false;
        echo->agent_tid = call->req.head.pid;
        *out_rc = -ENOENT;
        return true;
    }
    if (!echo->is_ready)
        return false;
    /* It stays, whatever is found to be gone. */
    node = fuse_node_find(call->server, call->req.head.nodeid);
    if (node)
        node->n_lookups++;
    is_answered = answer(call, out_rc);
    call->node = NULL;
    if (node)
        fuse_node_forget(call->server, call->req.head.nodeid, 1);
    return is_answered;
}
