/*
 * What is known of this host's QEMU binaries, remembered between commands in CACHE/qemu.json, so
 * that asking (50 ms) and trying the accelerator (up to some seconds) happen once per boot and
 * binary. An entry counts only for the file it was made with (size and time of change) and until
 * the host is booted again. A file that is missing, unreadable or made by another version is an
 * empty cache; failures to write are ignored by callers.
 */
#ifndef DRIVER_QEMU_CACHE_H
#define DRIVER_QEMU_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/strv.h"
#include "driver/qemu/features.h"

enum qemu_kvm_verdict {
    QEMU_KVM_UNKNOWN, /* not tried */
    QEMU_KVM_WORKS,
    QEMU_KVM_BROKEN, /* tried; detail says what happened */
};

struct qemu_cache_key {
    char *words; /* path of the binary, links resolved, and further words of its command line */
    uint64_t size;
    int64_t mtime_ns; /* of the binary */
    char *boot_id;
};

struct qemu_cache_entry {
    struct qemu_features features;
    enum qemu_kvm_verdict kvm;
    char *kvm_detail; /* NULL unless broken */
};

bool qemu_cache_key_make(const struct strv *words, struct qemu_cache_key *out,
                         struct err **errp) MUST_USE;
void qemu_cache_key_done(struct qemu_cache_key *key);
#define auto_qemu_cache_key AUTO_CALL(qemu_cache_key_done)
void qemu_cache_entry_done(struct qemu_cache_entry *entry);
#define auto_qemu_cache_entry AUTO_CALL(qemu_cache_entry_done)

/* False when nothing is known. */
bool qemu_cache_load(const char *dir, const struct qemu_cache_key *key,
                     struct qemu_cache_entry *out);
/* Replaces the binary's entry, drops those of earlier boots. Creates the directory. */
bool qemu_cache_store(const char *dir, const struct qemu_cache_key *key,
                      const struct qemu_cache_entry *entry, struct err **errp) MUST_USE;

#endif
