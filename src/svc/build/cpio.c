#include "svc/build/cpio.h"

#include <inttypes.h>
#include <sys/stat.h>

#include "base/num.h"

#define NEWC_MAGIC "070701"
#define NEWC_HEADER_SIZE 110
#define NEWC_FILE_SIZE_AT 54
#define NEWC_NAME_SIZE_AT 94
#define NEWC_TRAILER "TRAILER!!!"
/* The kernel skips zeros between archives; whole blocks keep later ones aligned. */
#define ARCHIVE_ALIGN 512
#define NAME_SIZE_MAX 4096

static void pad(struct sb *out, size_t align)
{
    while (out->n % align != 0)
        sb_putc(out, '\0');
}

static void put_entry(struct cpio *cpio, const char *path, unsigned mode, unsigned n_links,
                      unsigned major, unsigned minor, struct sv bytes)
{
    size_t name_size = strlen(path) + 1;

    cpio->n_entries++;
    sb_putf(&cpio->out, NEWC_MAGIC "%08" PRIx32 "%08x%08x%08x%08x%08x%08zx%08x%08x%08x%08x%08zx%08x",
            cpio->n_entries, mode, 0, 0, n_links, 0, bytes.n, 0, 0, major, minor, name_size, 0);
    sb_put_mem(&cpio->out, path, name_size);
    pad(&cpio->out, 4);
    sb_put(&cpio->out, bytes);
    pad(&cpio->out, 4);
}

void cpio_put_dir(struct cpio *cpio, const char *path, unsigned mode)
{
    put_entry(cpio, path, S_IFDIR | mode, 2, 0, 0, SV(""));
}

void cpio_put_file(struct cpio *cpio, const char *path, unsigned mode, struct sv bytes)
{
    put_entry(cpio, path, S_IFREG | mode, 1, 0, 0, bytes);
}

void cpio_put_char_device(struct cpio *cpio, const char *path, unsigned mode, unsigned major,
                          unsigned minor)
{
    put_entry(cpio, path, S_IFCHR | mode, 1, major, minor, SV(""));
}

void cpio_end(struct cpio *cpio)
{
    put_entry(cpio, NEWC_TRAILER, 0, 1, 0, 0, SV(""));
    pad(&cpio->out, ARCHIVE_ALIGN);
}

static bool header_field(struct sv header, size_t at, uint64_t *out)
{
    return parse_u64_base(sv_slice(header, at, at + 8), 16, out);
}

static size_t align_up(size_t n, size_t align)
{
    return (n + align - 1) / align * align;
}

bool cpio_length(struct sv bytes, size_t *out_length)
{
    size_t at = 0;

    while (bytes.n - at >= NEWC_HEADER_SIZE) {
        struct sv header = sv_slice(bytes, at, at + NEWC_HEADER_SIZE);
        uint64_t file_size, name_size;

        if (!sv_starts(header, SV(NEWC_MAGIC)) ||
            !header_field(header, NEWC_FILE_SIZE_AT, &file_size) ||
            !header_field(header, NEWC_NAME_SIZE_AT, &name_size) ||
            name_size == 0 || name_size > NAME_SIZE_MAX)
            return false;
        /* Both sizes are 32-bit numbers, so these sums cannot overflow. */
        size_t data_at = align_up(at + NEWC_HEADER_SIZE + name_size, 4);
        size_t next_at = align_up(data_at + file_size, 4);

        if (data_at > bytes.n || next_at > bytes.n)
            return false;
        if (sv_eq(sv_slice(bytes, at + NEWC_HEADER_SIZE, at + NEWC_HEADER_SIZE + name_size),
                  (struct sv){ NEWC_TRAILER, sizeof(NEWC_TRAILER) })) {
            next_at = align_up(next_at, ARCHIVE_ALIGN);
            *out_length = next_at < bytes.n ? next_at : bytes.n;
            return true;
        }
        at = next_at;
    }
    return false;
}
