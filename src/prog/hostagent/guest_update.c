#include "prog/hostagent/guest_update.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "sys/file.h"
#include "wire/guest.h"

enum { CRC_CHUNK = 64 * 1024 };

static bool checksum(int fd, const char *path, uint64_t size, uint32_t *out_crc, struct err **errp)
{
    auto_mem char *buf = mem_alloc(CRC_CHUNK);
    uint32_t crc = 0;

    for (uint64_t at = 0; at < size;) {
        size_t n = size - at < CRC_CHUNK ? (size_t)(size - at) : CRC_CHUNK;

        if (!file_read_at(fd, path, at, buf, n, errp))
            return false;
        crc = guest_crc(crc, (struct sv){ buf, n });
        at += n;
    }
    *out_crc = crc;
    return true;
}

bool guest_update_begin(struct guest_update *update, const char *path, struct sb *out,
                        struct err **errp)
{
    auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    struct stat st;
    char magic[4];
    uint32_t crc;

    guest_update_cancel(update);
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_set_os(errp, errno, "cannot open %s", path);
    if (st.st_size <= 0 || st.st_size > GUEST_UPDATE_MAX)
        return err_set(errp, ERR_INVALID, "%s cannot be sent to the guest: its size is %lld bytes", path,
                       (long long)st.st_size);
    if (!file_read_at(fd, path, 0, magic, sizeof(magic), errp))
        return false;
    if (memcmp(magic, "\177ELF", sizeof(magic)) != 0)
        return err_set(errp, ERR_INVALID, "%s is not a program", path);
    if (!checksum(fd, path, (uint64_t)st.st_size, &crc, errp))
        return false;
    guest_encode(out, &(struct guest_msg){
                          .type = GUEST_UPDATE,
                          .program = SV(LIMA_VERSION "+clima." CLIMA_VERSION),
                          .size = (uint64_t)st.st_size,
                          .crc = crc,
                      });
    *update = (struct guest_update){ .fd = MOVE_FD(fd), .path = mem_strdup(path),
                                     .size = (uint64_t)st.st_size };
    return true;
}

bool guest_update_continue(struct guest_update *update, struct sb *out, struct err **errp)
{
    uint64_t left = update->size - update->sent;
    size_t n = left < GUEST_DATA_LEN_MAX ? (size_t)left : GUEST_DATA_LEN_MAX;
    auto_mem char *data = NULL;

    if (update->fd < 0)
        return true;
    if (n == 0) {
        guest_update_cancel(update);
        return true;
    }
    data = mem_alloc(n);
    if (!file_read_at(update->fd, update->path, update->sent, data, n, errp)) {
        guest_update_cancel(update);
        return false;
    }
    guest_encode(out, &(struct guest_msg){ .type = GUEST_UPDATE_DATA, .data = { data, n } });
    update->sent += n;
    return true;
}

void guest_update_cancel(struct guest_update *update)
{
    if (update->fd >= 0)
        (void)close(update->fd);
    free(update->path);
    *update = GUEST_UPDATE_NONE;
}
