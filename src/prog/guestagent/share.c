#include "prog/guestagent/share.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/path.h"
#include "prog/guestagent/holders.h"
#include "prog/guestagent/mounts.h"
#include "prog/guestagent/share_all.h"
#include "prog/guestagent/share_place.h"
#include "sys/dir.h"
#include "sys/proc.h"

enum { INNER_NAMED_MAX = 5, DROP_AGAIN_S = 2 };

/* The host exports folders while the guest boots, which takes much longer. */
static bool wait_for(const struct share_all *all, const char *name, struct stat *out,
                     struct err **errp)
{
    unsigned times = 0;

    while (fstatat(all->fd, name, out, 0) < 0) {
        if (errno != ENOENT)
            return err_set_os(errp, errno, "cannot look at the folder");
        if (!mounts_look_again(&times))
            return err_set(errp, ERR_NOT_FOUND, "the host does not offer the folder");
    }
    return true;
}

static bool bind(const struct share_all *all, const struct share *share, struct err **errp)
{
    unsigned long flags = MS_REMOUNT | MS_BIND | SHARE_FLAGS | (share->read_only ? MS_RDONLY : 0);

    if (!share_all_bind(all, share->name, share->mount_point, errp))
        return false;
    if (mount(NULL, share->mount_point, NULL, flags, NULL) == 0)
        return true;
    (void)err_set_os(errp, errno, "cannot set the flags of the mount");
    (void)umount2(share->mount_point, MNT_DETACH | UMOUNT_NOFOLLOW);
    return false;
}

static bool make_mount_point(const char *path, bool is_dir, struct err **errp)
{
    auto_mem char *dir = path_dir(path);
    auto_fd int fd = -1;

    if (is_dir)
        return dir_make_all(path, 0755, errp);
    if (!dir_make_all(dir, 0755, errp))
        return false;
    fd = open(path, O_RDONLY | O_CREAT | O_NONBLOCK | O_CLOEXEC, 0644);
    return fd >= 0 || err_set_os(errp, errno, "cannot make %s", path);
}

/* Maybe below something that the guest has mounted over it since. */
static bool is_mounted(const struct share *share, const struct stat *wanted)
{
    struct share_place place;
    struct stat is;
    bool is_there;

    if (stat(share->mount_point, &is) == 0 && is.st_dev == wanted->st_dev &&
        is.st_ino == wanted->st_ino)
        return true;
    share_place_look(share->mount_point, share->name, &place);
    is_there = place.state != SHARE_GONE && place.device == wanted->st_dev;
    share_place_done(&place);
    return is_there;
}

static bool mount_export(const struct share *share, struct err **errp)
{
    auto_share_all struct share_all all = SHARE_ALL_NONE;
    struct stat wanted;

    mounts_detach_stale(share->mount_point);
    if (!share_all_open(&all, share->waits, errp) || !wait_for(&all, share->name, &wanted, errp) ||
        !make_mount_point(share->mount_point, S_ISDIR(wanted.st_mode), errp))
        return false;
    return is_mounted(share, &wanted) || bind(&all, share, errp);
}

static bool fail_in_use(const char *mount_point, struct err **errp)
{
    auto_sb struct sb who = { 0 };
    struct stat st;

    if (stat(mount_point, &st) == 0)
        holders_list(st.st_dev, &who);
    return err_set(errp, ERR_BUSY, "%s is in use%s%s", mount_point, who.n ? " by " : "",
                   sb_str(&who));
}

static bool fail_to_mount_9p(int errnum, const struct share *share, struct err **errp)
{
    if (errnum == ENODEV || errnum == EPROTONOSUPPORT || errnum == EINVAL) {
        (void)err_set(errp, ERR_UNSUPPORTED,
                      "the kernel of this guest has no 9p over virtio, or not "
                      "with the options %s",
                      share->options_9p);
        return err_hint(errp,
                        "set mountType to virtiofs or reverse-sshfs, or choose another image");
    }
    if (errnum == ENOENT)
        return err_set(errp, ERR_NOT_FOUND, "the host does not offer the folder");
    return err_set_os(errp, errnum, "cannot mount the folder");
}

