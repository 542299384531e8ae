#include "instance/managed_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/mem.h"
#include "base/path.h"
#include "base/quote.h"
#include "base/units.h"
#include "instance/keep.h"
#include "model/config/identifier.h"
#include "model/store/inst_dir.h"
#include "model/store/inst_status.h"
#include "model/store/names.h"
#include "svc/image/size.h"
#include "sys/dir.h"
#include "sys/file.h"

static bool open_image(const char *path, int *out_fd, struct image_info *out, struct err **errp)
{
    auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

    if (fd < 0)
        return err_set_os(errp, errno, "cannot open %s", path);
    if (!image_check_used(fd, path, out, errp))
        return false;
    *out_fd = MOVE_FD(fd);
    return true;
}

bool managed_disk_examine(const struct disk *disk, struct disk_content *out, struct err **errp)
{
    struct image_info info;
    auto_fd int fd = -1;

    if (!open_image(disk->data_path, &fd, &info, errp) ||
        !image_size(disk->data_path, &info, &out->size, errp))
        return false;
    out->format = info.format;
    return true;
}

/* Makes the image of a new disk at path. */
typedef bool (*make_image_fn)(const char *path, const void *arg, struct err **errp);

/* The directory is made aside and renamed, so that no command ever sees a disk without its image.
 */
static bool add_disk(const struct store *store, const char *name, make_image_fn make,
                     const void *arg, struct err **errp)
{
    auto_mem char *disks_dir = store_path(store, NAME_DISKS_DIR);
    auto_mem char *dir = path_join(disks_dir, name);
    auto_mem char *fresh = NULL;
    auto_fd int lock = -1;

    if (!identifier_check(name, errp))
        return err_wrap(errp, "disk name");
    if (file_exists(dir)) {
        auto_mem char *shown_name = quote_tick_dup(name);
        auto_mem char *shown_dir = quote_tick_dup(dir);

        return err_set(errp, ERR_EXISTS, "disk %s already exists (%s)", shown_name, shown_dir);
    }
    if (!store_make_home(store, errp) || !dir_make_all(disks_dir, 0700, errp))
        return false;
    keep_sweep(disks_dir);
    if (!keep_new_dir(disks_dir, &fresh, &lock, errp))
        return false;

    auto_mem char *image = path_join(fresh, NAME_DISK_DATA);

    if (make(image, arg, errp) && file_rename(fresh, dir, errp))
        return true;
    (void)!dir_remove_tree(fresh, NULL);
    return false;
}

static bool make_blank(const char *path, const void *arg, struct err **errp)
{
    const struct disk_content *content = arg;

    return image_create(path, content->format, content->size, errp);
}

bool managed_disk_create(const struct store *store, const char *name, enum image_format format,
                         uint64_t size, struct err **errp)
{
    const struct disk_content content = { format, size };

    return add_disk(store, name, make_blank, &content, errp);
}

struct source {
    const char *path;
    int fd;
};

static bool make_copy(const char *path, const void *arg, struct err **errp)
{
    const struct source *source = arg;

    return file_copy_fd(source->fd, source->path, path, 0644, errp);
}

bool managed_disk_import(const struct store *store, const char *name, const char *image_path,
                         struct err **errp)
{
    struct image_info info;
    auto_fd int fd = -1;

    if (!open_image(image_path, &fd, &info, errp))
        return false;
    if ((info.format != IMAGE_RAW && info.format != IMAGE_QCOW2) || info.file_size == 0)
        return err_set(errp, ERR_INVALID, "%s is not a raw or qcow2 image", image_path);
    return add_disk(store, name, make_copy, &(const struct source){ image_path, fd }, errp);
}

bool managed_disk_grow(const struct disk *disk, uint64_t size, struct err **errp)
{
    struct disk_content content;

    if (!managed_disk_examine(disk, &content, errp))
        return false;
    if (size < content.size) {
        auto_mem char *wanted = size_format(size);
        auto_mem char *now = size_format(content.size);

        return err_set(errp, ERR_INVALID,
                       "specified size `%s` is less than the current disk size `%s`. Disk "
                       "shrinking is currently unavailable",
                       wanted, now);
    }
    size = image_round_size(content.format, size);
    return size == content.size || image_grow(disk->data_path, content.format, size, errp);
}

bool managed_disk_remove(const struct disk *disk, struct err **errp)
{
    return keep_remove(disk->dir, errp);
}

static bool refers_to(const struct instance *inst, const char *name)
{
    for (size_t i = 0; inst->has_config && i < inst->config.additional_disks.n; i++)
        if (str_eq(inst->config.additional_disks.v[i].name, name))
            return true;
    return false;
}

bool managed_disk_referrers(const struct store *store, const char *name, struct strv *out,
                            struct err **errp)
{
    auto_strv struct strv names = { 0 };

    if (!inst_list(store, &names, errp))
        return false;
    for (size_t i = 0; i < names.n; i++) {
        auto_instance struct instance inst = { 0 };

        instance_inspect_any(&inst, store, names.v[i]);
        if (refers_to(&inst, name))
            strv_push(out, inst.name);
    }
    return true;
}
