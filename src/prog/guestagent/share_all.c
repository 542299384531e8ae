#include "prog/guestagent/share_all.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/path.h"
#include "prog/guestagent/mount_points.h"
#include "prog/guestagent/mountinfo.h"
#include "prog/guestagent/mounts.h"
#include "sys/dir.h"
#include "sys/file.h"
#include "sys/lock.h"
#include "wire/guest.h"

#define READ_AHEAD_KIB "512"

/* ---- the whole ---- */

static bool can_be_handed_over(void)
{
    auto_fd int fd = open_tree(-1, "", OPEN_TREE_CLOEXEC);

    return fd >= 0 || errno != ENOSYS;
}

/* -1: it is mounted in the namespace of the guest. */
static int namespace_for_all(void)
{
    auto_err struct err *err = NULL;
    int fd = share_ns_find();

    if (fd < 0 && can_be_handed_over() && !mounts_is_mount_point(SHARE_ALL_DIR) &&
        !share_ns_make(&fd, &err))
        log_warn("The host's folders are mounted in " SHARE_ALL_DIR ", too: %s", err_text(err));
    return fd;
}

static bool fail_to_mount(int errnum, struct err **errp)
{
    if (errnum == ENODEV) {
        (void)err_set(errp, ERR_UNSUPPORTED, "the kernel of this guest has no virtiofs");
        return err_hint(errp, "choose another mountType, or another image");
    }
    if (errnum == EINVAL) {
        (void)err_set(errp, ERR_UNSUPPORTED, "this machine has no file system device");
        return err_hint(errp, "install a QEMU that has the device vhost-user-fs-pci");
    }
    return err_set_os(errp, errnum, "cannot mount the file system of the host's folders");
}

/* The host plugs the device in before it asks for a mount; nobody tells when the kernel is done
 * with it. */
static bool mount_all(bool waits, bool *out_new, struct err **errp)
{
    unsigned times = 0;

    *out_new = false;
    mounts_detach_stale(SHARE_ALL_DIR);
    if (!dir_make_all(SHARE_ALL_DIR, 0700, errp))
        return false;
    if (mounts_is_mount_point(SHARE_ALL_DIR))
        return true;
    while (mount(GUEST_FS_TAG, SHARE_ALL_DIR, "virtiofs", SHARE_FLAGS, NULL) < 0)
        if (errno != EINVAL || !waits || !mounts_look_again(&times))
            return fail_to_mount(errno, errp);
    *out_new = true;
    return true;
}

/* Linux reads 128 KiB ahead. Here each request takes a while, whatever it asks for: a large file is
 * read a quarter faster in larger pieces. The folders share the setting of the whole. */
static void read_farther_ahead(int all_fd)
{
    auto_mem char *path = NULL;
    auto_err struct err *err = NULL;
    auto_fd int fd = -1;
    struct stat st;

    /* Also waits until the kernel and the host have agreed on it. */
    if (fstat(all_fd, &st) < 0)
        return;
    path = mem_printf("/sys/class/bdi/%u:%u/read_ahead_kb", major(st.st_dev), minor(st.st_dev));
    fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        log_debug("Cannot open %s: %s", path, strerror(errno));
    else if (!file_write_fd(fd, path, SV(READ_AHEAD_KIB), &err))
        log_debug("%s", err_text(err));
}

/* While some folder is mounted, but the whole no longer, Linux takes that for the file system of
 * the device. The whole alone has no size. */
static bool is_whole(int fd, struct err **errp)
{
    struct statfs fs;
    struct stat st;

    if (fstat(fd, &st) < 0 || fstatfs(fd, &fs) < 0)
        return err_set_os(errp, errno, "cannot look at the host's folders");
    if (st.st_ino == FUSE_ROOT_ID && fs.f_blocks == 0)
        return true;
    (void)err_set(errp, ERR_BUSY, "somebody has unmounted what the guest agent had mounted");
    return err_hint(errp, "unmount the host's folders in the guest, or restart it");
}

static bool open_all(struct share_all *all, bool waits, struct err **errp)
{
    auto_share_visit struct share_visit v = SHARE_VISIT_NONE;
    bool ok, is_new;

    if (!share_ns_go(all->ns_fd, &v, errp))
        return false;
    ok = mount_all(waits, &is_new, errp);
    if (ok) {
        all->fd = open(SHARE_ALL_DIR, O_PATH | O_DIRECTORY | O_CLOEXEC);
        ok = all->fd >= 0 ? is_whole(all->fd, errp)
                          : err_set_os(errp, errno, "cannot open " SHARE_ALL_DIR);
    }
    if (!ok && is_new)
        (void)umount2(SHARE_ALL_DIR, MNT_DETACH | UMOUNT_NOFOLLOW);
    share_ns_come_back(&v);
    if (ok && is_new)
        read_farther_ahead(all->fd);
    return ok;
}

