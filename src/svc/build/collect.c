#include "svc/build/collect.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/path.h"
#include "base/sb.h"
#include "svc/build/modules.h"
#include "sys/file.h"

#define MEMBER_LIMIT (256u << 20)
#define MANIFEST_LIMIT (1u << 20)
#define HOLE_SIZE 4096
#define COPY_SIZE (64 * HOLE_SIZE)

struct reader {
    struct bootstrap *b; /* borrowed */
    struct err *err;     /* why a read failed */
    char buf[64 * 1024];
};

static la_ssize_t archive_read_stream(struct archive *archive, void *data, const void **out)
{
    struct reader *reader = data;
    size_t n;

    *out = reader->buf;
    if (bootstrap_read(reader->b, BOOTSTRAP_SYSTEM, reader->buf, sizeof(reader->buf), &n,
                       &reader->err))
        return (la_ssize_t)n;
    archive_set_error(archive, EIO, "read failed");
    return -1;
}

static void archive_auto(struct archive **archive)
{
    (void)archive_read_free(*archive);
}
#define auto_archive AUTO_CALL(archive_auto)

static bool archive_fail(struct archive *archive, struct err **errp)
{
    const char *text = archive_error_string(archive);

    return err_set(errp, ERR_PROTOCOL, "reading the packages' files: %s",
                   text ? text : "broken archive");
}

static bool read_member(struct archive *archive, size_t limit, struct sb *out, struct err **errp)
{
    char buf[64 * 1024];
    la_ssize_t n;

    while ((n = archive_read_data(archive, buf, sizeof(buf))) > 0) {
        if (out->n + (size_t)n > limit)
            return err_set(errp, ERR_INVALID, "a file of the packages is too large");
        sb_put_mem(out, buf, (size_t)n);
    }
    return n == 0 || archive_fail(archive, errp);
}

/* Modules of newer kernels are compressed (.ko.xz, .ko.zst). */
static bool unpack_module(struct sv packed, struct sb *out, struct err **errp)
{
    auto_archive struct archive *archive = archive_read_new();
    struct archive_entry *entry;

    (void)archive_read_support_filter_all(archive);
    (void)archive_read_support_format_raw(archive);
    if (archive_read_open_memory(archive, packed.p, packed.n) != ARCHIVE_OK ||
        archive_read_next_header(archive, &entry) != ARCHIVE_OK)
        return archive_fail(archive, errp);
    return read_member(archive, MEMBER_LIMIT, out, errp);
}

static bool take_module(struct archive *archive, const char *name, struct module_set *set,
                        struct err **errp)
{
    auto_sb struct sb bytes = { 0 };
    auto_sb struct sb plain = { 0 };

    if (!read_member(archive, MEMBER_LIMIT, &bytes, errp))
        return false;
    if (str_ends(name, ".ko"))
        return module_set_add(set, path_base(name), sb_view(&bytes), errp);
    return unpack_module(sb_view(&bytes), &plain, errp) &&
           module_set_add(set, path_base(name), sb_view(&plain), errp);
}

static bool store_member(struct archive *archive, const char *dir, const char *name, size_t limit,
                         struct err **errp)
{
    auto_sb struct sb bytes = { 0 };
    auto_mem char *path = path_join(dir, name);

    return read_member(archive, limit, &bytes, errp) &&
           file_write_atomic(path, sb_view(&bytes), 0644, errp);
}

static bool store_modules(const struct module_set *set, const char *dir, struct err **errp)
{
    auto_strv struct strv names = { 0 };
    auto_sb struct sb packed = { 0 };
    auto_mem char *path = path_join(dir, RESULT_MODULES);

    module_set_order(set, recipe_modules, &names);
    if (names.n == 0)
        return err_set(errp, ERR_PROTOCOL, "the kernel package has no modules that are wanted");
    module_set_pack(set, &names, &packed);
    return file_write_atomic(path, sb_view(&packed), 0644, errp);
}

