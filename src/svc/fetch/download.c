/*
 * Filling a cache entry.
 *
 * Bytes go to "data.part". "part.tag" holds the ETag or date of the resource that they belong to; with it, or
 * when a digest will tell in the end, the next attempt asks for the rest only. A server that answers with the
 * whole resource (200) starts the file over. When everything is there and verified, the metadata of older
 * data is removed, data.part becomes data, and the new metadata is written: a stop between any two steps
 * leaves an entry that is downloaded again, never one that is believed wrongly.
 */
#include "svc/fetch/entry.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/path.h"
#include "base/units.h"
#include "svc/fetch/http.h"
#include "sys/file.h"

#define ATTEMPTS 3
#define RETRY_PAUSE_MS 500

struct download {
    const struct entry *entry; /* borrowed */
    char *part_path;
    int fd;
    uint64_t at;    /* bytes in the part file */
    uint64_t total; /* 0 = unknown */
    char *tag;      /* what part.tag says; "" = nothing */
    char *last_modified, *content_type;
    struct digest *digest; /* of the part file so far; NULL: none wanted */
};

static void download_done(struct download *d)
{
    free(d->part_path);
    if (d->fd >= 0)
        (void)close(d->fd);
    free(d->tag);
    free(d->last_modified);
    free(d->content_type);
    digest_free(d->digest);
}
#define auto_download AUTO_CALL(download_done)

static bool start_digest(struct download *d, struct err **errp)
{
    digest_free(d->digest);
    d->digest = NULL;
    if (d->entry->digest)
        d->digest = digest_new(d->entry->expected.algo, errp);
    return !d->entry->digest || d->digest;
}

static bool start_over(struct download *d, struct err **errp)
{
    if (ftruncate(d->fd, 0) < 0 || lseek(d->fd, 0, SEEK_SET) < 0)
        return err_set_os(errp, errno, "cannot truncate %s", d->part_path);
    d->at = 0;
    return start_digest(d, errp);
}

/* Adds what the file holds already to the digest. */
static bool digest_part(struct download *d, struct err **errp)
{
    enum { BUF_SIZE = 256 * 1024 };
    auto_mem char *buf = mem_alloc(BUF_SIZE);
    ssize_t n;

    while ((n = read(d->fd, buf, BUF_SIZE)) != 0) {
        if (n < 0 && errno != EINTR)
            return err_set_os(errp, errno, "cannot read %s", d->part_path);
        if (n > 0)
            digest_add(d->digest, buf, (size_t)n);
    }
    return true;
}

