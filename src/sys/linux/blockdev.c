#include "sys/blockdev.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/path.h"
#include "base/strv.h"
#include "sys/dir.h"
#include "sys/file.h"
#include "sys/sys_priv.h"

enum { TABLE_SIZE_MAX = 16 * 1024 * 1024, NUMBER_SIZE_MAX = 64 };

static bool read_device_number(const char *dir, dev_t *out)
{
    auto_mem char *path = path_join(dir, "dev");
    auto_mem char *text = NULL;
    struct sv rest, major_text;
    uint32_t a, b;

    if (!file_read_text(path, NUMBER_SIZE_MAX, &text, NULL))
        return false;
    rest = sv_trim(sv_of(text));
    if (!sv_next(&rest, ':', &major_text) || !parse_u32(major_text, &a) || !parse_u32(rest, &b))
        return false;
    *out = makedev(a, b);
    return true;
}

static bool is_partition(const char *dir)
{
    auto_mem char *path = path_join(dir, "partition");

    return file_exists(path);
}

/* dir is one of /sys with a file "dev". */
static void add_part(struct blockdev_parts *parts, const char *dir)
{
    struct blockdev_part part;

    if (!read_device_number(dir, &part.dev))
        return;
    part.name = mem_strdup(path_base(dir));
    *vec_push(parts) = part;
}

/* The device's directory in /sys, links resolved: owned, NULL when there is none. */
static char *device_dir(dev_t dev)
{
    auto_mem char *link = mem_printf("/sys/dev/block/%u:%u", major(dev), minor(dev));

    return realpath(link, NULL);
}

/* A partition with its disk, a disk with all its partitions. */
static void list_parts(const char *dir, struct blockdev_parts *out)
{
    auto_strv struct strv names = { 0 };

    add_part(out, dir);
    if (is_partition(dir)) {
        auto_mem char *disk = path_dir(dir);

        add_part(out, disk);
        return;
    }
    if (!dir_list(dir, &names, NULL))
        return;
    for (size_t i = 0; i < names.n; i++) {
        auto_mem char *child = path_join(dir, names.v[i]);

        if (is_partition(child))
            add_part(out, child);
    }
}

char *blockdev_find_loop(const char *block_dir, const char *path)
{
    auto_strv struct strv names = { 0 };

    if (!dir_list(block_dir, &names, NULL))
        return NULL;
    for (size_t i = 0; i < names.n; i++) {
        auto_mem char *file = mem_printf("%s/%s/loop/backing_file", block_dir, names.v[i]);
        auto_mem char *text = NULL;

        if (!str_starts(names.v[i], "loop") || !file_read_text(file, PATH_MAX + 1, &text, NULL))
            continue;
        if (sv_eq_str(sv_trim(sv_of(text)), path))
            return mem_printf("/dev/%s", names.v[i]);
    }
    return NULL;
}

/* A device made of this one, "dm-0": owned, NULL = none. */
static char *find_holder(const char *dir)
{
    auto_mem char *holders = path_join(dir, "holders");
    auto_strv struct strv names = { 0 };

    if (!dir_list(holders, &names, NULL) || names.n == 0)
        return NULL;
    return mem_strdup(names.v[0]);
}

static bool check_unused(const char *path, dev_t dev, struct err **errp)
{
    auto_blockdev_parts struct blockdev_parts parts = { 0 };
    auto_sb struct sb mounts = { 0 }, swaps = { 0 };
    auto_mem char *dir = device_dir(dev);
    auto_mem char *point = NULL, *holder = NULL;

    if (dir)
        list_parts(dir, &parts);
    else
        *vec_push(&parts) = (struct blockdev_part){ dev, mem_strdup(path + strlen("/dev/")) };
    if (!file_read_all("/proc/self/mountinfo", TABLE_SIZE_MAX, &mounts, errp))
        return false;
    point = blockdev_find_mount(sb_view(&mounts), &parts);
    if (point) {
        (void)err_set(errp, ERR_BUSY, "%s is mounted on this host at %s", path, point);
        return err_hint(errp, "unmount it first: umount %s", point);
    }
    if (file_read_all("/proc/swaps", TABLE_SIZE_MAX, &swaps, NULL) &&
        blockdev_is_swap(sb_view(&swaps), &parts))
        return err_set(errp, ERR_BUSY, "%s is swap space of this host", path);
    holder = dir ? find_holder(dir) : NULL;
    if (holder)
        return err_set(errp, ERR_BUSY, "%s is part of the device %s of this host", path, holder);
    return true;
}

static bool examine(const char *path, struct stat *out, struct err **errp)
{
    if (!blockdev_path_check(path, errp))
        return false;
    if (lstat(path, out) < 0)
        return sys_fail(errp, errno, "block device %s", path);
    if (S_ISLNK(out->st_mode))
        return err_set(errp, ERR_INVALID, "%s is a symbolic link", path);
    if (!S_ISBLK(out->st_mode))
        return err_set(errp, ERR_INVALID, "%s is no block device", path);
    return check_unused(path, out->st_rdev, errp);
}

bool blockdev_check(const char *path, struct err **errp)
{
    struct stat st;

    return examine(path, &st, errp);
}

bool blockdev_open(const char *path, int *out_fd, struct err **errp)
{
    struct stat st, opened;
    auto_fd int fd = -1;

    if (!examine(path, &st, errp))
        return false;
    /* Without O_NONBLOCK an empty drive would keep us waiting. */
    fd = open(path, O_RDWR | O_EXCL | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 && errno == EBUSY)
        return err_set(errp, ERR_BUSY, "%s is in use on this host", path);
    if (fd < 0)
        return sys_fail(errp, errno, "cannot open %s", path);
    if (fstat(fd, &opened) < 0 || !S_ISBLK(opened.st_mode) || opened.st_rdev != st.st_rdev)
        return err_set(errp, ERR_INVALID, "%s was exchanged while it was opened", path);
    if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK) < 0)
        return err_set_os(errp, errno, "cannot open %s", path);
    *out_fd = MOVE_FD(fd);
    return true;
}

bool blockdev_is(int fd, const char *path)
{
    struct stat named, opened;

    return lstat(path, &named) == 0 && fstat(fd, &opened) == 0 && S_ISBLK(opened.st_mode) &&
           opened.st_rdev == named.st_rdev && (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR;
}
