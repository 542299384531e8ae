/*
 * One entry of the download cache: CACHE/download/by-url-sha256/HEX/ (fetch.h has the layout).
 */
#ifndef SVC_FETCH_ENTRY_H
#define SVC_FETCH_ENTRY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "svc/fetch/digest.h"
#include "svc/fetch/fetch.h"

#define ENTRY_DATA "data"
#define ENTRY_PART "data.part"
#define ENTRY_PART_TAG "part.tag"
#define ENTRY_TIME "time"
#define ENTRY_TYPE "type"
#define ENTRY_URL "url"

struct entry {
    const char *url;             /* borrowed */
    const char *digest;          /* the expected one as text; borrowed; NULL = none */
    struct digest_text expected; /* parsed digest */
    const char *what;            /* borrowed */
    struct progress *progress;   /* borrowed; may be NULL */
    char *dir;
    int lock_fd;
};

/* CACHE/download/by-url-sha256, owned. */
char *entry_root(const char *cache_dir);
/* HEX of a URL, owned. */
char *entry_key(const char *url);

/* Creates the directory when missing and locks it; waits for others. */
bool entry_open(struct entry *entry, const char *cache_dir, struct err **errp) MUST_USE;
void entry_close(struct entry *entry);
#define auto_entry AUTO_CALL(entry_close)

char *entry_path(const struct entry *entry, const char *name); /* owned */
/* Text of a small file of the entry, "" when there is none. Owned. */
char *entry_read(const struct entry *entry, const char *name);
bool entry_write(const struct entry *entry, const char *name, const char *text,
                 struct err **errp) MUST_USE;
bool entry_remove(const struct entry *entry, const char *name, struct err **errp) MUST_USE;
/* "expected digest `A`, got `B`" unless the hexadecimal text is the expected one. */
bool entry_check_digest(const struct entry *entry, const char *hex, struct err **errp) MUST_USE;

/* May the cached data be used? (reference: config section 13.2, steps 2 and 3.) *out_usable false: it must
 * be downloaded. An error means this location cannot be used at all. */
bool entry_decide(const struct entry *entry, bool *out_usable, struct err **errp) MUST_USE;

/* Downloads into the entry, continuing what an earlier attempt left. */
bool entry_download(const struct entry *entry, struct err **errp) MUST_USE;

#endif
