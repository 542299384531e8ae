/*
 * Takes the streams of a bootstrap apart and stores them: manifest, kernel, modules, root file system.
 */
#ifndef SVC_BUILD_COLLECT_H
#define SVC_BUILD_COLLECT_H

#include <stdbool.h>

#include "base/err.h"
#include "svc/build/bootstrap.h"

/* Names of the files in the directory of a result. */
#define RESULT_IMAGE "image.qcow2"
#define RESULT_KERNEL "kernel"
#define RESULT_MODULES "modules.cpio"
#define RESULT_CMDLINE "kernel.cmdline"
#define RESULT_MANIFEST "manifest"
#define RESULT_RECIPE "recipe" /* fingerprint */

/* Reads BOOTSTRAP_SYSTEM and writes DIR/kernel, DIR/modules.cpio, DIR/manifest. */
bool collect_system(struct bootstrap *b, const char *dir, struct err **errp) MUST_USE;
/* Reads BOOTSTRAP_IMAGE to its end into path, with holes where there are only zeros. */
bool collect_image(struct bootstrap *b, const char *path, struct err **errp) MUST_USE;

#endif
