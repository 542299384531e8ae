/*
 * The modules of the initramfs: which ones, in which order.
 */
#ifndef SVC_BUILD_MODULES_H
#define SVC_BUILD_MODULES_H

#include <stdbool.h>

#include "base/err.h"
#include "base/map.h"
#include "base/sb.h"
#include "base/strv.h"
#include "base/sv.h"

/* Modules by name ('_' spelling), as taken from a kernel package. */
struct module_set {
    struct map modules; /* struct module * */
};

void module_set_done(struct module_set *set);
#define auto_module_set AUTO_CALL(module_set_done)

/* Adds one; the bytes are copied. ERR_INVALID when it is no module. */
bool module_set_add(struct module_set *set, const char *file_name, struct sv elf,
                    struct err **errp) MUST_USE;

/* Names of the wanted modules and of all they need, each after what it needs. A module that the set lacks
 * is taken as built into the kernel. wanted ends with NULL. */
void module_set_order(const struct module_set *set, const char *const *wanted, struct strv *out);

/* The archive of wire/initrd.h without /init; owned bytes. */
void module_set_pack(const struct module_set *set, const struct strv *names, struct sb *out);

#endif
