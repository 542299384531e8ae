/*
 * The kernel joins an event with an earlier one that is alike, while that waits to be read: what
 * one process did to the same file by the same names. Of a file that moves from a to b, back, and
 * to b again, two moves are told only; and its removal may be told with what happened to it
 * earlier.
 *
 * That something is missing shows: the file is elsewhere than its moves say. It came there by moves
 * that have been told before, so these are put in again; and a removal belongs behind all else of
 * its file. Among the changes of other files they come as early as can be: right behind what was
 * told of the file last, or when something else has left the name that it moved to.
 *
 * Does not show: that a file went more than once around the same circle, within the time in which
 * nothing was read. Of a file that is gone because another moved over it, it cannot always be told
 * by which of its names.
 */
#include "base/mem.h"
#include "fuse/fuse_priv.h"

enum {
    STEPS_MAX = 4, /* that are missing between two places */
    MOVES_MAX = 32 /* of a file that are looked at */
};

/* Outside of what is watched, dir is 0 and the name says nothing. */
struct spot {
    uint64_t dir;
    const char *name;
};

/* What is told of a file that moves. */
struct trail {
    struct hash_entry by_object;
    struct list link;
    uint64_t object;
    struct fuse_change *moves; /* the latest, which knows the one before it */
    struct fuse_change *removal;
    struct list *last; /* but the removal */
    struct spot at;    /* after the moves */
    bool returns;      /* to where it has been: something may be missing */
    bool is_late;      /* other things are told behind the removal */
};

struct trails {
    struct hash by_object;
    struct list all;
};

static struct spot source_of(const struct fuse_change *change)
{
    return (struct spot){ change->dir, change->name };
}

static struct spot target_of(const struct fuse_change *move)
{
    return (struct spot){ move->dir2, move->name2 };
}

static bool is_same(struct spot a, struct spot b)
{
    return a.dir == b.dir && (a.dir == 0 || strcmp(a.name, b.name) == 0);
}

static struct trail *find_trail(const struct trails *trails, uint64_t object)
{
    for (struct hash_entry *e = hash_first(&trails->by_object, object); e; e = hash_next(e)) {
        struct trail *trail = CONTAINER_OF(e, struct trail, by_object);

        if (trail->object == object)
            return trail;
    }
    return NULL;
}

static struct trail *begin_trail(struct trails *trails, uint64_t object)
{
    struct trail *trail = mem_new(struct trail);

    trail->object = object;
    hash_add(&trails->by_object, &trail->by_object, object);
    list_push_back(&trails->all, &trail->link);
    return trail;
}

static void free_trails(struct trails *trails)
{
    list_for_each (trail, &trails->all, struct trail, link)
        free(trail);
    hash_done(&trails->by_object);
}

/* ---- missing moves ---- */

/* Puts in, before *at, moves that lead from one place to another in that many steps, the last one
 * first; *at is the first of them then. */
static bool lead(const struct trail *trail, struct spot from, struct spot to, unsigned steps,
                 struct list **at)
{
    unsigned n = 0;

    for (const struct fuse_change *m = trail->moves; m && n < MOVES_MAX; m = m->before, n++) {
        struct fuse_change *copy;

        if (!is_same(source_of(m), from) ||
            (steps == 1 ? !is_same(target_of(m), to)
                        : !lead(trail, target_of(m), to, steps - 1, at)))
            continue;
        copy = fuse_change_new(m);
        list_push_back(*at, &copy->link);
        *at = &copy->link;
        return true;
    }
    return false;
}

static bool takes(const struct fuse_change *change, struct spot place)
{
    return (change->type == ECHO_MAKE && is_same(source_of(change), place)) ||
           (change->type == ECHO_MOVE && is_same(target_of(change), place));
}

/* Whatever else takes the place; end when nothing does. */
static struct list *next_taking(const struct trail *trail, struct spot place, struct list *end)
{
    for (struct list *at = trail->last->next; at != end; at = at->next) {
        const struct fuse_change *change = CONTAINER_OF(at, struct fuse_change, link);

        if (change->object != trail->object && takes(change, place))
            return at;
    }
    return end;
}

static bool leaves(const struct fuse_change *change, struct spot place)
{
    return (change->type == ECHO_REMOVE || change->type == ECHO_MOVE) &&
           is_same(source_of(change), place);
}

static bool is_about(const struct fuse_change *change, struct spot place)
{
    return is_same(source_of(change), place) || takes(change, place);
}

/* Behind all of whatever else has the place before end, if the file stays there, else behind what
 * was there before the file. What the file moves over takes the place and never leaves it. */
static struct list *when_free(const struct trail *trail, struct spot place, bool stays,
                              struct list *end)
{
    struct list *found = trail->last->next;

