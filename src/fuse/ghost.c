#include "base/mem.h"
#include "fuse/fuse_priv.h"

/* Events are never far behind. */
enum { GHOSTS_MAX = 8192 };

static uint64_t key_of(const struct fuse_server *s, uint64_t dir, struct sv name)
{
    return hash_bytes(name, hash_u64(dir, s->seed));
}

static struct fuse_ghost *find(const struct fuse_server *s, uint64_t dir, struct sv name)
{
    struct hash_entry *e = hash_first(&s->echo.ghosts, key_of(s, dir, name));

    for (; e; e = hash_next(e)) {
        struct fuse_ghost *ghost = CONTAINER_OF(e, struct fuse_ghost, by_name);

        if (ghost->dir == dir && sv_eq((struct sv){ ghost->name, ghost->name_len }, name))
            return ghost;
    }
    return NULL;
}

static void drop(struct fuse_server *s, struct fuse_ghost *ghost)
{
    hash_remove(&s->echo.ghosts, &ghost->by_name);
    list_remove(&ghost->link);
    s->echo.n_ghosts--;
    free(ghost);
}

/* The first one counts: those after it have come and gone unseen, or have events of their own. */
void fuse_ghost_add(struct fuse_server *s, const struct fuse_node *dir, struct sv name,
                    uint64_t node)
{
    struct fuse_ghost *ghost;

    if (!dir->watch || find(s, dir->id, name))
        return;
    if (s->echo.n_ghosts == GHOSTS_MAX)
        drop(s, CONTAINER_OF(s->echo.ghost_order.next, struct fuse_ghost, link));
    ghost = mem_alloc(sizeof(*ghost) + name.n);
    ghost->dir = dir->id;
    ghost->node = node;
    ghost->name_len = name.n;
    memcpy(ghost->name, name.p, name.n);
    list_push_back(&s->echo.ghost_order, &ghost->link);
    hash_add(&s->echo.ghosts, &ghost->by_name, key_of(s, dir->id, name));
    s->echo.n_ghosts++;
}

uint64_t fuse_ghost_find(const struct fuse_server *s, uint64_t dir, struct sv name)
{
    const struct fuse_ghost *ghost = s->echo.n_ghosts ? find(s, dir, name) : NULL;

    return ghost ? ghost->node : 0;
}

void fuse_ghost_drop(struct fuse_server *s, uint64_t dir, struct sv name)
{
    struct fuse_ghost *ghost = s->echo.n_ghosts ? find(s, dir, name) : NULL;

    if (ghost)
        drop(s, ghost);
}

void fuse_ghosts_clear(struct fuse_server *s)
{
    while (!list_is_empty(&s->echo.ghost_order))
        drop(s, CONTAINER_OF(s->echo.ghost_order.next, struct fuse_ghost, link));
    hash_done(&s->echo.ghosts);
    s->echo.ghosts = (struct hash){ 0 };
}
