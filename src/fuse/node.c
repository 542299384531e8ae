#include <sys/random.h>
#include <unistd.h>

#include "base/mem.h"
#include "fuse/fuse_priv.h"

static uint64_t birth_of(const struct statx *stx)
{
    if (!(stx->stx_mask & STATX_BTIME))
        return 0;
    return (uint64_t)stx->stx_btime.tv_sec * 1000000000 + stx->stx_btime.tv_nsec;
}

static struct fuse_identity identity_of(const struct statx *stx)
{
    return (struct fuse_identity){
        .dev = (uint64_t)stx->stx_dev_major << 32 | stx->stx_dev_minor,
        .ino = stx->stx_ino,
        .birth = birth_of(stx),
        .type = stx->stx_mode & S_IFMT,
    };
}

static bool is_same(const struct fuse_identity *a, const struct fuse_identity *b)
{
    return a->ino == b->ino && a->dev == b->dev && a->birth == b->birth && a->type == b->type;
}

bool fuse_node_is(const struct fuse_node *node, const struct statx *stx)
{
    struct fuse_identity identity = identity_of(stx);

    return is_same(&node->identity, &identity);
}

static uint64_t identity_key(const struct fuse_server *s, const struct fuse_identity *identity)
{
    return hash_u64(identity->ino, hash_u64(identity->dev, s->seed));
}

static uint64_t name_key(const struct fuse_server *s, const struct fuse_node *dir, struct sv name)
{
    return hash_bytes(name, hash_u64(dir->id, s->seed));
}

static void init_node(struct fuse_node *node, uint64_t id)
{
    node->id = id;
    node->dir_fd = -1;
    list_init(&node->links);
    list_init(&node->handles);
}

static void index_node(struct fuse_server *s, struct fuse_node *node)
{
    hash_add(&s->by_id, &node->by_id, hash_u64(node->id, s->seed));
    hash_add(&s->by_identity, &node->by_identity, identity_key(s, &node->identity));
}

void fuse_nodes_init(struct fuse_server *s)
{
    if (getrandom(&s->seed, sizeof(s->seed), 0) != sizeof(s->seed))
        s->seed = (uintptr_t)s;
    list_init(&s->open_dirs);
    init_node(&s->root, FUSE_ROOT_ID);
    s->root.identity = (struct fuse_identity){ .ino = FUSE_ROOT_ID, .type = S_IFDIR };
    s->next_id = FUSE_ROOT_ID + 1;
    index_node(s, &s->root);
}

struct fuse_node *fuse_node_find(struct fuse_server *s, uint64_t id)
{
    struct hash_entry *e = hash_first(&s->by_id, hash_u64(id, s->seed));

    for (; e; e = hash_next(e)) {
        struct fuse_node *node = CONTAINER_OF(e, struct fuse_node, by_id);

        if (node->id == id)
            return node;
    }
    return NULL;
}

static struct fuse_node *find_identity(struct fuse_server *s, const struct fuse_export *export,
                                       const struct fuse_identity *identity)
{
    struct hash_entry *e = hash_first(&s->by_identity, identity_key(s, identity));

    for (; e; e = hash_next(e)) {
        struct fuse_node *node = CONTAINER_OF(e, struct fuse_node, by_identity);

        if (node->export == export && is_same(&node->identity, identity))
            return node;
    }
    return NULL;
}

struct fuse_node *fuse_node_new(struct fuse_server *s, struct fuse_export *export,
                                const struct statx *stx)
{
    struct fuse_node *node;

    if (s->by_id.n >= FUSE_NODES_MAX)
        return NULL;
    node = mem_new(struct fuse_node);
    init_node(node, s->next_id++);
    node->export = export;
    export->n_nodes++;
    node->identity = identity_of(stx);
    index_node(s, node);
    return node;
}

static struct sv name_of(const struct fuse_link *link)
{
    return (struct sv){ link->name, link->name_len };
}