    for (struct list *at = found; at != end; at = at->next) {
        const struct fuse_change *change = CONTAINER_OF(at, struct fuse_change, link);

        if (change->object == trail->object)
            continue;
        if (stays ? is_about(change, place) : leaves(change, place))
            found = at->next;
        if (!stays && (leaves(change, place) || takes(change, place)))
            break;
    }
    return found;
}

/* The file is known to have been there before the change at end came; stays: until then. */
static void fill_gap(struct trail *trail, struct spot to, bool stays, struct list *end)
{
    struct list *behind, *at;

    if (!trail->moves || is_same(trail->at, to))
        return;
    at = behind = when_free(trail, to, stays, end);
    for (unsigned steps = 1; steps <= STEPS_MAX; steps++)
        if (lead(trail, trail->at, to, steps, &at)) {
            trail->last = behind->prev;
            trail->at = to;
            return;
        }
}

/* ---- following files ---- */

/* As far as it is looked at; after that it may have been anywhere. */
static bool has_been(const struct trail *trail, struct spot place)
{
    const struct fuse_change *m = trail->moves;

    for (unsigned n = 0; m && n < MOVES_MAX; m = m->before, n++)
        if (is_same(source_of(m), place) || is_same(target_of(m), place))
            return true;
    return m != NULL;
}

static void follow(struct trail *trail, struct fuse_change *change)
{
    if (change->type == ECHO_REMOVE) {
        trail->removal = change;
        return;
    }
    if (change->type == ECHO_MOVE) {
        fill_gap(trail, source_of(change), true, &change->link);
        trail->returns = trail->returns || has_been(trail, target_of(change));
        change->before = trail->moves;
        trail->moves = change;
        trail->at = target_of(change);
    }
    trail->last = &change->link;
    trail->is_late = trail->removal != NULL;
}

static void end_with_removal(struct trail *trail, struct list *changes)
{
    struct fuse_change *removal = trail->removal;

    if (!trail->is_late) {
        fill_gap(trail, source_of(removal), true, &removal->link);
        return;
    }
    list_remove(&removal->link);
    fill_gap(trail, source_of(removal), false, changes);
    list_push_front(trail->last, &removal->link);
}

static bool is_at(struct fuse_server *s, const struct trail *trail, struct spot place)
{
    struct fuse_node *dir = place.dir ? fuse_node_find(s, place.dir) : NULL;

    return dir && fuse_watch_object(s, dir, place.name) == trail->object;
}

static bool is_move(const struct list *at, const struct list *changes)
{
    return at != changes && CONTAINER_OF(at, struct fuse_change, link)->type == ECHO_MOVE;
}

/* Of a file that is gone without a removal, as another has moved over it. False: none has. */
static bool end_replaced(struct trail *trail, struct list *changes)
{
    unsigned n = 0;

    if (is_move(next_taking(trail, trail->at, changes), changes))
        return true;
    for (const struct fuse_change *m = trail->moves; m && n < MOVES_MAX; m = m->before, n++) {
        struct list *taking = next_taking(trail, target_of(m), changes);

        if (!is_same(source_of(m), trail->at) || !is_move(taking, changes))
            continue;
        fill_gap(trail, target_of(m), true, taking);
        return true;
    }
    return false;
}

/* False: that cannot be told. */
static bool end_where_it_is(struct fuse_server *s, struct trail *trail, struct list *changes)
{
    unsigned n = 0;

    if (is_at(s, trail, trail->at))
        return true;
    for (const struct fuse_change *m = trail->moves; m && n < MOVES_MAX; m = m->before, n++)
        if (is_at(s, trail, source_of(m))) {
            fill_gap(trail, source_of(m), true, changes);
            return true;
        }
    return trail->at.dir == 0 || end_replaced(trail, changes);
}

bool fuse_echo_unjoin(struct fuse_server *s, struct list *changes)
{
    struct trails trails = { 0 };
    bool is_whole = true;

    list_init(&trails.all);
    list_for_each (change, changes, struct fuse_change, link)
        if (change->type == ECHO_MOVE && change->object && !find_trail(&trails, change->object))
            (void)begin_trail(&trails, change->object);
    list_for_each (change, changes, struct fuse_change, link) {
        struct trail *trail = find_trail(&trails, change->object);

        if (trail)
            follow(trail, change);
    }
    list_for_each (trail, &trails.all, struct trail, link) {
        if (trail->removal)
            end_with_removal(trail, changes);
        else if (trail->returns)
            is_whole = end_where_it_is(s, trail, changes) && is_whole;
    }
    free_trails(&trails);
    return is_whole;
}
