#include "svc/fetch/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/path.h"
#include "base/quote.h"
#include "svc/fetch/entry.h"
#include "svc/fetch/http.h"
#include "sys/dir.h"
#include "sys/file.h"
#include "sys/lock.h"

#define FILE_SCHEME "file://"

bool fetch_is_local(const char *location)
{
    return !strstr(location, "://") || str_starts(location, FILE_SCHEME);
}

char *fetch_cache_dir(const char *home)
{
    const char *xdg = getenv("XDG_CACHE_HOME");

    if (xdg && path_is_absolute(xdg))
        return path_join(xdg, "lima");
    return path_join(home, ".cache/lima");
}

bool fetch_local_path(const char *location, const char *home, char **out_path, struct err **errp)
{
    if (str_starts(location, FILE_SCHEME)) {
        const char *path = location + strlen(FILE_SCHEME);

        if (!path_is_absolute(path) && path[0] != '~') {
            auto_mem char *quoted = quote_tick_dup(path);

            return err_set(errp, ERR_INVALID, "got non-absolute path %s", quoted);
        }
        location = path;
    }
    if (location[0] == '\0')
        return err_set(errp, ERR_INVALID, "the location is empty");
    if (location[0] == '~' && !home)
        return err_set(errp, ERR_INVALID, "%s: the home directory is not known here", location);

    auto_mem char *expanded = path_expand_home(location, home ? home : "");

    return file_absolute(expanded, out_path, errp);
}

static bool open_regular(const char *path, int *out_fd, struct err **errp)
{
    auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    struct stat st;

    if (fd < 0 && errno == ENOENT)
        return err_set(errp, ERR_NOT_FOUND, "%s does not exist", path);
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_set_os(errp, errno, "cannot open %s", path);
    if (!S_ISREG(st.st_mode))
        return err_set(errp, ERR_INVALID, "%s is not a regular file", path);
    *out_fd = MOVE_FD(fd);
    return true;
}

static bool check_local_digest(int fd, const char *path, const char *digest, struct err **errp)
{
    struct entry entry = { .digest = digest };
    auto_mem char *hex = NULL;

    if (!digest)
        return true;
    return digest_parse(digest, &entry.expected, errp) &&
           digest_fd_hex(fd, path, entry.expected.algo, &hex, errp) &&
           entry_check_digest(&entry, hex, errp);
}

static bool fetch_local(const struct fetch_request *req, const char *digest, struct fetched *out,
                        struct err **errp)
{
    auto_mem char *path = NULL;
    auto_fd int fd = -1;

    if (!fetch_local_path(req->location, req->home, &path, errp) ||
        !open_regular(path, &fd, errp) || !check_local_digest(fd, path, digest, errp))
        return false;
    *out = (struct fetched){ .fd = MOVE_FD(fd), .path = MOVE(path), .source = FETCH_LOCAL };
    return true;
}

static bool fetch_remote(const struct fetch_request *req, const char *digest, struct fetched *out,
                         struct err **errp)
{
    auto_entry struct entry entry = {
        .url = req->location,
        .digest = digest,
        .what = req->what ? req->what : "the file",
        .progress = req->progress,
        .lock_fd = -1,
    };
    bool usable;

    if (digest && !digest_parse(digest, &entry.expected, errp))
        return false;
    if (!entry_open(&entry, req->cache_dir, errp) || !entry_decide(&entry, &usable, errp) ||
        (!usable && !entry_download(&entry, errp)))
        return false;

    auto_mem char *path = entry_path(&entry, ENTRY_DATA);
    int fd;

    if (!open_regular(path, &fd, errp))
        return false;
    *out = (struct fetched){
        .fd = fd,
        .path = MOVE(path),
        .source = usable ? FETCH_CACHED : FETCH_DOWNLOADED,
    };
    return true;
}

bool fetch(const struct fetch_request *req, struct fetched *out, struct err **errp)
{
    const char *digest = req->digest && req->digest[0] ? req->digest : NULL;

    return fetch_is_local(req->location) ? fetch_local(req, digest, out, errp)
                                         : fetch_remote(req, digest, out, errp);
}

void fetched_done(struct fetched *got)
{
    if (got->fd >= 0)
        (void)close(got->fd);
    free(got->path);
    *got = FETCHED_NONE;
}

struct text {
    const char *url;
    struct sb *out;
    size_t limit;
};

static bool on_text(void *data, const struct http_head *head, const void *bytes, size_t n,
                    struct err **errp)
{
    struct text *text = data;

    if (n > text->limit - text->out->n)
        return err_set(errp, ERR_INVALID, "%s is larger than %zu bytes", text->url, text->limit);
    sb_put_mem(text->out, bytes, n);
    return true;
}

bool fetch_text(const char *url, size_t limit, struct sb *out, struct err **errp)
{
    auto_sb struct sb bytes = { 0 };
    struct text text = { url, &bytes, limit };
    struct http_request req = { .url = url, .on_body = on_text, .data = &text };

    if (!http_run(&req, NULL, errp))
        return false;
    sb_put(out, sb_view(&bytes));
    return true;
}

/* --- Prune --- */

static bool remove_partials(const char *dir, struct err **errp)
{
    auto_strv struct strv names = { 0 };
    auto_fd int lock_fd = -1;

    if (!lock_dir(dir, LOCK_WAIT, &lock_fd, errp) || !dir_list(dir, &names, errp))
        return false;
    for (size_t i = 0; i < names.n; i++) {
        auto_mem char *path = path_join(dir, names.v[i]);

        if ((str_eq(names.v[i], ENTRY_PART) || str_eq(names.v[i], ENTRY_PART_TAG) ||
             str_starts(names.v[i], "data.tmp.")) &&
            !file_remove(path, errp))
            return false;
    }
    return true;
}

static bool prune_entries(const char *cache_dir, const struct strv *keep, struct err **errp)
{
    auto_mem char *root = entry_root(cache_dir);
    auto_strv struct strv kept_keys = { 0 };
    auto_strv struct strv names = { 0 };

    if (!dir_exists(root))
        return true;
    for (size_t i = 0; i < keep->n; i++)
        strv_push_take(&kept_keys, entry_key(keep->v[i]));
    if (!dir_list(root, &names, errp))
        return false;
    for (size_t i = 0; i < names.n; i++) {
        auto_mem char *dir = path_join(root, names.v[i]);

        if (!dir_exists(dir))
            continue;
        if (strv_has(&kept_keys, names.v[i]) ? !remove_partials(dir, errp)
                                             : !dir_remove_tree(dir, errp))
            return false;
    }
    return true;
}

bool fetch_prune(const char *cache_dir, const struct strv *keep, struct err **errp)
{
    return keep ? prune_entries(cache_dir, keep, errp) : dir_remove_tree(cache_dir, errp);
}