struct fuse_link *fuse_link_find(struct fuse_server *s, const struct fuse_node *dir, struct sv name)
{
    struct hash_entry *e = hash_first(&s->by_name, name_key(s, dir, name));

    for (; e; e = hash_next(e)) {
        struct fuse_link *link = CONTAINER_OF(e, struct fuse_link, by_name);

        if (link->dir == dir && sv_eq(name_of(link), name))
            return link;
    }
    return NULL;
}

static void add_link(struct fuse_server *s, struct fuse_node *dir, struct sv name,
                     struct fuse_node *node)
{
    struct fuse_link *link = mem_alloc(sizeof(*link) + name.n + 1);

    link->dir = dir;
    link->node = node;
    link->name_len = (unsigned)name.n;
    memcpy(link->name, name.p, name.n);
    dir->n_children++;
    list_push_front(&node->links, &link->of_node);
    hash_add(&s->by_name, &link->by_name, name_key(s, dir, name));
}

/* Does not settle what it referred to. */
static void remove_link(struct fuse_server *s, struct fuse_link *link)
{
    hash_remove(&s->by_name, &link->by_name);
    list_remove(&link->of_node);
    link->dir->n_children--;
    free(link);
}

/* Removes the latest name; yields its directory, which the caller settles. */
static struct fuse_node *pop_link(struct fuse_server *s, struct fuse_node *node)
{
    struct fuse_link *link = CONTAINER_OF(node->links.next, struct fuse_link, of_node);
    struct fuse_node *dir = link->dir;

    remove_link(s, link);
    return dir;
}

bool fuse_export_has_name(const struct fuse_export *export)
{
    return export->root_fd >= 0 && !export->is_detached;
}

void fuse_export_unref(struct fuse_server *s, struct fuse_export *export)
{
    if (--export->n_nodes > 0 || fuse_export_has_name(export))
        return;
    if (export->is_detached) {
        close(export->root_fd);
        s->n_detached--;
    }
    list_remove(&export->link);
    free(export->name);
    free(export);
}

static void free_node(struct fuse_server *s, struct fuse_node *node)
{
    struct fuse_export *export = node->export;

    if (export->root == node)
        export->root = NULL;
    free(node);
    fuse_export_unref(s, export);
}

static bool is_lasting(const struct fuse_server *s, const struct fuse_node *node)
{
    return node == &s->root || (node->export->root == node && fuse_export_has_name(node->export));
}

/* The root of a detached export stays for as long as there is any other node. */
static struct fuse_node *root_of_others(const struct fuse_export *export)
{
    return export->is_detached && export->n_nodes > 1 ? export->root : NULL;
}

static bool is_needed(const struct fuse_server *s, const struct fuse_node *node)
{
    return is_lasting(s, node) || node->n_lookups > 0 || node->n_children > 0 ||
           !list_is_empty(&node->handles) || root_of_others(node->export) == node;
}

void fuse_node_settle(struct fuse_server *s, struct fuse_node *node)
{
    while (!is_needed(s, node)) {
        struct fuse_node *dir = NULL;

        fuse_watch_end(s, node);
        /* Directories of other names are settled here, that of the last by the next round. */
        while (!list_is_empty(&node->links)) {
            struct fuse_node *above = pop_link(s, node);

            if (dir)
                fuse_node_settle(s, dir);
            dir = above;
        }
        if (!dir)
            dir = root_of_others(node->export); /* this may have been the last other one */
        fuse_dir_close(s, node);
        hash_remove(&s->by_id, &node->by_id);
        hash_remove(&s->by_identity, &node->by_identity);
        free_node(s, node);
        if (!dir)
            return;
        node = dir;
    }
}

static void lose_links(struct fuse_server *s, struct fuse_node *node)
{
    while (!list_is_empty(&node->links)) {
        const struct fuse_link *link = CONTAINER_OF(node->links.next, struct fuse_link, of_node);

        fuse_ghost_add(s, link->dir, name_of(link), node->id);
        fuse_node_settle(s, pop_link(s, node));
    }
}

