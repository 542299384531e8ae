/*
 * Extended attributes of the "user." name space. Others mean something to the host's kernel, and
 * are neither shown nor set; our own is hidden.
 */
#include <errno.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/mem.h"
#include "fuse/fuse_priv.h"

/* Of a value, and of a list of names (Linux: XATTR_SIZE_MAX, XATTR_LIST_MAX). */
enum { VALUE_LEN_MAX = 65536 };

static bool is_user(const char *name)
{
    return strncmp(name, "user.", 5) == 0 && name[5] && !fuse_attr_is_owner_xattr(name);
}

/* There is no /proc, and no call for attributes by directory and name before Linux 6.13: so the
 * working directory is where the name is. */
static int enter(struct fuse_call *call, struct fuse_place *place)
{
    int rc;

    if (!call->node->export)
        return -EOPNOTSUPP;
    rc = fuse_place_find(call->server, call->node, place);
    if (rc < 0 || place->fd >= 0)
        return rc;
    return fchdir(place->dir_fd) < 0 ? -errno : 0;
}

static int check(struct fuse_call *call, struct fuse_place *place)
{
    return is_user(call->req.name.p) ? enter(call, place) : -EOPNOTSUPP;
}

int fuse_do_setxattr(struct fuse_call *call)
{
    const char *name = call->req.name.p;
    struct sv value = call->req.data;
    int flags = (int)call->req.arg.setxattr.flags;
    struct fuse_place place;
    int rc = check(call, &place);

    if (rc < 0)
        return rc;
    rc = place.fd >= 0 ? fsetxattr(place.fd, name, value.p, value.n, flags)
                       : lsetxattr(place.name, name, value.p, value.n, flags);
    return rc < 0 ? -errno : 0;
}

int fuse_do_removexattr(struct fuse_call *call)
{
    const char *name = call->req.name.p;
    struct fuse_place place;
    int rc = check(call, &place);

    if (rc < 0)
        return rc;
    rc = place.fd >= 0 ? fremovexattr(place.fd, name) : lremovexattr(place.name, name);
    return rc < 0 ? -errno : 0;
}

/* Answers with a size, or with the bytes. */
static int reply_value(struct fuse_call *call, const char *bytes, size_t n)
{
    uint32_t size = call->req.arg.getxattr.size;
    struct fuse_getxattr_out out = { .size = (uint32_t)n };

    if (size == 0)
        fuse_reply(call, &out, sizeof(out));
    else if (n > size)
        return -ERANGE;
    else
        fuse_reply(call, bytes, n);
    return 0;
}

int fuse_do_getxattr(struct fuse_call *call)
{
    const char *name = call->req.name.p;
    auto_mem char *value = NULL;
    struct fuse_place place;
    int rc = check(call, &place);
    ssize_t n;

    if (rc < 0)
        return rc; /* nearly always: Linux asks for security.capability before it writes */
    value = mem_alloc(VALUE_LEN_MAX);
    n = place.fd >= 0 ? fgetxattr(place.fd, name, value, VALUE_LEN_MAX)
                      : lgetxattr(place.name, name, value, VALUE_LEN_MAX);
    return n < 0 ? -errno : reply_value(call, value, (size_t)n);
}

int fuse_do_listxattr(struct fuse_call *call)
{
    auto_mem char *list = mem_alloc(VALUE_LEN_MAX);
    struct fuse_place place;
    int rc = enter(call, &place);
    size_t kept = 0;
    ssize_t n;

    if (rc < 0)
        return rc;
    n = place.fd >= 0 ? flistxattr(place.fd, list, VALUE_LEN_MAX)
                      : llistxattr(place.name, list, VALUE_LEN_MAX);
    if (n < 0)
        return -errno;
    for (size_t i = 0, len; i < (size_t)n; i += len) {
        len = strlen(list + i) + 1;
        if (!is_user(list + i))
            continue;
        memmove(list + kept, list + i, len);
        kept += len;
    }
    return reply_value(call, list, kept);
}
