#include "driver/qemu/disk_legacy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/path.h"
#include "driver/qemu/files.h"
#include "svc/image/probe.h"
#include "sys/file.h"

/* Header of qcow2 (docs/interop/qcow2.txt of QEMU); numbers are big-endian. */
enum {
    VERSION_OFFSET = 4,
    BACKING_OFFSET = 8,
    BACKING_SIZE_OFFSET = 16,
    INCOMPATIBLE_OFFSET = 72, /* version 3 */
    HEADER_SIZE = 104,
    INCOMPATIBLE_ALLOWED = 1 | 8, /* was not closed properly; compression type */
    BACKING_SIZE_MAX = 1023,
};

static uint64_t get_be(struct sv head, size_t at, size_t n_bytes)
{
    uint64_t v = 0;

    for (size_t i = 0; i < n_bytes; i++)
        v = v << 8 | (unsigned char)head.p[at + i];
    return v;
}

bool qcow2_backing_name(struct sv head, char **out_name)
{
    uint64_t version, offset, size;

    if (head.n < HEADER_SIZE || memcmp(head.p, "QFI\xfb", 4) != 0)
        return false;
    version = get_be(head, VERSION_OFFSET, 4);
    offset = get_be(head, BACKING_OFFSET, 8);
    size = get_be(head, BACKING_SIZE_OFFSET, 4);
    if (version != 2 &&
        (version != 3 || get_be(head, INCOMPATIBLE_OFFSET, 8) & ~(uint64_t)INCOMPATIBLE_ALLOWED))
        return false;
    if (offset == 0 || size == 0 || size > BACKING_SIZE_MAX || offset > head.n ||
        size > head.n - offset)
        return false;
    *out_name = mem_strndup(head.p + offset, size);
    return true;
}

static bool link_if_there(const char *dir, const char *old_name, const char *new_name,
                          struct err **errp)
{
    auto_mem char *old_path = path_join(dir, old_name);
    auto_mem char *new_path = path_join(dir, new_name);

    if (!file_exists(old_path))
        return true;
    if (symlink(old_name, new_path) < 0 && errno != EEXIST)
        return err_set_os(errp, errno, "cannot link %s", new_path);
    return true;
}

bool qemu_disk_link_legacy(const char *dir, struct err **errp)
{
    auto_mem char *disk = path_join(dir, NAME_DISK);
    auto_mem char *iso = path_join(dir, NAME_ISO);
    auto_mem char *base = path_join(dir, NAME_BASE_DISK);
    struct image_info info;

    if (file_exists(disk))
        return true;
    if (!link_if_there(dir, NAME_DIFF_DISK, NAME_DISK, errp))
        return false;
    if (file_exists(iso) || !file_exists(base))
        return true;
    if (!image_probe_file(base, &info, errp))
        return false;
    return info.format != IMAGE_ISO || link_if_there(dir, NAME_BASE_DISK, NAME_ISO, errp);
}

/* Nothing but a file of that name in the same directory will do. */
static bool backs_from(const char *name, const char *dir)
{
    auto_mem char *base = path_join(dir, NAME_BASE_DISK);

    return str_eq(name, NAME_BASE_DISK) || str_eq(name, base);
}

static bool is_sound(const char *path)
{
    auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct image_info info;

    return fd >= 0 && image_check_untrusted(fd, path, &info, NULL);
}

bool qemu_disk_is_legacy(const char *path, const char *dir)
{
    auto_mem char *base = path_join(dir, NAME_BASE_DISK);
    auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
    auto_mem char *name = NULL;
    char head[4096];
    ssize_t n = fd < 0 ? -1 : pread(fd, head, sizeof(head), 0);

    return n > 0 && qcow2_backing_name((struct sv){ head, (size_t)n }, &name) &&
           backs_from(name, dir) && is_sound(base);
}
