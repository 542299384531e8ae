/*
 * Gets the bytes behind a location: a plain path, a "file://" URL, or an "http(s)://" URL through the
 * download cache. Blocking; for limactl, not for daemons.
 *
 *     struct fetched got = FETCHED_NONE;
 *
 *     if (!fetch(&(struct fetch_request){ .location = url, .digest = digest, .what = "the image",
 *                                         .cache_dir = dir }, &got, errp))
 *         return false;
 *     ... read got.fd ...
 *     fetched_done(&got);
 *
 * Cache layout and rules: reference/config.md section 13 (DIR/download/by-url-sha256/HEX/{url,data,
 * time,type,ALGO.digest}). We add "part.tag" beside "data.part": what an interrupted
 * download leaves, so that the next one continues it. Each entry is locked with flock() on its
 * directory while it is checked or filled. Bytes with a digest are verified before "data" appears.
 */
#ifndef SVC_FETCH_FETCH_H
#define SVC_FETCH_FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/sb.h"
#include "base/strv.h"
#include "svc/fetch/progress.h"

struct fetch_request {
    const char *location;  /* all members are borrowed during the call */
    const char *digest;    /* "sha256:HEX", sha384, sha512; NULL or "" = not checked */
    const char *what;      /* "the image", "the kernel": for progress and messages */
    const char *cache_dir; /* see fetch_cache_dir(); needed for URLs only */
    const char *home;      /* what "~" means in paths; NULL = "~" is refused */
    struct progress *progress; /* may be NULL */
};

enum fetch_source { FETCH_LOCAL, FETCH_CACHED, FETCH_DOWNLOADED };

struct fetched {
    int fd;     /* open for reading at 0; stays valid whatever happens to the cache meanwhile */
    char *path; /* where that file was found */
    enum fetch_source source;
};
#define FETCHED_NONE ((struct fetched){ .fd = -1 })

/* Errors: ERR_NOT_FOUND (no such file, HTTP 404), ERR_INVALID (bad location or digest text, digest
 * mismatch), ERR_PROTOCOL (other HTTP status, broken transfer), ERR_OS (disk full, unreachable). */
bool fetch(const struct fetch_request *req, struct fetched *out, struct err **errp) MUST_USE;
void fetched_done(struct fetched *got);
#define auto_fetched AUTO_CALL(fetched_done)

/* A small text (a template) straight into memory, without the cache. */
bool fetch_text(const char *url, size_t limit, struct sb *out, struct err **errp) MUST_USE;

/* No "://" in it, or "file://". */
bool fetch_is_local(const char *location);
/* The path of a local location: "~" and relative paths made absolute. Owned. */
bool fetch_local_path(const char *location, const char *home, char **out_path,
                      struct err **errp) MUST_USE;

/* $XDG_CACHE_HOME/lima or HOME/.cache/lima; not created. Owned. */
char *fetch_cache_dir(const char *home);

/* Removes everything in the cache, or, when keep is not NULL, the download entries of all locations
 * that keep does not list, and abandoned partial files of the rest. An absent cache is fine. */
bool fetch_prune(const char *cache_dir, const struct strv *keep, struct err **errp) MUST_USE;

#endif
