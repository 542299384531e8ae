#include "sys/temp_priv.h"

#include <errno.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "sys/file.h"
#include "sys/sys_priv.h"

enum { CLONE_CHUNK = 1 << 20 };

/* Copies [from, to) inside the kernel, or through a buffer when the file systems refuse. */
static bool clone_range(int in_fd, const char *in_name, int out_fd, const char *out_name, off_t from,
                        off_t to, struct err **errp)
{
    auto_mem char *buf = NULL;
    bool in_kernel = true;

    while (from < to) {
        off_t in_pos = from, out_pos = from;
        ssize_t n = -1;

        if (in_kernel)
            n = copy_file_range(in_fd, &in_pos, out_fd, &out_pos, (size_t)(to - from), 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (in_kernel && n < 0 && (errno == ENOSPC || errno == EIO || errno == EDQUOT))
            return sys_fail(errp, errno, "cannot write %s", out_name);
        if (n <= 0) {
            size_t want = to - from < CLONE_CHUNK ? (size_t)(to - from) : CLONE_CHUNK;

            in_kernel = false;
            if (!buf)
                buf = mem_alloc(CLONE_CHUNK);
            if (!file_read_at(in_fd, in_name, (uint64_t)from, buf, want, errp))
                return false;
            n = pwrite(out_fd, buf, want, from);
            if (n < 0)
                return sys_fail(errp, errno, "cannot write %s", out_name);
        }
        from += n;
    }
    return true;
}

bool file_clone(int in_fd, const char *in_name, int out_fd, const char *out_name, struct err **errp)
{
    struct stat st;
    off_t pos = 0;

    if (ioctl(out_fd, FICLONE, in_fd) == 0)
        return true;
    if (fstat(in_fd, &st) < 0)
        return sys_fail(errp, errno, "cannot inspect %s", in_name);
    if (!S_ISREG(st.st_mode))
        return err_set(errp, ERR_INVALID, "%s is not a regular file", in_name);
    if (ftruncate(out_fd, st.st_size) < 0)
        return sys_fail(errp, errno, "cannot write %s", out_name);

    while (pos < st.st_size) {
        off_t data = lseek(in_fd, pos, SEEK_DATA);
        off_t hole;

        if (data < 0 && errno == ENXIO)
            break; /* only a hole is left */
        if (data < 0)
            data = pos; /* the file system does not tell holes */
        hole = lseek(in_fd, data, SEEK_HOLE);
        if (hole < 0)
            hole = st.st_size;
        if (!clone_range(in_fd, in_name, out_fd, out_name, data, hole, errp))
            return false;
        pos = hole;
    }
    return true;
}
