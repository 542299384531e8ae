/* Making, moving, removing and reading names. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "svc/sftp/sftp_priv.h"

#define MODE_DEFAULT 0755

static int remove_name(struct sftp_call *call, int flags)
{
    auto_sftp_place struct sftp_place place = SFTP_PLACE_NONE;
    int rc = sftp_place_find(call->server, call->req->path, &place);

    if (rc < 0)
        return rc;
    return unlinkat(place.dir_fd, place.name, flags) < 0 ? -errno : 0;
}

int sftp_do_remove(struct sftp_call *call)
{
    return remove_name(call, 0);
}

int sftp_do_rmdir(struct sftp_call *call)
{
    return remove_name(call, AT_REMOVEDIR);
}

int sftp_do_mkdir(struct sftp_call *call)
{
    const struct sftp_attrs *attrs = &call->req->attrs;
    mode_t mode = attrs->flags & SFTP_HAS_MODE ? attrs->mode : MODE_DEFAULT;
    auto_sftp_place struct sftp_place place = SFTP_PLACE_NONE;
    int rc = sftp_place_find(call->server, call->req->path, &place);

    if (rc < 0)
        return rc;
    return mkdirat(place.dir_fd, place.name, sftp_host_mode(mode, true)) < 0 ? -errno : 0;
}

static int rename_keeping(const struct sftp_place *from, const struct sftp_place *to)
{
    struct stat st;

    if (renameat2(from->dir_fd, from->name, to->dir_fd, to->name, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL)
        return -errno;
    /* A file system that cannot do it in one step. */
    if (fstatat(to->dir_fd, to->name, &st, AT_SYMLINK_NOFOLLOW) == 0)
        return -EEXIST;
    return renameat(from->dir_fd, from->name, to->dir_fd, to->name) < 0 ? -errno : 0;
}

int sftp_do_rename(struct sftp_call *call)
{
    auto_sftp_place struct sftp_place from = SFTP_PLACE_NONE, to = SFTP_PLACE_NONE;
    int rc = sftp_place_find(call->server, call->req->path, &from);

    if (rc == 0)
        rc = sftp_place_find(call->server, call->req->path2, &to);
    if (rc < 0)
        return rc;
    if (call->req->op == SFTP_RENAME)
        return rename_keeping(&from, &to);
    return renameat(from.dir_fd, from.name, to.dir_fd, to.name) < 0 ? -errno : 0;
}

int sftp_do_hardlink(struct sftp_call *call)
{
    auto_sftp_place struct sftp_place from = SFTP_PLACE_NONE, to = SFTP_PLACE_NONE;
    int rc = sftp_place_find(call->server, call->req->path, &from);

    if (rc == 0)
        rc = sftp_place_find(call->server, call->req->path2, &to);
    if (rc < 0)
        return rc;
    return linkat(from.dir_fd, from.name, to.dir_fd, to.name, 0) < 0 ? -errno : 0;
}

/* The target is the client's business: where it leads is decided there, and when it is followed. */
int sftp_do_symlink(struct sftp_call *call)
{
    auto_mem char *target = sv_dup(call->req->path);
    auto_sftp_place struct sftp_place place = SFTP_PLACE_NONE;
    int rc = sftp_place_find(call->server, call->req->path2, &place);

    if (rc < 0)
        return rc;
    return symlinkat(target, place.dir_fd, place.name) < 0 ? -errno : 0;
}

static void reply_name(struct sftp_call *call, struct sv name)
{
    size_t begun = sftp_begin(call->out, SFTP_REPLY_NAME, call->req->id);

    sftp_put_u32(call->out, 1);
    sftp_put_text(call->out, name);
    sftp_put_text(call->out, name);
    sftp_put_attrs(call->out, &(struct sftp_attrs){ 0 });
    sftp_end(call->out, begun);
}

int sftp_do_readlink(struct sftp_call *call)
{
    auto_fd int fd = sftp_open_node(call->server, call->req->path, false);
    char target[PATH_MAX];
    struct stat st;
    ssize_t n;

    if (fd < 0)
        return fd;
    if (fstat(fd, &st) == 0 && !S_ISLNK(st.st_mode))
        return -EINVAL;
    n = readlinkat(fd, "", target, sizeof(target));
    if (n < 0)
        return -errno;
    reply_name(call, (struct sv){ target, (size_t)n });
    return 0;
}

/* Links are left to the client, so this is about the text alone. */
int sftp_do_realpath(struct sftp_call *call)
{
    auto_mem char *clean = sftp_path_absolute(call->server, call->req->path);

    if (!clean)
        return -ENOENT;
    reply_name(call, sv_of(clean));
    return 0;
}
