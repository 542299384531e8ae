#include "svc/fetch/entry.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/path.h"
#include "svc/fetch/http.h"
#include "sys/dir.h"
#include "sys/file.h"
#include "sys/lock.h"

#define SMALL_LIMIT (64u << 10)

char *entry_root(const char *cache_dir)
{
    return path_join(cache_dir, "download/by-url-sha256");
}

char *entry_key(const char *url)
{
    return digest_name(sv_of(url));
}

bool entry_open(struct entry *entry, const char *cache_dir, struct err **errp)
{
    auto_mem char *root = entry_root(cache_dir);
    auto_mem char *key = entry_key(entry->url);

    entry->dir = path_join(root, key);
    return dir_make_all(entry->dir, 0700, errp) &&
           lock_dir(entry->dir, LOCK_WAIT, &entry->lock_fd, errp);
}

void entry_close(struct entry *entry)
{
    if (entry->lock_fd >= 0)
        (void)close(entry->lock_fd);
    entry->lock_fd = -1;
    mem_replace(&entry->dir, NULL);
}

char *entry_path(const struct entry *entry, const char *name)
{
    return path_join(entry->dir, name);
}

char *entry_read(const struct entry *entry, const char *name)
{
    auto_mem char *path = entry_path(entry, name);
    char *text = NULL;

    return file_read_text(path, SMALL_LIMIT, &text, NULL) ? text : mem_strdup("");
}

bool entry_write(const struct entry *entry, const char *name, const char *text,
                 struct err **errp)
{
    auto_mem char *path = entry_path(entry, name);

    return file_write_atomic(path, sv_of(text), 0644, errp);
}

bool entry_remove(const struct entry *entry, const char *name, struct err **errp)
{
    auto_mem char *path = entry_path(entry, name);

    return file_remove(path, errp);
}

bool entry_check_digest(const struct entry *entry, const char *hex, struct err **errp)
{
    if (sv_eq_str(entry->expected.hex, hex))
        return true;
    return err_set(errp, ERR_INVALID, "expected digest `%s`, got `%s:%s`", entry->digest,
                   digest_algo_name(entry->expected.algo), hex);
}

/* The data was verified when it was stored; what was verified is in ALGO.digest. */
static bool decide_by_stored_digest(const struct entry *entry, const char *stored,
                                    struct err **errp)
{
    return str_eq(stored, entry->digest) ||
           err_set(errp, ERR_INVALID, "expected digest `%s`, got `%s`", entry->digest, stored);
}

static bool hash_data(const struct entry *entry, struct err **errp)
{
    auto_mem char *path = entry_path(entry, ENTRY_DATA);
    auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
    auto_mem char *hex = NULL;

    if (fd < 0)
        return err_set(errp, ERR_NOT_FOUND, "%s vanished", path);
    return digest_fd_hex(fd, path, entry->expected.algo, &hex, errp) &&
           entry_check_digest(entry, hex, errp);
}

/* Asks the server whether the data of before is still current; in doubt because it cannot be reached, it is.
 */
static bool is_current(const struct entry *entry, const char *cached_time)
{
    auto_http_head struct http_head head = { 0 };
    struct http_request req = { .url = entry->url, .head_only = true };

    if (!http_run(&req, &head, NULL)) {
        progress_note(entry->progress, LOG_WARN,
                      "Failed to retrieve last-modified for cached digest-less image; using cached "
                      "image.");
        return true;
    }
    if (head.last_modified[0] && http_same_date(cached_time, head.last_modified))
        return true;
    progress_note(entry->progress, LOG_WARN,
                  "Re-downloading digest-less image: last-modified mismatch (cached: `%s`, remote: "
                  "`%s`)",
                  cached_time, head.last_modified);
    return false;
}

bool entry_decide(const struct entry *entry, bool *out_usable, struct err **errp)
{
    auto_mem char *data_path = entry_path(entry, ENTRY_DATA);

    *out_usable = false;
    if (!file_exists(data_path))
        return true;
    if (entry->digest) {
        auto_mem char *name = mem_printf("%s.digest", digest_algo_name(entry->expected.algo));
        auto_mem char *stored = entry_read(entry, name);

        if (stored[0]) {
            *out_usable = true;
            return decide_by_stored_digest(entry, stored, errp);
        }
    }

    auto_mem char *cached_time = entry_read(entry, ENTRY_TIME);

    if (!cached_time[0] || !is_current(entry, cached_time))
        return true;
    *out_usable = true;
    return !entry->digest || hash_data(entry, errp);
}
