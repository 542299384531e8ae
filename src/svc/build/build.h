/*
 * Guest images built on this machine from the distribution's signed packages, without root
 * (mmdebstrap, in a user namespace where package scripts have to run). Locator "build:RECIPE".
 *
 * A result is kept in CACHE/build/RECIPE-ARCH/ together with the fingerprint of its recipe; as long as
 * both fit, no network is used. Building is locked per result; an interrupted build leaves nothing that
 * a later one could take for a result. The output of the tools is in CACHE/build/RECIPE-ARCH.log.
 * Environment:
 *
 *     LIMA_BUILD_MIRROR   mirror to use instead of the host's apt sources
 *     LIMA_BUILD_REFRESH  a true value: build again, with the newest packages
 *
 * A recipe is a shell script in share/lima/build/, run by mmdebstrap, and a row in recipe.c. Blocking; for
 * limactl. While it builds, SIGINT, SIGTERM and SIGHUP end the build in order (ERR_CANCELED).
 */
#ifndef SVC_BUILD_BUILD_H
#define SVC_BUILD_BUILD_H

#include <stdbool.h>

#include "base/err.h"
#include "base/strv.h"
#include "svc/fetch/progress.h"

struct build_request {
    const char *recipe;    /* "debian-12", "micro"; all members are borrowed */
    const char *arch;      /* Lima's name: x86_64, aarch64 */
    const char *cache_dir; /* fetch_cache_dir() */
    const char *data_dir;  /* where the scripts are; NULL = share/lima/build of our prefix */
    struct progress *progress; /* may be NULL */
};

/* Descriptors stay valid whatever happens to the cache meanwhile. The initramfs lacks the guest agent:
 * see initrd.h. */
struct build_result {
    int image_fd;   /* qcow2 */
    int kernel_fd;
    int modules_fd; /* cpio archive with the modules of the initramfs */
    char *cmdline;  /* of the kernel, without a line feed */
    char *manifest; /* package versions, one "NAME VERSION" a line */
};
#define BUILD_RESULT_NONE ((struct build_result){ .image_fd = -1, .kernel_fd = -1, .modules_fd = -1 })

bool build_get(const struct build_request *req, struct build_result *out,
               struct err **errp) MUST_USE;
void build_result_done(struct build_result *result);
#define auto_build_result AUTO_CALL(build_result_done)

/* Removes the results of all recipes that keep (locations such as "build:micro") does not name, and
 * leftovers. Results that are being built are left alone. */
bool build_prune(const char *cache_dir, const struct strv *keep, struct err **errp) MUST_USE;

/* The recipe of a "build:RECIPE" location, borrowed from it; NULL when it is another location. */
const char *build_locator_recipe(const char *location);

#endif