/* Goes on behind what an earlier attempt left, if it can be told that it belongs to the same resource. */
static bool open_part(struct download *d, struct err **errp)
{
    struct stat st;

    d->fd = open(d->part_path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (d->fd < 0 || fstat(d->fd, &st) < 0)
        return err_set_os(errp, errno, "cannot open %s", d->part_path);
    d->tag = entry_read(d->entry, ENTRY_PART_TAG);
    if (!start_digest(d, errp))
        return false;
    if (!d->tag[0] && !d->entry->digest)
        return start_over(d, errp);
    d->at = (uint64_t)st.st_size;
    if (lseek(d->fd, 0, SEEK_SET) < 0)
        return err_set_os(errp, errno, "cannot rewind %s", d->part_path);
    if (d->digest)
        return digest_part(d, errp);
    if (lseek(d->fd, 0, SEEK_END) < 0)
        return err_set_os(errp, errno, "cannot seek in %s", d->part_path);
    return true;
}

/* A weak ETag does not promise equal bytes; the date then has to do. */
static const char *strong_tag(const struct http_head *head)
{
    return head->etag[0] == '"' ? head->etag : head->last_modified;
}

static bool check_room(const struct download *d, uint64_t needed, struct err **errp)
{
    struct statvfs st;

    if (statvfs(d->entry->dir, &st) < 0 || needed <= (uint64_t)st.f_bavail * st.f_frsize)
        return true;
    auto_mem char *want = size_format(needed);
    auto_mem char *have = size_format((uint64_t)st.f_bavail * st.f_frsize);

    (void)err_set_os(errp, ENOSPC, "%s needs %s, but %s has only %s left", d->entry->what, want,
                     d->entry->dir, have);
    return err_hint(errp, "make room, for example with `limactl prune`");
}

/* The head of an answer: either the rest, or everything from the start. */
static bool begin_answer(struct download *d, const struct http_head *head, struct err **errp)
{
    if (head->status == 206) {
        if (head->range_from != d->at)
            return err_set(errp, ERR_PROTOCOL, "%s: the server sent another range than asked for",
                           d->entry->url);
    } else if (!start_over(d, errp)) {
        return false;
    }
    d->total = head->content_length > 0 ? d->at + head->content_length : 0;
    mem_replace(&d->tag, mem_strdup(strong_tag(head)));
    mem_replace(&d->last_modified, mem_strdup(head->last_modified));
    mem_replace(&d->content_type, mem_strdup(head->content_type));
    return check_room(d, head->content_length, errp) &&
           entry_write(d->entry, ENTRY_PART_TAG, d->tag, errp);
}

static bool on_body(void *data, const struct http_head *head, const void *bytes, size_t n,
                    struct err **errp)
{
    struct download *d = data;

    if (n == 0)
        return begin_answer(d, head, errp);
    if (!file_write_fd(d->fd, d->part_path, (struct sv){ bytes, n }, errp))
        return false;
    if (d->digest)
        digest_add(d->digest, bytes, n);
    d->at += n;
    progress_update(d->entry->progress, d->at, d->total);
    return true;
}

static bool attempt(struct download *d, struct err **errp)
{
    auto_http_head struct http_head head = { 0 };
    auto_err struct err *err = NULL;

    /* Nothing would tell that the rest belongs to another version of the resource. */
    if (!d->tag[0] && !d->digest && !start_over(d, errp))
        return false;

    struct http_request req = {
        .url = d->entry->url,
        .range_from = d->at,
        .if_range = d->tag[0] ? d->tag : NULL,
        .on_body = on_body,
        .data = d,
    };

    if (http_run(&req, &head, &err))
        return true;
    /* Nothing behind what we have: either that was all, or it is not ours. The whole will tell. */
    if (head.status == 416 && d->at > 0) {
        req.range_from = 0;
        req.if_range = NULL;
        return http_run(&req, NULL, errp);
    }
    return err_propagate(errp, MOVE(err));
}

/* Tries again what may work the next time, without giving up what has arrived. */
static bool transfer(struct download *d, struct err **errp)
{
    for (int tries = 1;; tries++) {
        struct err *err = NULL;

        if (attempt(d, &err))
            return true;
        if (err_kind(err) != ERR_TIMEOUT || tries == ATTEMPTS)
            return err_propagate(errp, err);
        log_debug("%s: trying again: %s", d->entry->url, err_text(err));
        err_free(err);
        (void)poll(NULL, 0, RETRY_PAUSE_MS * tries); /* a moment for the other side to recover */
    }
}

static bool verify(struct download *d, struct err **errp)
{
    if (!d->digest)
        return true;
    auto_mem char *hex = digest_finish_hex(d->digest);

    if (entry_check_digest(d->entry, hex, errp))
        return true;
    if (!file_remove(d->part_path, NULL))
        log_debug("%s: cannot remove", d->part_path);
    return false;
}

static bool remove_metadata(const struct entry *entry, struct err **errp)
{
    static const char *const names[] = { ENTRY_TIME, ENTRY_TYPE, ENTRY_PART_TAG };

    for (size_t i = 0; i < COUNT(names); i++)
        if (!entry_remove(entry, names[i], errp))
            return false;
    for (size_t i = 0; i < DIGEST_ALGO_COUNT; i++) {
        auto_mem char *name = mem_printf("%s.digest", digest_algo_name((enum digest_algo)i));

        if (!entry_remove(entry, name, errp))
            return false;
    }
    return true;
}

static bool publish(struct download *d, struct err **errp)
{
    const struct entry *entry = d->entry;
    auto_mem char *data_path = entry_path(entry, ENTRY_DATA);

    if (fsync(d->fd) < 0)
        return err_set_os(errp, errno, "cannot write %s", d->part_path);
    if (!remove_metadata(entry, errp) || !file_rename(d->part_path, data_path, errp) ||
        !entry_write(entry, ENTRY_TIME, d->last_modified, errp) ||
        !entry_write(entry, ENTRY_TYPE, d->content_type, errp))
        return false;
    if (!entry->digest)
        return true;
    auto_mem char *name = mem_printf("%s.digest", digest_algo_name(entry->expected.algo));

    return entry_write(entry, name, entry->digest, errp);
}

bool entry_download(const struct entry *entry, struct err **errp)
{
    auto_download struct download d = {
        .entry = entry,
        .part_path = entry_path(entry, ENTRY_PART),
        .fd = -1,
    };
    const char *file_name = path_base(entry->url);
    auto_mem char *what = mem_printf("Downloading %s (%.*s)", entry->what,
                                     (int)strcspn(file_name, "?#"), file_name);

    if (!entry_write(entry, ENTRY_URL, entry->url, errp) || !open_part(&d, errp))
        return false;
    progress_begin(entry->progress, what, PROGRESS_BYTES);
    bool ok = transfer(&d, errp);

    progress_end(entry->progress, ok);
    return ok && verify(&d, errp) && publish(&d, errp);
}
