/*
 * Events were lost, or there was no agent: what the guest was told is compared with what there is.
 * Names that it does not know are told of only in directories that have changed since; there a name
 * may be told of twice.
 */
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "fuse/fuse_priv.h"

static void queue(struct fuse_server *s, enum echo_type type, enum echo_kind kind,
                  const struct fuse_node *dir, const char *name)
{
    fuse_echo_queue(s, fuse_change_new(&(struct fuse_change){
                           .type = type, .kind = kind, .dir = dir->id, .name = (char *)name }));
}

static void compare_link(struct fuse_server *s, const struct fuse_link *link)
{
    const struct fuse_node *node = link->node;
    int dir_fd = fuse_dir_fd(s, link->dir), rc;
    struct statx stx;

    if (dir_fd < 0)
        return; /* then the directory is told of */
    rc = fuse_statx(dir_fd, link->name, &stx);
    if (rc < 0 || !fuse_node_is(node, &stx)) {
        queue(s, ECHO_REMOVE, fuse_echo_kind(node->identity.type), link->dir, link->name);
        if (rc == 0)
            queue(s, ECHO_MAKE, fuse_echo_kind(stx.stx_mode), link->dir, link->name);
    } else if (node->told_ns && node->told_ns != fuse_attr_changed_ns(&stx)) {
        queue(s, S_ISREG(stx.stx_mode) ? ECHO_MODIFY : ECHO_ATTRIB, fuse_echo_kind(stx.stx_mode),
              link->dir, link->name);
    }
}

/* Was it made, or moved there, since the guest was told of the directory? */
static bool is_new(int dir_fd, const char *name, int64_t since_ns, struct statx *out)
{
    return fuse_statx(dir_fd, name, out) == 0 && fuse_attr_changed_ns(out) >= since_ns;
}

/* Names that the guest does not know. */
static void list_unknown(struct fuse_server *s, const struct fuse_node *dir, int take_fd)
{
    DIR *stream = fdopendir(take_fd);
    struct statx stx;

    if (!stream) {
        (void)close(take_fd);
        return;
    }
    for (const struct dirent *e; (e = readdir(stream));)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
            !fuse_link_find(s, dir, sv_of(e->d_name)) &&
            is_new(dirfd(stream), e->d_name, dir->told_ns, &stx))
            queue(s, ECHO_MAKE, fuse_echo_kind(stx.stx_mode), dir, e->d_name);
    (void)closedir(stream);
}

static void compare_dir(struct fuse_server *s, struct fuse_node *dir)
{
    int dir_fd = fuse_dir_fd(s, dir), fd;
    struct statx stx;

    if (dir_fd < 0 || fuse_statx(dir_fd, "", &stx) < 0 || !dir->told_ns ||
        dir->told_ns == fuse_attr_changed_ns(&stx))
        return;
    fd = fuse_open_beneath(dir_fd, ".", O_RDONLY | O_DIRECTORY, 0);
    if (fd >= 0)
        list_unknown(s, dir, fd);
    dir->told_ns = fuse_attr_changed_ns(&stx);
}

void fuse_echo_compare(struct fuse_server *s)
{
    for (size_t i = 0; i < s->by_name.n_slots; i++)
        for (struct hash_entry *e = s->by_name.slots[i]; e; e = e->next) {
            const struct fuse_link *link = CONTAINER_OF(e, struct fuse_link, by_name);

            if (link->dir->watch)
                compare_link(s, link);
        }
    for (size_t i = 0; i < s->by_id.n_slots; i++)
        for (struct hash_entry *e = s->by_id.slots[i]; e; e = e->next) {
            struct fuse_node *node = CONTAINER_OF(e, struct fuse_node, by_id);

            if (node->watch)
                compare_dir(s, node);
        }
}
