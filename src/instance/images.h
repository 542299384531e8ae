/*
 * Downloads, builds and unpacking of images, loaded when first needed: they bring libcurl, libcrypto
 * and libarchive, whose start alone takes longer than "limactl list". They live in a module of this
 * installation, libexec/lima/images.so.
 *
 *     const struct images *images = images_load(errp);
 *     if (!images || !images->prepare(&request, errp)) ...
 */
#ifndef INSTANCE_IMAGES_H
#define INSTANCE_IMAGES_H

#include <stdbool.h>

#include "base/err.h"
#include "base/log.h"
#include "base/sb.h"
#include "base/strv.h"

struct image_prepare;

struct images {
    bool (*prepare)(const struct image_prepare *req, struct err **errp) MUST_USE;
    bool (*refresh_initrd)(const char *dir, const char *agent_path, struct err **errp) MUST_USE;
    bool (*prune)(const char *cache_dir, const struct strv *keep, struct err **errp) MUST_USE;
    bool (*fetch_text)(const char *url, size_t limit, struct sb *out, struct err **errp) MUST_USE;
    /* The module has a logger of its own. */
    void (*log_setup)(enum log_level level, enum log_format format);
};

/* Static; NULL when this installation is incomplete. */
const struct images *images_load(struct err **errp) MUST_USE;

/* What the module exports. */
extern const struct images images_module;

#endif
