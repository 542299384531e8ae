#include "svc/image/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "svc/build/archive_reader.h"
#include "sys/file.h"

#define READ_SIZE (256 * 1024)
#define HOLE_SIZE 4096

struct source {
    int fd;
    const char *location;
    uint64_t at, size;
    struct progress *progress;
};

static bool read_source(void *data, void *out, size_t size, size_t *out_n, struct err **errp)
{
    struct source *source = data;
    ssize_t n;

    do {
        n = pread(source->fd, out, size, (off_t)source->at);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return err_set_os(errp, errno, "cannot read %s", source->location);
    source->at += (uint64_t)n;
    progress_update(source->progress, source->at, source->size);
    *out_n = (size_t)n;
    return true;
}

static bool is_zero(const char *p, size_t n)
{
    return n > 0 && p[0] == 0 && memcmp(p, p + 1, n - 1) == 0;
}

/* Writes at offset; leaves out zeros. The end of the file is set by the caller. */
static bool write_sparse(int fd, const char *path, struct sv bytes, uint64_t offset,
                         struct err **errp)
{
    while (bytes.n > 0) {
        struct sv block = sv_slice(bytes, 0, HOLE_SIZE - offset % HOLE_SIZE);

        if (!is_zero(block.p, block.n)) {
            ssize_t n = pwrite(fd, block.p, block.n, (off_t)offset);

            if (n < 0 && errno == EINTR)
                continue;
            if (n < 0)
                return err_set_os(errp, errno, "cannot write %s", path);
            block.n = (size_t)n;
        }
        offset += block.n;
        bytes = sv_slice(bytes, block.n, bytes.n);
    }
    return true;
}

static bool decompress(struct source *source, int fd, const char *path, struct err **errp)
{
    auto_archive_reader struct archive_reader *reader =
        archive_reader_new(ARCHIVE_READER_COMPRESSED, read_source, source, errp);
    auto_mem char *buf = mem_alloc(READ_SIZE);
    const char *name;
    uint64_t offset = 0;
    size_t n;

    if (!reader || !archive_reader_next(reader, &name, errp))
        return err_wrap(errp, "cannot decompress %s", source->location);
    do {
        if (!archive_reader_read(reader, buf, READ_SIZE, &n, errp))
            return err_wrap(errp, "cannot decompress %s", source->location);
        if (!write_sparse(fd, path, (struct sv){ buf, n }, offset, errp))
            return false;
        offset += n;
    } while (n > 0);
    if (ftruncate(fd, (off_t)offset) < 0 || fsync(fd) < 0)
        return err_set_os(errp, errno, "cannot write %s", path);
    return true;
}

static bool unpack_compressed(const struct unpack *unpack, struct err **errp)
{
    auto_mem char *temp_path = mem_printf("%s.unpacking", unpack->path);
    auto_fd int fd = open(temp_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    struct stat st;

    if (fd < 0)
        return err_set_os(errp, errno, "cannot create %s", temp_path);
    struct source source = {
        .fd = unpack->fd,
        .location = unpack->location,
        .size = fstat(unpack->fd, &st) == 0 ? (uint64_t)st.st_size : 0,
        .progress = unpack->progress,
    };

    progress_begin(unpack->progress, "Decompressing data", PROGRESS_BYTES);
    bool ok = decompress(&source, fd, temp_path, errp) &&
              file_rename(temp_path, unpack->path, errp);

    progress_end(unpack->progress, ok);
    if (!ok)
        (void)unlink(temp_path);
    return ok;
}

bool unpack_file(const struct unpack *unpack, struct err **errp)
{
    enum image_packing packing = IMAGE_PLAIN;

    if (unpack->decompress &&
        !image_packing_of(unpack->fd, unpack->location, &packing, errp))
        return false;
    if (packing == IMAGE_PLAIN)
        return file_copy_fd(unpack->fd, unpack->location, unpack->path, 0644, errp);
    return unpack_compressed(unpack, errp);
}
