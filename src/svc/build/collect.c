#include "svc/build/collect.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/path.h"
#include "base/sb.h"
#include "svc/build/archive_reader.h"
#include "svc/build/modules.h"
#include "sys/file.h"

#define MEMBER_LIMIT (256u << 20)
#define MANIFEST_LIMIT (1u << 20)
#define HOLE_SIZE 4096
#define COPY_SIZE (64 * HOLE_SIZE)

static bool read_stream(void *data, void *out, size_t size, size_t *out_n, struct err **errp)
{
    return bootstrap_read(data, BOOTSTRAP_SYSTEM, out, size, out_n, errp);
}

static bool read_member(struct archive_reader *reader, size_t limit, struct sb *out,
                        struct err **errp)
{
    auto_mem char *buf = mem_alloc(COPY_SIZE);
    size_t n;

    do {
        if (!archive_reader_read(reader, buf, COPY_SIZE, &n, errp))
            return false;
        if (n > limit - out->n)
            return err_set(errp, ERR_INVALID, "a file of the packages is too large");
        sb_put_mem(out, buf, n);
    } while (n > 0);
    return true;
}

static bool read_view(void *data, void *out, size_t size, size_t *out_n, struct err **errp)
{
    struct sv *rest = data;
    struct sv piece = sv_slice(*rest, 0, size);

    if (piece.n > 0)
        memcpy(out, piece.p, piece.n);
    *rest = sv_slice(*rest, piece.n, rest->n);
    *out_n = piece.n;
    return true;
}

/* Modules of newer kernels are compressed (.ko.xz, .ko.zst). */
static bool unpack_module(struct sv packed, struct sb *out, struct err **errp)
{
    auto_archive_reader struct archive_reader *reader =
        archive_reader_new(ARCHIVE_READER_COMPRESSED, read_view, &packed, errp);
    const char *name;

    return reader && archive_reader_next(reader, &name, errp) &&
           read_member(reader, MEMBER_LIMIT, out, errp);
}

static bool take_module(struct archive_reader *reader, const char *name, struct module_set *set,
                        struct err **errp)
{
    auto_sb struct sb bytes = { 0 };
    auto_sb struct sb plain = { 0 };

    if (!read_member(reader, MEMBER_LIMIT, &bytes, errp))
        return false;
    if (str_ends(name, ".ko"))
        return module_set_add(set, path_base(name), sb_view(&bytes), errp);
    return unpack_module(sb_view(&bytes), &plain, errp) &&
           module_set_add(set, path_base(name), sb_view(&plain), errp);
}

static bool store_member(struct archive_reader *reader, const char *dir, const char *name, size_t limit,
                         struct err **errp)
{
    auto_sb struct sb bytes = { 0 };
    auto_mem char *path = path_join(dir, name);

    return read_member(reader, limit, &bytes, errp) &&
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
static bool take_member(struct archive_reader *reader, const char *name, const char *dir,
                        struct module_set *set, unsigned *has, struct err **errp)
{
    if (str_eq(name, "manifest")) {
        *has |= 1u;
        return store_member(reader, dir, RESULT_MANIFEST, MANIFEST_LIMIT, errp);
    }
    if (str_eq(name, "kernel")) {
        *has |= 2u;
        return store_member(reader, dir, RESULT_KERNEL, MEMBER_LIMIT, errp);
    }
    if (strstr(name, ".ko"))
        return take_module(reader, name, set, errp);
    return true;
}

bool collect_system(struct bootstrap *b, const char *dir, struct err **errp)
{
    auto_archive_reader struct archive_reader *reader =
        archive_reader_new(ARCHIVE_READER_TAR, read_stream, b, errp);
    auto_module_set struct module_set set = { 0 };
    const char *name = NULL;
    unsigned has = 0;

    if (!reader)
        return false;
    do {
        if (!archive_reader_next(reader, &name, errp))
            return false;
        if (name && !take_member(reader, name, dir, &set, &has, errp))
            return err_wrap(errp, "%s", name);
    } while (name);
    if (has != 3)
        return err_set(errp, ERR_PROTOCOL, "the recipe gave no kernel or no manifest");
    return store_modules(&set, dir, errp);
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