/* The members that a recipe promises (prelude.sh); has counts the single ones. */
static bool take_member(struct archive *archive, const char *name, const char *dir,
                        struct module_set *set, unsigned *has, struct err **errp)
{
    if (str_eq(name, "manifest")) {
        *has |= 1u;
        return store_member(archive, dir, RESULT_MANIFEST, MANIFEST_LIMIT, errp);
    }
    if (str_eq(name, "kernel")) {
        *has |= 2u;
        return store_member(archive, dir, RESULT_KERNEL, MEMBER_LIMIT, errp);
    }
    if (strstr(name, ".ko"))
        return take_module(archive, name, set, errp);
    return true;
}

static bool read_system(struct archive *archive, const char *dir, struct err **errp)
{
    auto_module_set struct module_set set = { 0 };
    struct archive_entry *entry;
    unsigned has = 0;
    int status;

    while ((status = archive_read_next_header(archive, &entry)) == ARCHIVE_OK) {
        const char *name = archive_entry_pathname(entry);

        if (archive_entry_filetype(entry) == AE_IFREG && name &&
            !take_member(archive, name, dir, &set, &has, errp))
            return err_wrap(errp, "%s", name);
    }
    if (status != ARCHIVE_EOF)
        return archive_fail(archive, errp);
    if (has != 3)
        return err_set(errp, ERR_PROTOCOL, "the recipe gave no kernel or no manifest");
    return store_modules(&set, dir, errp);
}

bool collect_system(struct bootstrap *b, const char *dir, struct err **errp)
{
    auto_mem struct reader *reader = mem_new(struct reader);
    auto_archive struct archive *archive = archive_read_new();

    struct err *err = NULL;

    reader->b = b;
    (void)archive_read_support_format_tar(archive);
    bool ok = archive_read_open(archive, reader, NULL, archive_read_stream, NULL) == ARCHIVE_OK
                  ? read_system(archive, dir, &err)
                  : archive_fail(archive, &err);

    if (ok)
        return true;
    /* What stopped the stream says more than what the archive reader made of it. */
    if (reader->err) {
        err_free(err);
        return err_propagate(errp, reader->err);
    }
    return err_propagate(errp, err);
}

static bool is_zero(const char *p, size_t n)
{
    return n > 0 && p[0] == 0 && memcmp(p, p + 1, n - 1) == 0;
}

/* Writes one piece, which begins at a multiple of HOLE_SIZE. */
static bool write_sparse(int fd, const char *path, struct sv piece, struct err **errp)
{
    while (piece.n > 0) {
        struct sv block = sv_slice(piece, 0, HOLE_SIZE);

        if (!is_zero(block.p, block.n)) {
            if (!file_write_fd(fd, path, block, errp))
                return false;
        } else if (lseek(fd, (off_t)block.n, SEEK_CUR) < 0) {
            return err_set_os(errp, errno, "%s: cannot seek", path);
        }
        piece = sv_slice(piece, block.n, piece.n);
    }
    return true;
}

bool collect_image(struct bootstrap *b, const char *path, struct err **errp)
{
    auto_fd int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    auto_mem char *buf = mem_alloc(COPY_SIZE);
    uint64_t total = 0;
    size_t used = 0;
    size_t n;

    if (fd < 0)
        return err_set_os(errp, errno, "%s: cannot create", path);
    do {
        if (!bootstrap_read(b, BOOTSTRAP_IMAGE, buf + used, COPY_SIZE - used, &n, errp))
            return false;
        used += n;
        total += n;
        if (used < COPY_SIZE && n > 0)
            continue;
        if (!write_sparse(fd, path, (struct sv){ buf, used }, errp))
            return false;
        used = 0;
    } while (n > 0);
    if (total == 0)
        return err_set(errp, ERR_PROTOCOL, "the recipe gave no file system");
    if (ftruncate(fd, (off_t)total) < 0)
        return err_set_os(errp, errno, "%s: cannot set the size", path);
    return true;
}