/* The process that repeats changes, and one that mounts a folder, do this at the same time when the
 * host has replaced the device. */
bool share_all_open(struct share_all *out, bool waits, struct err **errp)
{
    auto_fd int lock = -1;

    *out = SHARE_ALL_NONE;
    if (!dir_make_all(SHARE_PRIVATE_DIR, 0711, errp) ||
        !lock_dir(SHARE_PRIVATE_DIR, LOCK_WAIT, &lock, errp))
        return false;
    out->ns_fd = namespace_for_all();
    if (open_all(out, waits, errp))
        return true;
    share_all_close(out);
    return false;
}

void share_all_close(struct share_all *all)
{
    if (all->fd >= 0)
        (void)close(all->fd);
    if (all->ns_fd >= 0)
        (void)close(all->ns_fd);
    *all = SHARE_ALL_NONE;
}

/* ---- what is in it ---- */

/* A mount that is attached nowhere yet. */
static bool clone_mount(const struct share_all *all, const char *name, int *out_fd,
                        struct err **errp)
{
    auto_share_visit struct share_visit v = SHARE_VISIT_NONE;
    auto_fd int fd = -1;
    int errnum;

    if (!share_ns_go(all->ns_fd, &v, errp))
        return false;
    fd = open_tree(all->fd, name, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    errnum = errno;
    share_ns_come_back(&v);
    if (fd < 0)
        return err_set_os(errp, errnum, "cannot mount the folder");
    *out_fd = MOVE_FD(fd);
    return true;
}

bool share_all_bind(const struct share_all *all, const char *name, const char *mount_point,
                    struct err **errp)
{
    auto_mem char *source = path_join(SHARE_ALL_DIR, name);
    auto_fd int fd = -1;
    int rc;

    if (all->ns_fd < 0) {
        rc = mount(source, mount_point, NULL, MS_BIND, NULL);
    } else {
        if (!clone_mount(all, name, &fd, errp))
            return false;
        rc = move_mount(fd, "", AT_FDCWD, mount_point,
                        MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_SYMLINKS);
    }
    return rc == 0 || err_set_os(errp, errno, "cannot mount the folder");
}

/* -1: it is not mounted, or cannot be reached. */
static int find_all(int ns_fd)
{
    auto_share_visit struct share_visit v = SHARE_VISIT_NONE;
    auto_err struct err *err = NULL;
    int fd;

    if (!share_ns_go(ns_fd, &v, &err)) {
        log_warn("%s", err_text(err));
        return -1;
    }
    fd = open(SHARE_ALL_DIR, O_PATH | O_DIRECTORY | O_CLOEXEC);
    share_ns_come_back(&v);
    return fd;
}

/* False: nothing is mounted there. */
static bool unmount_there(int ns_fd, const char *export)
{
    auto_mem char *path = path_join(SHARE_ALL_DIR, export);
    auto_share_visit struct share_visit v = SHARE_VISIT_NONE;
    bool is_mounted = true;

    if (share_ns_go(ns_fd, &v, NULL)) {
        is_mounted = umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) == 0 || errno != EINVAL;
        share_ns_come_back(&v);
    }
    return is_mounted;
}

bool share_all_drop(const char *export)
{
    auto_mem char *request = mem_printf(GUEST_FS_DROP_PREFIX "%s", export);
    auto_fd int ns_fd = share_ns_find();
    auto_fd int all_fd = find_all(ns_fd);
    bool is_apart = ns_fd >= 0;
    struct stat st;

    /* When a name turns out to be gone the kernel also unmounts whatever is mounted below, wherever
     * that is seen. So the name is not even looked up then, unless the mount there may be our own.
     */
    if (all_fd < 0 || (!is_apart && unmount_there(ns_fd, export)) ||
        mount_points_below(all_fd, export, SHARE_ALL_DIR) ||
        (is_apart && unmount_there(ns_fd, export)))
        return false;
    (void)!fstatat(all_fd, request, &st, 0);
    (void)!fstatat(all_fd, export, &st, 0);
    return true;
}

static bool mountinfo_there(int ns_fd, struct sb *out, struct err **errp)
{
    auto_share_visit struct share_visit v = SHARE_VISIT_NONE;
    bool ok;

    if (!share_ns_go(ns_fd, &v, errp))
        return false;
    ok = mountinfo_read_at(v.process_fd, out, errp);
    share_ns_come_back(&v);
    return ok;
}

bool share_all_mountinfo(struct sb *out, struct err **errp)
{
    auto_fd int ns_fd = share_ns_find();

    return (ns_fd < 0 || mountinfo_there(ns_fd, out, errp)) && mountinfo_read("self", out, errp);
}
