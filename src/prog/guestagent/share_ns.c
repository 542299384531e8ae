#include "prog/guestagent/share_ns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "sys/dir.h"
#include "sys/file.h"

/* A file system of its own: the namespace cannot be held where mounts are passed on to others. `df`
 * leaves it out, as it has no size, and may look at it for anybody. */
#define NAMESPACE_DIR  SHARE_PRIVATE_DIR "/namespace"
#define NAMESPACE_FILE NAMESPACE_DIR "/mnt"
#define RAMFS_FLAGS    (MS_NOSUID | MS_NODEV | MS_NOEXEC)

/* ---- there and back ---- */

void share_visit_done(struct share_visit *v)
{
    if (v->home_fd >= 0)
        (void)close(v->home_fd);
    if (v->process_fd >= 0)
        (void)close(v->process_fd);
    *v = SHARE_VISIT_NONE;
}

static bool prepare(struct share_visit *v, struct err **errp)
{
    v->home_fd = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
    v->process_fd = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
    return (v->home_fd >= 0 && v->process_fd >= 0) ||
           err_set_os(errp, errno, "cannot open the mount namespace of this process");
}

bool share_ns_go(int ns_fd, struct share_visit *v, struct err **errp)
{
    if (ns_fd < 0)
        return true;
    return prepare(v, errp) &&
           (setns(ns_fd, CLONE_NEWNS) == 0 ||
            err_set_os(errp, errno, "cannot enter the mount namespace of the host's folders"));
}

void share_ns_come_back(const struct share_visit *v)
{
    if (v->home_fd < 0 || setns(v->home_fd, CLONE_NEWNS) == 0)
        return;
    /* Where the guest is not, nothing that this process does would be right. */
    log_error("Cannot come back to the mount namespace of the guest: %s", strerror(errno));
    _exit(EXIT_FAILURE);
}

/* ---- the namespace ---- */

int share_ns_find(void)
{
    auto_fd int fd = open(NAMESPACE_FILE, O_RDONLY | O_CLOEXEC);
    struct statfs fs;

    return fd >= 0 && fstatfs(fd, &fs) == 0 && fs.f_type == NSFS_MAGIC ? MOVE_FD(fd) : -1;
}

/* The namespace of this process becomes an empty one. */
static bool make_empty(struct err **errp)
{
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("none", SHARE_PRIVATE_DIR, "ramfs", RAMFS_FLAGS, "mode=0700") < 0 ||
        chdir(SHARE_PRIVATE_DIR) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 ||
        umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
        return err_set_os(errp, errno, "cannot clear a new mount namespace");
    return true;
}

/* True for a mount point. */
static bool keep_to_itself(const char *dir)
{
    return mount(NULL, dir, NULL, MS_PRIVATE, NULL) == 0;
}

static bool hold(int ns_fd, struct err **errp)
{
    auto_mem char *source = mem_printf("/proc/self/fd/%d", ns_fd);
    auto_fd int fd = -1;

    if (!dir_make_all(NAMESPACE_DIR, 0711, errp))
        return false;
    if (!keep_to_itself(NAMESPACE_DIR) &&
        (mount("none", NAMESPACE_DIR, "ramfs", RAMFS_FLAGS, "mode=0711") < 0 ||
         !keep_to_itself(NAMESPACE_DIR)))
        return err_set_os(errp, errno, "cannot mount %s", NAMESPACE_DIR);
    fd = open(NAMESPACE_FILE, O_RDONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || mount(source, NAMESPACE_FILE, NULL, MS_BIND, NULL) < 0)
        return err_set_os(errp, errno, "cannot make %s", NAMESPACE_FILE);
    /* Who removes the file, in whichever namespace, would unmount it in this. */
    (void)mount(NULL, NAMESPACE_DIR, NULL, MS_REMOUNT | MS_RDONLY | RAMFS_FLAGS, NULL);
    return true;
}

bool share_ns_make(int *out_fd, struct err **errp)
{
    auto_share_visit struct share_visit v = SHARE_VISIT_NONE;
    auto_fd int ns_fd = -1;
    bool ok;

    if (!prepare(&v, errp))
        return false;
    if (unshare(CLONE_NEWNS) < 0)
        return err_set_os(errp, errno, "cannot make a mount namespace");
    ns_fd = openat(v.process_fd, "ns/mnt", O_RDONLY | O_CLOEXEC);
    ok = ns_fd >= 0 ? make_empty(errp) : err_set_os(errp, errno, "cannot open the namespace");
    share_ns_come_back(&v);
    if (!ok || !hold(ns_fd, errp))
        return false;
    *out_fd = MOVE_FD(ns_fd);
    return true;
}