struct fuse_node *fuse_node_enter(struct fuse_server *s, struct fuse_node *dir, struct sv name,
                                  const struct statx *stx)
{
    struct fuse_identity identity = identity_of(stx);
    struct fuse_link *link = fuse_link_find(s, dir, name);
    struct fuse_node *node;

    if (link && is_same(&link->node->identity, &identity)) {
        list_remove(&link->of_node);
        list_push_front(&link->node->links, &link->of_node);
        return link->node;
    }
    node = find_identity(s, dir->export, &identity);
    if (!node && !(node = fuse_node_new(s, dir->export, stx)))
        return NULL;
    node->n_lookups++; /* while names are dropped */
    fuse_link_lost(s, dir, name);
    if (S_ISDIR(identity.type))
        lose_links(s, node); /* it was moved: directories have one name */
    add_link(s, dir, name, node);
    node->n_lookups--;
    return node;
}

void fuse_link_lost(struct fuse_server *s, struct fuse_node *dir, struct sv name)
{
    const struct fuse_link *link = fuse_link_find(s, dir, name);

    if (!link)
        return;
    fuse_ghost_add(s, dir, name, link->node->id);
    fuse_link_drop(s, dir, name);
}

void fuse_link_drop(struct fuse_server *s, struct fuse_node *dir, struct sv name)
{
    struct fuse_link *link = fuse_link_find(s, dir, name);
    struct fuse_node *node;

    if (!link)
        return;
    node = link->node;
    remove_link(s, link);
    fuse_node_settle(s, node);
}

void fuse_link_move(struct fuse_server *s, struct fuse_node *dir, struct sv name,
                    struct fuse_node *dir2, struct sv name2, bool exchange)
{
    struct fuse_link *from = fuse_link_find(s, dir, name), *to = fuse_link_find(s, dir2, name2);
    struct fuse_node *moved = from ? from->node : NULL, *over = to ? to->node : NULL;

    if (moved)
        moved->n_lookups++;
    if (over)
        over->n_lookups++;
    if (from)
        remove_link(s, from);
    if (to && to != from)
        remove_link(s, to);
    if (moved)
        add_link(s, dir2, name2, moved);
    if (over && exchange)
        add_link(s, dir, name, over);
    if (moved)
        fuse_node_forget(s, moved->id, 1);
    if (over)
        fuse_node_forget(s, over->id, 1);
}

void fuse_node_forget(struct fuse_server *s, uint64_t id, uint64_t n_lookups)
{
    struct fuse_node *node = fuse_node_find(s, id);

    if (!node || node == &s->root)
        return;
    node->n_lookups -= n_lookups < node->n_lookups ? n_lookups : node->n_lookups;
    fuse_node_settle(s, node);
}

/* Frees every node but the lasting ones: the root and those of exports. */
void fuse_nodes_clear(struct fuse_server *s)
{
    struct hash names = s->by_name, nodes = s->by_id;

    for (size_t i = 0; i < s->handles.n; i++)
        if (s->handles.v[i])
            fuse_handle_free(s, s->handles.v[i]);
    s->by_name = s->by_id = (struct hash){ 0 };
    hash_done(&s->by_identity);
    for (size_t i = 0; i < names.n_slots; i++)
        for (struct hash_entry *e = names.slots[i], *next; e; e = next) {
            next = e->next;
            free(CONTAINER_OF(e, struct fuse_link, by_name));
        }
    for (size_t i = 0; i < nodes.n_slots; i++)
        for (struct hash_entry *e = nodes.slots[i], *next; e; e = next) {
            struct fuse_node *node = CONTAINER_OF(e, struct fuse_node, by_id);

            next = e->next;
            fuse_dir_close(s, node);
            node->n_lookups = 0;
            node->n_children = 0;
            list_init(&node->links);
            if (is_lasting(s, node))
                index_node(s, node);
            else
                free_node(s, node);
        }
    hash_done(&names);
    hash_done(&nodes);
}
