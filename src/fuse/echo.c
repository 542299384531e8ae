/*
 * Theory of operation. Events become changes in a queue. A batch of them is armed and sent to the
 * agent, which repeats them one after the other and then says so; meanwhile its requests are held
 * against the armed changes (echo_answer.c). There is one batch at a time.
 *
 *     begin: an agent has connected; ready: its thread is known, directories are watched, and what
 *     changed since the guest was told is queued. end: nothing is watched any more.
 */
#include "fuse/echo.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "fuse/fuse_priv.h"

void fuse_echo_init(struct fuse_server *s)
{
    s->echo.fd = -1;
    list_init(&s->echo.ghost_order);
    list_init(&s->echo.queue);
    list_init(&s->echo.armed);
}

void fuse_echo_free(struct fuse_server *s)
{
    fuse_echo_end(s);
    hash_done(&s->echo.watches);
    if (s->echo.fd >= 0)
        (void)close(s->echo.fd);
    s->echo.fd = -1;
}

struct fuse_change *fuse_change_new(const struct fuse_change *from)
{
    struct fuse_change *change = mem_dup(from, sizeof(*from));

    change->link = (struct list){ 0 };
    change->name = mem_strdup(from->name);
    change->name2 = from->name2 ? mem_strdup(from->name2) : NULL;
    return change;
}

void fuse_change_free(struct fuse_change *change)
{
    list_remove(&change->link);
    free(change->name);
    free(change->name2);
    free(change);
}

static void clear(struct list *changes)
{
    list_for_each (change, changes, struct fuse_change, link)
        fuse_change_free(change);
}

/* ---- the agent ---- */

void fuse_echo_begin(struct fuse_server *s, struct fuse_nonce nonce)
{
    fuse_echo_end(s);
    s->echo.nonce = nonce;
    s->echo.has_agent = true;
}

bool fuse_echo_ready(struct fuse_server *s)
{
    if (!s->echo.has_agent || !s->echo.agent_tid)
        return false;
    if (s->echo.is_ready)
        return true;
    fuse_server_tick(s);
    s->echo.is_ready = true;
    s->echo.limbo = s->next_id++;
    fuse_watch_begin_all(s);
    fuse_echo_compare(s);
    return true;
}

void fuse_echo_end(struct fuse_server *s)
{
    fuse_watch_end_all(s);
    clear(&s->echo.queue);
    clear(&s->echo.armed);
    fuse_ghosts_clear(s);
    s->echo.n_queued = 0;
    s->echo.has_agent = s->echo.is_ready = s->echo.is_busy = s->echo.has_lost = false;
    s->echo.agent_tid = 0;
}

bool fuse_echo_is_agent(const struct fuse_call *call)
{
    const struct fuse_echo *echo = &call->server->echo;

    return echo->has_agent && (!echo->agent_tid || echo->agent_tid == call->req.head.pid);
}

/* ---- the queue ---- */

static bool is_same_name(const struct fuse_change *a, const struct fuse_change *b)
{
    return a->dir == b->dir && strcmp(a->name, b->name) == 0;
}

/* Is b the other half of an exchange? */
static bool is_reverse(const struct fuse_change *a, const struct fuse_change *b)
{
    return a->type == ECHO_MOVE && b->type == ECHO_MOVE && a->dir && b->dir && a->dir == b->dir2 &&
           a->dir2 == b->dir && a->object != b->object && !(a->flags & ECHO_EXCHANGE) &&
           strcmp(a->name, b->name2) == 0 && strcmp(a->name2, b->name) == 0;
}

/* True when the later change is part of the earlier one now. */
static bool join(struct fuse_change *earlier, const struct fuse_change *later)
{
    if (is_reverse(earlier, later)) {
        earlier->flags |= ECHO_EXCHANGE;
        return true;
    }
    if (later->type < ECHO_MODIFY || earlier->type < ECHO_MODIFY || !is_same_name(earlier, later))
        return false;
    if (earlier->type == ECHO_MODIFY && later->type == ECHO_CLOSE)
        earlier->type = ECHO_WRITE;
    else if (earlier->type != later->type)
        return false;
    return true;
}

void fuse_echo_queue(struct fuse_server *s, struct fuse_change *take_change)
{
    struct list *queue = &s->echo.queue;

    if (!list_is_empty(queue) &&
        join(CONTAINER_OF(queue->prev, struct fuse_change, link), take_change)) {
        fuse_change_free(take_change);
    } else if (s->echo.n_queued == FUSE_CHANGES_MAX) {
        s->echo.has_lost = true;
        fuse_change_free(take_change);
    } else {
        list_remove(&take_change->link);
        list_push_back(queue, &take_change->link);
        s->echo.n_queued++;
    }
}

