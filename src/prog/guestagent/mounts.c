#include "prog/guestagent/mounts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <time.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/path.h"
#include "base/strv.h"
#include "sys/file.h"

/* As fs/ext4/ext4.h defines it; no header of the kernel's interface does. */
#define EXT4_IOC_RESIZE_FS _IOW('f', 16, uint64_t)

enum { LOOK_AGAIN_MS = 20, LOOK_TIMES = 250 };
enum { TREE_DEPTH_MAX = 32, SYSFS_VALUE_MAX = 256 };

#define NOTHING_SPECIAL (MS_NOSUID | MS_NODEV | MS_NOEXEC)

static const struct {
    const char *dir, *type;
    unsigned long flags;
    const char *data;
} early[] = {
    { "/proc", "proc", NOTHING_SPECIAL, NULL },
    { "/sys", "sysfs", NOTHING_SPECIAL, NULL },
    { "/dev", "devtmpfs", MS_NOSUID, "mode=0755" },
    { "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755" },
}, late[] = {
    { "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "gid=5,mode=620,ptmxmode=666" },
    { "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777" },
    { "/sys/fs/cgroup", "cgroup2", NOTHING_SPECIAL, "nsdelegate" },
};

bool mounts_is_mount_point(const char *dir)
{
    struct stat own, above;
    auto_mem char *parent = path_join(dir, "..");

    return stat(dir, &own) == 0 && stat(parent, &above) == 0 &&
           (own.st_dev != above.st_dev || own.st_ino == above.st_ino);
}

bool mounts_look_again(unsigned *times)
{
    const struct timespec pause = { .tv_nsec = LOOK_AGAIN_MS * 1000000 };

    (void)nanosleep(&pause, NULL);
    return ++*times < LOOK_TIMES;
}

void mounts_detach_stale(const char *dir)
{
    struct statfs fs;

    while (statfs(dir, &fs) < 0 && errno == ENOTCONN &&
           umount2(dir, MNT_DETACH | UMOUNT_NOFOLLOW) == 0)
        continue;
}

bool mounts_add(const char *device, const char *dir, const char *type, unsigned long flags,
                const char *data, struct err **errp)
{
    if (mount(device, dir, type, flags, data) < 0)
        return err_set_os(errp, errno, "cannot mount %s on %s", device, dir);
    return true;
}

bool mounts_early(struct err **errp)
{
    for (size_t i = 0; i < COUNT(early); i++)
        if (!mounts_is_mount_point(early[i].dir) &&
            !mounts_add(early[i].type, early[i].dir, early[i].type, early[i].flags, early[i].data,
                        errp))
            return false;
    return true;
}

void mounts_late(void)
{
    for (size_t i = 0; i < COUNT(late); i++) {
        auto_err struct err *err = NULL;

        (void)mkdir(late[i].dir, 0755);
        if (!mounts_is_mount_point(late[i].dir) &&
            !mounts_add(late[i].type, late[i].dir, late[i].type, late[i].flags, late[i].data, &err))
            log_warn("%s", err_text(err));
    }
}

/* Frees the memory of an initramfs; what is mounted in it stays. */
static void remove_tree(int dir_fd, dev_t device, unsigned depth)
{
    DIR *dir = fdopendir(dir_fd);

    if (!dir) {
        (void)close(dir_fd);
        return;
    }
    for (const struct dirent *entry; (entry = readdir(dir));) {
        struct stat st;

        if (str_eq(entry->d_name, ".") || str_eq(entry->d_name, "..") ||
            fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || st.st_dev != device)
            continue;
        if (S_ISDIR(st.st_mode) && depth > 0) {
            int fd = openat(dirfd(dir), entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

            if (fd >= 0)
                remove_tree(fd, device, depth - 1);
        }
        (void)unlinkat(dirfd(dir), entry->d_name, S_ISDIR(st.st_mode) ? AT_REMOVEDIR : 0);
    }
    (void)closedir(dir);
}

/* The root of the kernel's memory, and not, after some mistake, a disk. */
static bool is_initramfs(int root_fd)
{
    struct statfs fs;

    return fstatfs(root_fd, &fs) == 0 &&
           ((uint32_t)fs.f_type == RAMFS_MAGIC || (uint32_t)fs.f_type == TMPFS_MAGIC);
}

bool mounts_switch_root(const char *new_root, struct err **errp)
{
    auto_fd int old_root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct stat st;

    if (old_root < 0 || fstat(old_root, &st) < 0)
        return err_set_os(errp, errno, "cannot open the initramfs");
    for (size_t i = 0; i < COUNT(early); i++) {
        auto_mem char *dir = path_join(new_root, early[i].dir);

        if (mkdir(dir, 0755) < 0 && errno != EEXIST)
            return err_set_os(errp, errno, "cannot create %s", early[i].dir);
        if (mount(early[i].dir, dir, NULL, MS_MOVE, NULL) < 0)
            return err_set_os(errp, errno, "cannot move %s", early[i].dir);
    }
    if (chdir(new_root) < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 ||
        chdir("/") < 0)
        return err_set_os(errp, errno, "cannot change the root directory");
    if (is_initramfs(old_root))
        remove_tree(MOVE_FD(old_root), st.st_dev, TREE_DEPTH_MAX);
    return true;
}

/* Of the block device that holds an open file; 0 when there is none. */
static uint64_t device_size(int fd)
{
    auto_mem char *path = NULL;
    auto_sb struct sb text = { 0 };
    struct stat st;
    uint64_t n_sectors;

    if (fstat(fd, &st) < 0)
        return 0;
    path = mem_printf("/sys/dev/block/%u:%u/size", major(st.st_dev), minor(st.st_dev));
    return file_read_all(path, SYSFS_VALUE_MAX, &text, NULL) &&
                   parse_u64(sv_trim(sb_view(&text)), &n_sectors)
               ? n_sectors * 512
               : 0;
}

bool mounts_grow(const char *dir, bool *out_grown, struct err **errp)
{
    auto_fd int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct statfs before, after;
    uint64_t n_blocks;

    *out_grown = false;
    if (fd < 0 || fstatfs(fd, &before) < 0)
        return err_set_os(errp, errno, "cannot inspect %s", dir);
    n_blocks = device_size(fd) / (uint64_t)before.f_bsize;
    if ((uint32_t)before.f_type != EXT4_SUPER_MAGIC || n_blocks == 0)
        return true;
    if (ioctl(fd, EXT4_IOC_RESIZE_FS, &n_blocks) < 0) /* nothing happens when it fits already */
        return err_set_os(errp, errno, "cannot grow the file system of %s", dir);
    *out_grown = fstatfs(fd, &after) == 0 && after.f_blocks > before.f_blocks;
    return true;
}
