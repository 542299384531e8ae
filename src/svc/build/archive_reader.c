#include "svc/build/archive_reader.h"

#include <errno.h>

#include <archive.h>
#include <archive_entry.h>

#include "base/mem.h"
#include "svc/fetch/lazy.h"

static struct {
    bool loaded;
    __typeof__(archive_read_new) *new;
    __typeof__(archive_read_support_filter_gzip) *filter_gzip;
    __typeof__(archive_read_support_filter_bzip2) *filter_bzip2;
    __typeof__(archive_read_support_filter_xz) *filter_xz;
    __typeof__(archive_read_support_filter_zstd) *filter_zstd;
    __typeof__(archive_read_support_format_tar) *format_tar;
    __typeof__(archive_read_support_format_raw) *format_raw;
    __typeof__(archive_read_open) *open;
    __typeof__(archive_read_next_header) *next_header;
    __typeof__(archive_read_data) *data;
    __typeof__(archive_read_free) *free;
    __typeof__(archive_error_string) *error_string;
    __typeof__(archive_set_error) *set_error;
    __typeof__(archive_entry_pathname) *entry_pathname;
    __typeof__(archive_entry_filetype) *entry_filetype;
} api;

static bool api_load(struct err **errp)
{
    static const char *const sonames[] = { "libarchive.so.13", NULL };
    const struct lazy_symbol symbols[] = {
        { "archive_read_new", &api.new },
        { "archive_read_support_filter_gzip", &api.filter_gzip },
        { "archive_read_support_filter_bzip2", &api.filter_bzip2 },
        { "archive_read_support_filter_xz", &api.filter_xz },
        { "archive_read_support_filter_zstd", &api.filter_zstd },
        { "archive_read_support_format_tar", &api.format_tar },
        { "archive_read_support_format_raw", &api.format_raw },
        { "archive_read_open", &api.open },
        { "archive_read_next_header", &api.next_header },
        { "archive_read_data", &api.data },
        { "archive_read_free", &api.free },
        { "archive_error_string", &api.error_string },
        { "archive_set_error", &api.set_error },
        { "archive_entry_pathname", &api.entry_pathname },
        { "archive_entry_filetype", &api.entry_filetype },
    };

    if (!api.loaded)
        api.loaded = lazy_load("libarchive", sonames, symbols, COUNT(symbols), errp);
    return api.loaded;
}

struct archive_reader {
    struct archive *archive;
    archive_source_fn source;
    void *data;
    struct err *err; /* why the source failed */
    char buf[128 * 1024];
};

static la_ssize_t read_source(struct archive *archive, void *data, const void **out)
{
    struct archive_reader *reader = data;
    size_t n;

    *out = reader->buf;
    if (!reader->err && reader->source(reader->data, reader->buf, sizeof(reader->buf), &n, &reader->err))
        return (la_ssize_t)n;
    api.set_error(archive, EIO, "cannot read");
    return -1;
}

/* What stopped the source says more than what libarchive made of it. */
static bool fail(struct archive_reader *reader, struct err **errp)
{
    const char *text = api.error_string(reader->archive);

    if (reader->err)
        return err_propagate(errp, MOVE(reader->err));
    return err_set(errp, ERR_INVALID, "%s", text ? text : "damaged archive");
}

struct archive_reader *archive_reader_new(enum archive_reader_kind kind, archive_source_fn source,
                                          void *data, struct err **errp)
{
    if (!api_load(errp))
        return NULL;

    auto_archive_reader struct archive_reader *reader = mem_new(struct archive_reader);

    reader->source = source;
    reader->data = data;
    reader->archive = api.new();
    if (kind == ARCHIVE_READER_TAR) {
        (void)api.format_tar(reader->archive);
    } else {
        (void)api.filter_gzip(reader->archive);
        (void)api.filter_bzip2(reader->archive);
        (void)api.filter_xz(reader->archive);
        (void)api.filter_zstd(reader->archive);
        (void)api.format_raw(reader->archive);
    }
    if (api.open(reader->archive, reader, NULL, read_source, NULL) != ARCHIVE_OK) {
        (void)fail(reader, errp);
        return NULL;
    }
    return MOVE(reader);
}

bool archive_reader_next(struct archive_reader *reader, const char **out_name, struct err **errp)
{
    struct archive_entry *entry;
    int status;

    while ((status = api.next_header(reader->archive, &entry)) == ARCHIVE_OK) {
        const char *name = api.entry_pathname(entry);

        if (api.entry_filetype(entry) != AE_IFREG || !name)
            continue;
        *out_name = name;
        return true;
    }
    if (status != ARCHIVE_EOF)
        return fail(reader, errp);
    *out_name = NULL;
    return true;
}

bool archive_reader_read(struct archive_reader *reader, void *out, size_t size, size_t *out_n,
                         struct err **errp)
{
    la_ssize_t n = api.data(reader->archive, out, size);

    if (n < 0)
        return fail(reader, errp);
    *out_n = (size_t)n;
    return true;
}

void archive_reader_free(struct archive_reader *reader)
{
    if (!reader)
        return;
    (void)api.free(reader->archive);
    err_free(reader->err);
    free(reader);
}
