#include "prog/guestagent/update.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/path.h"
#include "sys/dir.h"
#include "sys/file.h"
#include "wire/guest.h"

/* Class, byte order and machine: what must agree for a program to run here. */
struct elf_start {
    unsigned char ident[EI_NIDENT];
    uint16_t type, machine;
};

static bool read_elf_start(const char *path, struct elf_start *out, struct err **errp)
{
    auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return err_set_os(errp, errno, "cannot open %s", path);
    return file_read_at(fd, path, 0, out, sizeof(*out), errp);
}

static bool check_machine(const struct update *update, struct err **errp)
{
    struct elf_start own, other;

    if (!read_elf_start("/proc/self/exe", &own, errp) ||
        !read_elf_start(update->temp_path, &other, errp))
        return false;
    if (memcmp(own.ident, other.ident, EI_VERSION) != 0 || own.machine != other.machine)
        return err_set(errp, ERR_INVALID, "the new guest agent is not a program for this machine");
    return true;
}

bool update_begin(struct update *update, const char *path, uint64_t size, uint32_t crc,
                  struct err **errp)
{
    update_cancel(update);
    if (size == 0 || size > GUEST_UPDATE_MAX)
        return err_set(errp, ERR_INVALID, "a guest agent of %llu bytes", (unsigned long long)size);
    *update = (struct update){ .fd = -1, .path = path, .size = size, .crc_wanted = crc };
    update->temp_path = mem_printf("%s.lima-new", path);
    (void)unlink(update->temp_path);
    update->fd = open(update->temp_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
    if (update->fd < 0) {
        err_set_os(errp, errno, "cannot create %s", update->temp_path);
        update_cancel(update);
        return false;
    }
    return true;
}

static bool finish(struct update *update, struct err **errp)
{
    auto_mem char *dir = path_dir(update->path);

    if (update->crc != update->crc_wanted)
        return err_set(errp, ERR_INVALID, "the new guest agent was damaged on its way");
    if (fchmod(update->fd, 0755) < 0 || fsync(update->fd) < 0)
        return err_set_os(errp, errno, "cannot write %s", update->temp_path);
    (void)close(MOVE_FD(update->fd)); /* a file open for writing cannot be executed */
    if (!check_machine(update, errp) || !file_rename(update->temp_path, update->path, errp))
        return false;
    mem_replace(&update->temp_path, NULL);
    return dir_sync(dir, errp);
}

static bool take(struct update *update, struct sv data, struct err **errp)
{
    if (data.n > update->size - update->n_received)
        return err_set(errp, ERR_PROTOCOL, "more data than the new guest agent is long");
    if (!file_write_fd(update->fd, update->temp_path, data, errp))
        return false;
    update->crc = guest_crc(update->crc, data);
    update->n_received += data.n;
    return update->n_received < update->size || finish(update, errp);
}

bool update_feed(struct update *update, struct sv data, bool *out_complete, struct err **errp)
{
    bool ok;

    *out_complete = false;
    if (update->fd < 0)
        return err_set(errp, ERR_PROTOCOL, "data of a guest agent that was not announced");
    ok = take(update, data, errp);
    *out_complete = ok && update->n_received == update->size;
    if (!ok || *out_complete)
        update_cancel(update);
    return ok;
}

void update_cancel(struct update *update)
{
    if (update->fd >= 0)
        (void)close(update->fd);
    if (update->temp_path)
        (void)unlink(update->temp_path);
    free(update->temp_path);
    *update = UPDATE_NONE;
}
