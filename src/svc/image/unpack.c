#include "svc/image/unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "sys/file.h"

#define READ_SIZE (256 * 1024)
#define HOLE_SIZE 4096

struct source {
    int fd;
    const char *location;
    uint64_t at, size;
    struct progress *progress;
    char buf[READ_SIZE];
};

static la_ssize_t source_read(struct archive *archive, void *data, const void **out)
{
    struct source *source = data;
    ssize_t n;

    do {
        n = pread(source->fd, source->buf, sizeof(source->buf), (off_t)source->at);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        archive_set_error(archive, errno, "cannot read %s", source->location);
        return -1;
    }
    source->at += (uint64_t)n;
    progress_update(source->progress, source->at, source->size);
    *out = source->buf;
    return n;
}

static void archive_auto(struct archive **archive)
{
    (void)archive_read_free(*archive);
}
#define auto_archive AUTO_CALL(archive_auto)

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

static bool decompress(struct archive *archive, struct source *source, int fd, const char *path,
                       struct err **errp)
{
    auto_mem char *buf = mem_alloc(READ_SIZE);
    struct archive_entry *entry;
    uint64_t offset = 0;
    la_ssize_t n = -1;

    (void)archive_read_support_filter_all(archive);
    (void)archive_read_support_format_raw(archive);
    if (archive_read_open(archive, source, NULL, source_read, NULL) == ARCHIVE_OK &&
        archive_read_next_header(archive, &entry) == ARCHIVE_OK) {
        while ((n = archive_read_data(archive, buf, READ_SIZE)) > 0) {
            if (!write_sparse(fd, path, (struct sv){ buf, (size_t)n }, offset, errp))
                return false;
            offset += (uint64_t)n;
        }
    }
    if (n < 0)
        return err_set(errp, ERR_INVALID, "%s: cannot decompress: %s", source->location,
                       archive_error_string(archive));
    if (ftruncate(fd, (off_t)offset) < 0 || fsync(fd) < 0)
        return err_set_os(errp, errno, "cannot write %s", path);
    return true;
}

static bool unpack_compressed(const struct unpack *unpack, struct err **errp)
{
    auto_archive struct archive *archive = archive_read_new();
    auto_mem struct source *source = mem_new(struct source);
    auto_mem char *temp_path = mem_printf("%s.unpacking", unpack->path);
    auto_fd int fd = open(temp_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    struct stat st;

    if (fd < 0)
        return err_set_os(errp, errno, "cannot create %s", temp_path);
    source->fd = unpack->fd;
    source->location = unpack->location;
    source->progress = unpack->progress;
    if (fstat(unpack->fd, &st) == 0)
        source->size = (uint64_t)st.st_size;

    progress_begin(unpack->progress, "Decompressing data", PROGRESS_BYTES);
    bool ok = decompress(archive, source, fd, temp_path, errp) &&
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
