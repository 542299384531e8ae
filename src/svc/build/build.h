/*
 * Guest images built on this machine from the distribution's signed packages, without root
 * (mmdebstrap in a user namespace). Locator "build:RECIPE".
 *
 * A result is kept below CACHE/build/RECIPE-ARCH/ and found again by the recipe's fingerprint; as long
 * as it is there, no network is used. Building is locked per result; an interrupted build leaves
 * nothing that a later one could take for a result. Environment:
 *
 *     LIMA_BUILD_MIRROR   mirror to use instead of the host's apt sources
 *     LIMA_BUILD_REFRESH  a true value: rebuild when the packages have newer versions
 */
#ifndef SVC_BUILD_BUILD_H
#define SVC_BUILD_BUILD_H

#include <stdbool.h>

#include "base/err.h"
#include "svc/fetch/progress.h"

struct build_request {
    const char *recipe;    /* "debian-12", "micro"; all members are borrowed */
    const char *arch;      /* Lima's name: x86_64, aarch64 */
    const char *cache_dir; /* fetch_cache_dir() */
    struct progress *progress; /* may be NULL */
};

/* Owned paths into the cache, valid until the cache is pruned. The initrd lacks the guest agent: see
 * build_pack_initrd(). */
struct build_result {
    char *image;    /* qcow2 or raw */
    char *kernel;
    char *modules;  /* cpio archive with the modules of the initramfs */
    char *cmdline;  /* text for kernel.cmdline, not a path */
    char *manifest; /* package versions, one "NAME VERSION" a line */
    int lock_fd;    /* shared lock that keeps the result from being replaced; -1 = none */
};
#define BUILD_RESULT_NONE ((struct build_result){ .lock_fd = -1 })

bool build_get(const struct build_request *req, struct build_result *out,
               struct err **errp) MUST_USE;
void build_result_done(struct build_result *result);
#define auto_build_result AUTO_CALL(build_result_done)

/* Writes an initramfs: the modules archive and the guest agent as /init (wire/initrd.h). */
bool build_pack_initrd(const char *modules_path, const char *agent_path, const char *out_path,
                       struct err **errp) MUST_USE;

/* Is this location one of ours? Then *out_recipe is the part after "build:", borrowed. */
bool build_is_locator(const char *location, const char **out_recipe);

#endif
