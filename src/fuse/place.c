#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "fuse/fuse_priv.h"
#include "sys/beneath.h"

/* Beyond this the names lead in a circle: directories were moved on the host. */
enum { DEPTH_MAX = 65536 };

/* A directory is found by its name again after this time: it may have been moved, even out of the
 * export, and a descriptor goes with it. */
enum { DIR_FRESH_MS = 1000 };

int fuse_statx(int dir_fd, const char *name, struct statx *out)
{
    int flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | (*name ? 0 : AT_EMPTY_PATH);

    return statx(dir_fd, name, flags, STATX_BASIC_STATS | STATX_BTIME, out) < 0 ? -errno : 0;
}

int fuse_open_beneath(int dir_fd, const char *name, int flags, mode_t mode)
{
    return beneath_open(dir_fd, name, flags | O_NOFOLLOW, mode, BENEATH_NO_LINKS);
}

void fuse_dir_close(struct fuse_server *s, struct fuse_node *dir)
{
    if (dir->dir_fd < 0)
        return;
    if (dir->recent.next) {
        list_remove(&dir->recent);
        s->n_open_dirs--;
    }
    close(dir->dir_fd);
    dir->dir_fd = -1;
}

/* Notes the use; an export's own descriptor is not counted. */
static int use_dir(struct fuse_server *s, struct fuse_node *dir)
{
    if (dir->export->root == dir)
        return dir->export->root_fd >= 0 ? dir->export->root_fd : -ESTALE;
    list_remove(&dir->recent);
    list_push_front(&s->open_dirs, &dir->recent);
    return dir->dir_fd;
}

static void keep_dir(struct fuse_server *s, struct fuse_node *dir, int take_fd)
{
    dir->dir_fd = take_fd;
    dir->opened_ms = s->now_ms;
    list_push_front(&s->open_dirs, &dir->recent);
    if (++s->n_open_dirs > FUSE_DIRS_OPEN_MAX)
        fuse_dir_close(s, CONTAINER_OF(s->open_dirs.prev, struct fuse_node, recent));
}

static struct fuse_link *latest_link(const struct fuse_node *node)
{
    return list_is_empty(&node->links) ? NULL
                                       : CONTAINER_OF(node->links.next, struct fuse_link, of_node);
}

static int open_dir(int above_fd, const struct fuse_link *link)
{
    int fd = fuse_open_beneath(above_fd, link->name, O_PATH | O_DIRECTORY, 0);
    struct statx stx;

    if (fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP)
        return -ESTALE;
    if (fd < 0)
        return fd;
    if (fuse_statx(fd, "", &stx) < 0 || !fuse_node_is(link->node, &stx)) {
        close(fd);
        return -ESTALE;
    }
    return fd;
}

static bool is_open(const struct fuse_node *dir)
{
    return dir->dir_fd >= 0 || dir->export->root == dir;
}

/* Within one request a directory does not become stale: its descriptor may be in use. */
static void close_stale(struct fuse_server *s, struct fuse_node *dir)
{
    if (dir->dir_fd >= 0 && s->now_ms - dir->opened_ms > DIR_FRESH_MS)
        fuse_dir_close(s, dir);
}

int fuse_dir_fd(struct fuse_server *s, struct fuse_node *dir)
{
    VEC(struct fuse_link *) path = { 0 };
    struct fuse_node *above = dir;
    auto_fd int between = -1;
    int fd;

    if (!dir->export || !S_ISDIR(dir->identity.type))
        return -ENOTDIR;
    close_stale(s, above);
    while (!is_open(above) && path.n < DEPTH_MAX) {
        struct fuse_link *link = latest_link(above);

        if (!link)
            break;
        *vec_push(&path) = link;
        above = link->dir;
        close_stale(s, above);
    }
    fd = is_open(above) ? use_dir(s, above) : -ESTALE;
    for (size_t i = path.n; i-- > 0 && fd >= 0;) {
        fd = open_dir(fd, path.v[i]);
        if (between >= 0)
            close(between);
        between = fd >= 0 ? fd : -1;
    }
    if (fd >= 0 && path.n > 0) {
        keep_dir(s, dir, fd);
        between = -1;
    }
    vec_done(&path);
    return fd;
}

/* An open file of the node serves when no name does. */
static int find_handle(const struct fuse_node *node, struct fuse_place *out)
{
    const struct fuse_handle *handle;

    if (list_is_empty(&node->handles))
        return -ESTALE;
    handle = CONTAINER_OF(node->handles.next, struct fuse_handle, of_node);
    *out = (struct fuse_place){ .dir_fd = -1, .fd = handle->fd, .name = "" };
    return fuse_statx(handle->fd, "", &out->stx);
}

static int find_dir(struct fuse_server *s, struct fuse_node *node, struct fuse_place *out)
{
    int fd = fuse_dir_fd(s, node);

    if (fd < 0)
        return fd;
    *out = (struct fuse_place){ .dir_fd = fd, .fd = -1, .name = "." };
    return fuse_statx(fd, ".", &out->stx);
}

int fuse_place_find(struct fuse_server *s, struct fuse_node *node, struct fuse_place *out)
{
    if (node->export->root_fd < 0)
        return -ESTALE;
    if (is_open(node))
        return find_dir(s, node, out);
    list_for_each (link, &node->links, struct fuse_link, of_node) {
        int dir_fd = fuse_dir_fd(s, link->dir);

        if (dir_fd < 0 || fuse_statx(dir_fd, link->name, &out->stx) < 0 ||
            !fuse_node_is(node, &out->stx))
            continue;
        out->dir_fd = dir_fd;
        out->fd = -1;
        out->name = link->name;
        return 0;
    }
    return find_handle(node, out);
}

int fuse_place_open(const struct fuse_place *place, int flags)
{
    struct statx stx;
    int fd;

    if (place->fd >= 0)
        return -ESTALE; /* a file without a name cannot be opened again */
    fd = fuse_open_beneath(place->dir_fd, place->name, flags | O_NONBLOCK, 0);
    if (fd < 0)
        return fd == -ENOENT || fd == -ELOOP ? -ESTALE : fd;
    if (fuse_statx(fd, "", &stx) == 0 && stx.stx_ino == place->stx.stx_ino &&
        stx.stx_dev_major == place->stx.stx_dev_major &&
        stx.stx_dev_minor == place->stx.stx_dev_minor)
        return fd;
    close(fd);
    return -ESTALE;
}
