/*
 * What a QEMU binary can do, asked over QMP on its standard streams: one start of 50 ms that ends
 * by itself. See cache.h, which spares most of them.
 */
#ifndef DRIVER_QEMU_FEATURES_H
#define DRIVER_QEMU_FEATURES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/semver.h"
#include "base/strv.h"
#include "base/sv.h"

struct qemu_features {
    struct semver version;
    bool tcg, kvm;  /* accelerators compiled in */
    bool vsock, fs; /* vhost-user-vsock-pci, vhost-user-fs-pci */
    bool ninep;     /* virtio-9p-pci, and what serves it */
    bool memfd;     /* memory-backend-memfd */
    bool sandbox;   /* -sandbox */
};

/* Starts the binary with the words and asks. */
bool qemu_features_probe(const struct strv *words, struct qemu_features *out,
                         struct err **errp) MUST_USE;

/* The same as parts: what is written to QEMU, and the meaning of what it answers. */
char *qemu_features_questions(void); /* owned */
bool qemu_features_parse(struct sv answers, struct qemu_features *out, struct err **errp) MUST_USE;

/* How many features are asked for: an answer to fewer is not enough. */
size_t qemu_features_count(void);

/* Names of the features that are there, for the cache: "tcg kvm vsock". Unknown names are skipped;
 * the version is not part of it. */
char *qemu_features_format(const struct qemu_features *features); /* owned */
void qemu_features_scan(struct sv text, struct qemu_features *out);

#endif
