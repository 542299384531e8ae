/*
 * Fills a new instance directory from the list of images: image, and kernel, kernel.cmdline, initrd
 * where the chosen entry names them (config.md section 12.2). The driver makes the disk out of it.
 *
 * Entries are tried in order; those of another architecture or variant are skipped, the first that
 * can be had wins. Locations are paths, URLs (through the cache) or "build:RECIPE" (svc/build).
 */
#ifndef SVC_IMAGE_PREPARE_H
#define SVC_IMAGE_PREPARE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "svc/fetch/progress.h"

struct image_file {
    const char *location; /* NULL or "" = none; all members are borrowed */
    const char *digest;   /* NULL or "" = none */
};

struct image_entry {
    struct image_file image;
    const char *arch;    /* resolved, never NULL */
    const char *variant; /* "" or NULL = none */
    struct image_file kernel, initrd;
    const char *cmdline; /* of the kernel; NULL or "" = none */
};

struct image_prepare {
    const char *dir; /* the instance directory, exists */
    const char *arch;
    const struct image_entry *entries;
    size_t n_entries;
    const char *cache_dir; /* fetch_cache_dir() */
    const char *home;      /* for "~" */
    /* Finds the guest agent for an architecture, needed by "build:" entries: an owned path. */
    bool (*find_agent)(const char *arch, char **out_path, struct err **errp);
    struct progress *progress; /* may be NULL */
};

/* Does nothing when DIR/image or DIR/disk exists. Files appear complete or not at all; "image" comes
 * last. */
bool image_prepare(const struct image_prepare *req, struct err **errp) MUST_USE;

/* Brings DIR/initrd of an instance made from a "build:" location up to the installed guest agent;
 * fast and without network. Other instances are left alone. agent_path is borrowed. */
bool image_refresh_initrd(const char *dir, const char *agent_path, struct err **errp) MUST_USE;

#endif