static bool mount_9p(const struct share *share, struct err **errp)
{
    auto_cmd struct cmd load = { .in = CMD_TO_NULL, .out = CMD_TO_NULL, .err = CMD_TO_NULL };
    unsigned long flags = SHARE_FLAGS | (share->read_only ? MS_RDONLY : 0);
    auto_cmd_result struct cmd_result result = { 0 };
    unsigned times = 0;

    if (!dir_make_all(share->mount_point, 0755, errp))
        return false;
    if (mounts_is_mount_point(share->mount_point))
        return true;
    /* Kernels before 5.17 do not load it themselves. It may as well be built in. */
    strv_push_list(&load.argv, "modprobe", "-q", "9pnet_virtio", NULL);
    if (!cmd_run(&load, &result, NULL))
        log_debug("modprobe cannot be run");
    while (mount(share->name, share->mount_point, "9p", flags, share->options_9p) < 0)
        if (errno != ENOENT || !share->waits || !mounts_look_again(&times))
            return fail_to_mount_9p(errno, share, errp);
    return true;
}

bool share_mount(const struct share *share, struct err **errp)
{
    return share->options_9p[0] ? mount_9p(share, errp) : mount_export(share, errp);
}

static bool fail_with_inner(const char *point, const struct strv *inner, struct err **errp)
{
    auto_sb struct sb names = { 0 };

    for (size_t i = 0; i < inner->n && i < INNER_NAMED_MAX; i++)
        sb_putf(&names, "%s%s", i ? ", " : "", inner->v[i]);
    (void)err_set(errp, ERR_BUSY, "%s is in use: %s %s mounted in it", point, sb_str(&names),
                  inner->n > 1 ? "are" : "is");
    return err_hint(errp, inner->n > 1 ? "remove those first" : "remove that first");
}

static bool unmount_one(const char *point, bool lazy, struct err **errp)
{
    if (umount2(point, UMOUNT_NOFOLLOW | (lazy ? MNT_DETACH : 0)) == 0)
        return true;
    if (errno == EBUSY)
        return fail_in_use(point, errp);
    return errno == EINVAL || errno == ENOENT ||
           err_set_os(errp, errno, "cannot unmount %s", point);
}

static bool unmount_at(const struct share_place *place, bool lazy, struct err **errp)
{
    if (place->state == SHARE_COVERED) {
        (void)err_set(errp, ERR_BUSY, "something else is mounted over it%s%s",
                      place->point ? ", on " : "", place->point ? place->point : "");
        return err_hint(errp, "unmount that in the guest first");
    }
    if (place->state == SHARE_GONE)
        return true;
    if (lazy)
        return unmount_one(place->point, true, errp);
    if (place->inner.n > 0)
        return fail_with_inner(place->point, &place->inner, errp);
    for (size_t i = 0; i < place->submounts.n; i++)
        if (!unmount_one(place->submounts.v[i], false, errp))
            return false;
    return unmount_one(place->point, false, errp);
}

/* What is in use now the kernel drops with its last user, but not what that looked up less than a
 * second before: such names are believed still (fuse/fuse_priv.h). So it is asked again. */
static void drop_again_later(const char *export)
{
    const struct timespec pause = { .tv_sec = DROP_AGAIN_S };
    pid_t pid = fork();

    if (pid < 0)
        log_warn("Cannot wait for the last users of %s: %s", export, strerror(errno));
    if (pid != 0)
        return;
    (void)close(STDOUT_FILENO); /* the one who waits for this process waits for its end */
    (void)nanosleep(&pause, NULL);
    (void)share_all_drop(export);
    _exit(EXIT_SUCCESS);
}

bool share_unmount(const struct share *share, bool lazy, struct err **errp)
{
    struct sv rest = sv_of(share->name), export;
    auto_mem char *name = NULL;
    struct share_place place;
    bool ok;

    share_place_look(share->mount_point, share->name, &place);
    ok = unmount_at(&place, lazy, errp);
    share_place_done(&place);
    if (!ok)
        return false;
    sv_next(&rest, '/', &export);
    name = sv_dup(export);
    if (share_all_drop(name) && lazy)
        drop_again_later(name);
    return true;
}
