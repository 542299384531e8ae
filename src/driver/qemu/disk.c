#include "driver/qemu/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/path.h"
#include "base/units.h"
#include "driver/qemu/disk_legacy.h"
#include "driver/qemu/files.h"
#include "lang/json/json.h"
#include "svc/image/probe.h"
#include "sys/file.h"
#include "sys/proc.h"

enum {
    SECTOR_SIZE = 512,
    QEMU_IMG_OUTPUT_LIMIT = 64 * 1024,
};

static bool qemu_img_run(struct cmd *cmd, struct cmd_result *res, struct err **errp)
{
    cmd->in = CMD_TO_NULL;
    cmd->out = CMD_TO_PIPE(QEMU_IMG_OUTPUT_LIMIT);
    cmd->err = CMD_TO_PIPE(QEMU_IMG_OUTPUT_LIMIT);
    if (cmd_check(cmd, res, errp))
        return true;
    return err_hint(errp, "qemu-img comes with QEMU (Debian, Ubuntu: apt-get install qemu-utils)");
}

static bool qemu_img_create(const char *path, uint64_t size, struct err **errp)
{
    auto_cmd struct cmd cmd = { 0 };
    auto_cmd_result struct cmd_result res = { 0 };

    strv_push_list(&cmd.argv, "qemu-img", "create", "-q", "-f", "qcow2", path, NULL);
    strv_pushf(&cmd.argv, "%llu", (unsigned long long)size);
    return qemu_img_run(&cmd, &res, errp);
}

static bool qemu_img_resize(const char *path, const char *format, uint64_t size, struct err **errp)
{
    auto_cmd struct cmd cmd = { 0 };
    auto_cmd_result struct cmd_result res = { 0 };

    strv_push_list(&cmd.argv, "qemu-img", "resize", "-q", "-f", format, path, NULL);
    strv_pushf(&cmd.argv, "%llu", (unsigned long long)size);
    return qemu_img_run(&cmd, &res, errp);
}

/* For the formats whose size image_probe() does not tell. */
static bool qemu_img_size(const char *path, const char *format, uint64_t *out_size,
                          struct err **errp)
{
    auto_cmd struct cmd cmd = { 0 };
    auto_cmd_result struct cmd_result res = { 0 };
    auto_json json_t *doc = NULL;
    int64_t size;

    strv_push_list(&cmd.argv, "qemu-img", "info", "--output=json", "--force-share", "-f", format,
                   path, NULL);
    if (!qemu_img_run(&cmd, &res, errp))
        return false;
    doc = json_parse(sb_view(&res.out), errp);
    if (!doc || !json_get_i64(doc, "virtual-size", &size, errp))
        return err_wrap(errp, "qemu-img info %s", path);
    *out_size = (uint64_t)size;
    return true;
}

static bool disk_size(const char *path, const struct image_info *info, uint64_t *out_size,
                      struct err **errp)
{
    if (info->format == IMAGE_RAW || info->virtual_size) {
        *out_size = info->format == IMAGE_RAW ? info->file_size : info->virtual_size;
        return true;
    }
    return qemu_img_size(path, image_format_name(info->format), out_size, errp);
}

static bool raw_grow(const char *path, uint64_t size, struct err **errp)
{
    if (truncate(path, (off_t)size) < 0)
        return err_set_os(errp, errno, "cannot grow %s", path);
    return true;
}

static bool disk_grow(const struct driver_instance *inst, const char *path, uint64_t size,
                      struct err **errp)
{
    struct image_info info;
    uint64_t now = 0;

    if (!image_probe_file(path, &info, errp) || !disk_size(path, &info, &now, errp))
        return false;
    if (info.format == IMAGE_RAW)
        size = (size + SECTOR_SIZE - 1) / SECTOR_SIZE * SECTOR_SIZE;
    if (now == size)
        return true;

    auto_mem char *from = size_format(now);
    auto_mem char *to = size_format(size);

    if (now > size) {
        (void)err_set(errp, ERR_INVALID, "disk shrinking is not supported (%s --> %s)", from, to);
        return err_hint(errp, "set `disk` to %s or more in lima.yaml", from);
    }
    driver_note(inst, LOG_INFO, "Resize instance %s's disk from %s to %s", inst->name, from, to);
    if (info.format == IMAGE_RAW)
        return raw_grow(path, size, errp);
    return qemu_img_resize(path, image_format_name(info.format), size, errp);
}

/* "image" is a CD: it becomes "iso", and the disk is an empty one. */
static bool disk_beside_iso(const char *dir, const char *image, const char *disk, uint64_t size,
                            struct err **errp)
{
    auto_mem char *iso = path_join(dir, NAME_ISO);
    auto_mem char *fresh = mem_printf("%s%s", disk, NAME_TMP_SUFFIX);

    if (!qemu_img_create(fresh, size, errp))
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
    if (!image_probe(fd, path, &info, errp))
        return false;
    if (info.format != IMAGE_RAW && info.format != IMAGE_ISO && !qemu_disk_is_legacy(path, dir) &&
        !image_check_untrusted(fd, path, &info, errp))
        return false;
    out->path = mem_strdup(path);
    out->format = mem_strdup(info.format == IMAGE_ISO ? "raw" : image_format_name(info.format));
    return true;
}
