#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include <archive.h>
#include <archive_entry.h>

#include "base/mem.h"
#include "model/store/names.h"
#include "svc/cidata/cidata.h"
#include "sys/file.h"
#include "wire/initrd.h"

/* The volume label lies in the primary volume descriptor, sector 16. libarchive writes it in
 * capitals, as the standard demands; readers compare with small letters. */
enum { LABEL_AT = 16 * 2048 + 40, LABEL_SIZE = 32, COPY_SIZE = 64 * 1024 };

static bool archive_failed(struct archive *a, const char *what, struct err **errp)
{
    const char *text = archive_error_string(a);
    int code = archive_errno(a);

    if (code > 0)
        return err_set_os(errp, code, "writing %s", what);
    return err_set(errp, ERR_OS, "writing %s: %s", what, text ? text : "unknown error");
}

static bool write_data(struct archive *a, const char *path, const void *data, size_t size,
                       struct err **errp)
{
    return archive_write_data(a, data, size) == (la_ssize_t)size || archive_failed(a, path, errp);
}

static bool copy_data(struct archive *a, const char *path, int fd, const char *source,
                      struct err **errp)
{
    auto_mem char *buf = mem_alloc(COPY_SIZE);

    for (;;) {
        ssize_t n = read(fd, buf, COPY_SIZE);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_set_os(errp, errno, "reading %s", source);
        if (n == 0)
            return true;
        if (!write_data(a, path, buf, (size_t)n, errp))
            return false;
    }
}

static bool write_header(struct archive *a, const char *path, mode_t type, mode_t mode,
                         int64_t size, time_t now, struct err **errp)
{
    struct archive_entry *header = archive_entry_new();
    bool ok;

    archive_entry_set_pathname(header, path);
    archive_entry_set_filetype(header, type);
    archive_entry_set_perm(header, mode);
    archive_entry_set_size(header, size);
    archive_entry_set_mtime(header, now, 0);
    ok = archive_write_header(a, header) == ARCHIVE_OK;
    archive_entry_free(header);
    return ok || archive_failed(a, path, errp);
}

static bool write_entry(struct archive *a, const struct cidata_entry *entry, time_t now,
                        struct err **errp)
{
    auto_fd int fd = -1;
    struct stat st;

    if (!entry->source_path)
        return write_header(a, entry->path, AE_IFREG, entry->mode, (int64_t)entry->size, now,
                            errp) &&
               write_data(a, entry->path, entry->data, entry->size, errp);
    fd = open(entry->source_path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0)
        return err_set_os(errp, errno, "cannot open %s", entry->source_path);
    return write_header(a, entry->path, AE_IFREG, entry->mode, st.st_size, now, errp) &&
           copy_data(a, entry->path, fd, entry->source_path, errp);
}

/* The directory of path, unless it is the one of the entry before. */
static bool write_dir(struct archive *a, const struct cidata *seed, size_t i, time_t now,
                      struct err **errp)
{
    const char *path = seed->v[i].path, *before = i > 0 ? seed->v[i - 1].path : "";
    const char *slash = strchr(path, '/');
    size_t n = slash ? (size_t)(slash - path) + 1 : 0;

    if (!slash || strncmp(path, before, n) == 0)
        return true;

    auto_mem char *dir = mem_strndup(path, n - 1);

    return write_header(a, dir, AE_IFDIR, 0755, 0, now, errp);
}

static bool write_volume(struct archive *a, const struct cidata *seed, int fd, struct err **errp)
{
    time_t now = time(NULL);

    if (archive_write_set_format_iso9660(a) != ARCHIVE_OK ||
        archive_write_set_options(a, "iso9660:volume-id=" INITRD_SEED_LABEL ",!joliet,rockridge") !=
            ARCHIVE_OK ||
        archive_write_open_fd(a, fd) != ARCHIVE_OK)
        return archive_failed(a, "the seed", errp);
    for (size_t i = 0; i < seed->n; i++)
        if (!write_dir(a, seed, i, now, errp) || !write_entry(a, &seed->v[i], now, errp))
            return false;
    return archive_write_close(a) == ARCHIVE_OK || archive_failed(a, "the seed", errp);
}

static bool write_label(int fd, const char *path, struct err **errp)
{
    char label[LABEL_SIZE];

    memset(label, ' ', sizeof(label));
    memcpy(label, INITRD_SEED_LABEL, strlen(INITRD_SEED_LABEL));
    if (pwrite(fd, label, sizeof(label), LABEL_AT) != (ssize_t)sizeof(label) || fsync(fd) != 0)
        return err_set_os(errp, errno, "writing %s", path);
    return true;
}

bool cidata_write_iso(const struct cidata *seed, const char *path, struct err **errp)
{
    auto_mem char *temp = mem_printf("%s" NAME_TMP_SUFFIX, path);
    auto_fd int fd = open(temp, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    struct archive *a;
    bool ok;

    if (fd < 0)
        return err_set_os(errp, errno, "cannot create %s", temp);
    a = archive_write_new();
    if (!a)
        return err_set(errp, ERR_INTERNAL, "cannot set up the writer of ISO images");
    ok = write_volume(a, seed, fd, errp);
    (void)archive_write_free(a);
    if (ok && write_label(fd, temp, errp) && file_rename(temp, path, errp))
        return true;
    (void)unlink(temp);
    return err_wrap(errp, "making the seed");
}
