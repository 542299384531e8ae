/*
 * What can be built. A recipe is a row here and a script in share/lima/build/.
 */
#ifndef SVC_BUILD_RECIPE_H
#define SVC_BUILD_RECIPE_H

#include <stdbool.h>

#include "base/err.h"
#include "base/strv.h"

struct recipe {
    const char *name;
    const char *script; /* without ".sh" */
    const char *suite;
    const char *kernel;      /* package of the kernel, without "-amd64" */
    const char *packages;    /* comma-separated; the kernel is added */
    bool runs_programs;      /* package scripts run: needs root or a user namespace, and a host that can
                                execute the architecture */
    const char *kernel_args; /* for the command line, after those of every recipe */
};

/* NULL: unknown. */
const struct recipe *recipe_find(const char *name);
void recipe_names(struct strv *out);

struct recipe_arch {
    const char *name;           /* Lima's */
    const char *debian;         /* "amd64" */
    const char *console;        /* serial console of the machine that the driver makes */
    const char *kernel_args;    /* "" or more of them */
};

/* ERR_UNSUPPORTED for others. */
const struct recipe_arch *recipe_arch_find(const char *name, struct err **errp) MUST_USE;

/* Modules for the initramfs in the order in which they are wanted; ends with NULL. */
extern const char *const recipe_modules[];

/* Owned. */
char *recipe_kernel_package(const struct recipe *recipe, const struct recipe_arch *arch);
/* Text of kernel.cmdline, owned. */
char *recipe_cmdline(const struct recipe *recipe, const struct recipe_arch *arch);

#endif
