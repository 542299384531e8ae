/*
 * Reads tar archives and compressed files (gzip, bzip2, xz, zstd) from a source that the caller provides.
 * The only user of libarchive's reading side, which is loaded at the first use.
 *
 *     reader = archive_reader_new(ARCHIVE_READER_TAR, source, data, errp);
 *     while (archive_reader_next(reader, &name, errp) && name) ...
 *
 * A compressed file appears as an archive with one member.
 */
#ifndef SVC_BUILD_ARCHIVE_READER_H
#define SVC_BUILD_ARCHIVE_READER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum archive_reader_kind {
    ARCHIVE_READER_TAR,        /* uncompressed */
    ARCHIVE_READER_COMPRESSED, /* any compression, its content as it is */
};

/* Bytes to out, their number to *out_n; 0 = end. */
typedef bool (*archive_source_fn)(void *data, void *out, size_t size, size_t *out_n,
                                  struct err **errp);

struct archive_reader;

struct archive_reader *archive_reader_new(enum archive_reader_kind kind, archive_source_fn source,
                                          void *data, struct err **errp) MUST_USE;
/* The next regular file; *out_name is borrowed until the next call, NULL at the end. */
bool archive_reader_next(struct archive_reader *reader, const char **out_name,
                         struct err **errp) MUST_USE;
/* Bytes of the current file; *out_n 0 at its end. ERR_INVALID when the archive is damaged. */
bool archive_reader_read(struct archive_reader *reader, void *out, size_t size, size_t *out_n,
                         struct err **errp) MUST_USE;
void archive_reader_free(struct archive_reader *reader);
AUTO_DECLARE(struct archive_reader, archive_reader);
#define auto_archive_reader AUTO_CALL(archive_reader_auto)

#endif
