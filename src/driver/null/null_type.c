#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/path.h"
#include "driver/driver_type.h"
#include "driver/null/null_options.h"
#include "model/store/names.h"
#include "sys/file.h"

static const char *const mount_types[] = { "reverse-sshfs", "virtiofs", "9p", NULL };
static const char *const image_formats[] = { "qcow2", "raw", "vmdk", "vhdx", NULL };
static const enum driver_link_kind links[] = { DRIVER_LINK_NONE };

static const struct driver_facts null_facts = {
    .mount_types = mount_types,
    .image_formats = image_formats,
    .links = links,
    .n_links = COUNT(links),
    .guest_address = "192.168.5.15",
    .gateway_address = "192.168.5.2",
    .dns_address = "192.168.5.3",
};

static bool null_check_config(const struct driver_instance *inst, struct err **errp)
{
    struct null_behaviour behaviour;

    return null_options_load(inst->config, &behaviour, errp);
}

/* The disk is the image, or an empty file of the configured size. */
static bool null_create_disk(const struct driver_instance *inst, struct err **errp)
{
    auto_mem char *image = path_join(inst->dir, NAME_IMAGE);
    auto_mem char *disk = path_join(inst->dir, NAME_DISK);
    auto_fd int fd = -1;

    if (file_exists(disk))
        return true;
    if (file_exists(image))
        return file_rename(image, disk, errp);
    fd = open(disk, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, (off_t)inst->config->disk.bytes) < 0)
        return err_set_os(errp, errno, "cannot create %s", disk);
    return true;
}

const struct driver_type null_driver_type = {
    .name = "null",
    .pid_name = "null" NAME_PID_SUFFIX,
    .caps = DRIVER_CAP_ADOPT | DRIVER_CAP_FOREIGN_ARCH | DRIVER_CAP_DIRECT_BOOT,
    .facts = &null_facts,
    .options = &null_options_table,
    .is_for_tests = true,
    .check_config = null_check_config,
    .create_disk = null_create_disk,
};