/* ---- batches ---- */

const char *fuse_echo_export_of(struct fuse_server *s, uint64_t dir)
{
    const struct fuse_node *node = fuse_node_find(s, dir);

    return node && node->export && node->export->root_fd >= 0 && node->export->options.tells_changes
               ? node->export->name
               : NULL;
}

enum echo_kind fuse_echo_kind(mode_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFDIR:
        return ECHO_DIR;
    case S_IFLNK:
        return ECHO_LINK;
    case S_IFIFO:
        return ECHO_FIFO;
    case S_IFSOCK:
        return ECHO_SOCKET;
    default:
        return ECHO_FILE;
    }
}

static bool looks(struct fuse_server *s, const struct fuse_change *change, struct statx *out)
{
    int dir_fd = fuse_dir_fd(s, fuse_node_find(s, change->dir));

    return dir_fd >= 0 && fuse_statx(dir_fd, change->name, out) == 0;
}

/* Programs of the host that watch a directory learn of its end when nobody has it open. */
static void let_go(struct fuse_server *s, const struct fuse_change *change)
{
    const struct fuse_link *link =
        fuse_link_find(s, fuse_node_find(s, change->dir), sv_of(change->name));

    if (link && change->kind == ECHO_DIR)
        fuse_dir_close(s, link->node);
}

/* Adjusts the change to what is there now; false when there is nothing to repeat. */
static bool prepare(struct fuse_server *s, struct fuse_change *change)
{
    struct statx stx = { 0 };
    bool is_there;

    if (change->type == ECHO_REMOVE)
        let_go(s, change);
    if (change->type == ECHO_REMOVE || change->type == ECHO_MOVE)
        return true;
    is_there = looks(s, change, &stx);
    switch (change->type) {
    case ECHO_MAKE:
        if (is_there && change->kind != ECHO_DIR && !S_ISDIR(stx.stx_mode))
            change->kind = fuse_echo_kind(stx.stx_mode);
        if (change->kind == ECHO_DIR &&
            fuse_link_find(s, fuse_node_find(s, change->dir), sv_of(change->name)))
            change->flags |= ECHO_KNOWN;
        return true;
    case ECHO_MODIFY:
    case ECHO_WRITE:
    case ECHO_CLOSE:
        if (is_there && !S_ISREG(stx.stx_mode))
            return false;
        /* While it is open for writing nobody can execute it. */
        if (is_there && (stx.stx_mode & 0111)) {
            if (change->type == ECHO_CLOSE)
                return false;
            change->type = ECHO_MODIFY;
        }
        return true;
    default:
        return true;
    }
}

/* The guest is asked for it in vain when it has forgotten the directory: then nobody watches. */
static bool arm(struct fuse_server *s, struct fuse_change *change, struct sb *out)
{
    const char *export = fuse_echo_export_of(s, change->dir ? change->dir : change->dir2);

    if (!export || (change->dir && change->dir2 && !fuse_node_find(s, change->dir2)))
        return false;
    if (!prepare(s, change))
        return false;
    echo_put(out, &(struct echo_msg){ .type = change->type,
                                      .kind = change->kind,
                                      .flags = change->flags,
                                      .dir = change->dir,
                                      .dir2 = change->dir2,
                                      .export = sv_of(export),
                                      .name = sv_of(change->name),
                                      .name2 = sv_of(change->name2) });
    return true;
}

bool fuse_echo_next(struct fuse_server *s, struct sb *out)
{
    struct list *queue = &s->echo.queue;
    unsigned n = 0;

    if (!s->echo.is_ready || s->echo.is_busy)
        return false;
    fuse_server_tick(s);
    if (list_is_empty(queue) && s->echo.has_lost) {
        s->echo.has_lost = false;
        fuse_echo_compare(s);
    }
    while (n < FUSE_BATCH_MAX && !list_is_empty(queue)) {
        struct fuse_change *change = CONTAINER_OF(queue->next, struct fuse_change, link);

        list_remove(&change->link);
        s->echo.n_queued--;
        if (arm(s, change, out)) {
            list_push_back(&s->echo.armed, &change->link);
            n++;
        } else {
            fuse_change_free(change);
        }
    }
    if (n == 0)
        return false;
    echo_put(out, &(struct echo_msg){ .type = ECHO_SYNC });
    s->echo.is_busy = true;
    s->echo.has_begun = false;
    return true;
}

void fuse_echo_done(struct fuse_server *s)
{
    clear(&s->echo.armed);
    s->echo.is_busy = false;
}
