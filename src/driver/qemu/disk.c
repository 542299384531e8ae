#include "driver/qemu/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/path.h"
#include "base/units.h"
#include "driver/qemu/disk_legacy.h"
#include "driver/qemu/files.h"
#include "svc/image/size.h"
#include "sys/file.h"

static bool disk_grow(const struct driver_instance *inst, const char *path, uint64_t size,
                      struct err **errp)
{
    struct image_info info;
    uint64_t now = 0;

    if (!image_probe_file(path, &info, errp) || !image_size(path, &info, &now, errp))
        return false;
    size = image_round_size(info.format, size);
    if (now == size)
        return true;

    auto_mem char *from = size_format(now);
    auto_mem char *to = size_format(size);

    if (now > size) {
        (void)err_set(errp, ERR_INVALID, "disk shrinking is not supported (%s --> %s)", from, to);
        return err_hint(errp, "set `disk` to %s or more in lima.yaml", from);
    }
    driver_note(inst, LOG_INFO, "Resize instance %s's disk from %s to %s", inst->name, from, to);
    return image_grow(path, info.format, size, errp);
}

/* "image" is a CD: it becomes "iso", and the disk is an empty one. */
static bool disk_beside_iso(const char *dir, const char *image, const char *disk, uint64_t size,
                            struct err **errp)
{
    auto_mem char *iso = path_join(dir, NAME_ISO);
    auto_mem char *fresh = mem_printf("%s%s", disk, NAME_TMP_SUFFIX);

    if (!image_create(fresh, IMAGE_QCOW2, size, errp))
        return false;
    return file_rename(image, iso, errp) && file_rename(fresh, disk, errp);
}

static bool disk_from_image(const struct driver_instance *inst, const char *disk, uint64_t size,
                            struct err **errp)
{
    auto_mem char *image = path_join(inst->dir, NAME_IMAGE);
    auto_fd int fd = open(image, O_RDONLY | O_CLOEXEC);
    struct image_info info;

    if (fd < 0 && errno == ENOENT)
        return err_set(errp, ERR_NOT_FOUND, "there is neither an image nor a disk in %s",
                       inst->dir);
    if (fd < 0)
        return err_set_os(errp, errno, "cannot open %s", image);
    if (!image_check_untrusted(fd, image, &info, errp))
        return false;
    if (info.format == IMAGE_ISO)
        return disk_beside_iso(inst->dir, image, disk, size, errp);
    return file_rename(image, disk, errp);
}

bool qemu_disk_create(const struct driver_instance *inst, uint64_t size, struct err **errp)
{
    auto_mem char *disk = path_join(inst->dir, NAME_DISK);

    if (!qemu_disk_link_legacy(inst->dir, errp))
        return false;
    if (!file_exists(disk) && !disk_from_image(inst, disk, size, errp))
        return false;
    return disk_grow(inst, disk, size, errp);
}

bool qemu_disk_examine(const char *path, const char *dir, struct qemu_disk *out, struct err **errp)
{
    auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct image_info info;

    if (fd < 0)
        return err_set_os(errp, errno, "cannot open the disk %s", path);
    if (!(qemu_disk_is_legacy(path, dir) ? image_probe : image_check_used)(fd, path, &info, errp))
        return false;
    out->path = mem_strdup(path);
    out->format = mem_strdup(info.format == IMAGE_ISO ? "raw" : image_format_name(info.format));
    return true;
}
