#include "svc/image/size.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/mem.h"
#include "lang/json/json.h"
#include "sys/proc.h"

enum {
    SECTOR_SIZE = 512,
    OUTPUT_LIMIT = 64 * 1024,
};

static bool qemu_img_run(struct cmd *cmd, struct cmd_result *res, struct err **errp)
{
    cmd->in = CMD_TO_NULL;
    cmd->out = CMD_TO_PIPE(OUTPUT_LIMIT);
    cmd->err = CMD_TO_PIPE(OUTPUT_LIMIT);
    if (cmd_check(cmd, res, errp))
        return true;
    return err_hint(errp, "qemu-img comes with QEMU (Debian, Ubuntu: apt-get install qemu-utils)");
}

/* qemu-img VERB -q -f FORMAT PATH SIZE */
static bool qemu_img_set_size(const char *verb, const char *path, enum image_format format,
                              uint64_t size, struct err **errp)
{
    auto_cmd struct cmd cmd = { 0 };
    auto_cmd_result struct cmd_result res = { 0 };

    strv_push_list(&cmd.argv, "qemu-img", verb, "-q", "-f", image_format_name(format), path, NULL);
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

uint64_t image_round_size(enum image_format format, uint64_t size)
{
    return format == IMAGE_RAW ? (size + SECTOR_SIZE - 1) / SECTOR_SIZE * SECTOR_SIZE : size;
}

bool image_create(const char *path, enum image_format format, uint64_t size, struct err **errp)
{
    auto_fd int fd = -1;

    if (format != IMAGE_RAW)
        return qemu_img_set_size("create", path, format, size, errp);
    fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0 || ftruncate(fd, (off_t)image_round_size(format, size)) < 0)
        return err_set_os(errp, errno, "cannot create %s", path);
    return true;
}

bool image_size(const char *path, const struct image_info *info, uint64_t *out_size,
                struct err **errp)
{
    if (info->format == IMAGE_RAW || info->virtual_size) {
        *out_size = info->format == IMAGE_RAW ? info->file_size : info->virtual_size;
        return true;
    }
    return qemu_img_size(path, image_format_name(info->format), out_size, errp);
}

bool image_grow(const char *path, enum image_format format, uint64_t size, struct err **errp)
{
    if (format != IMAGE_RAW)
        return qemu_img_set_size("resize", path, format, size, errp);
    if (truncate(path, (off_t)size) < 0)
        return err_set_os(errp, errno, "cannot grow %s", path);
    return true;
}
