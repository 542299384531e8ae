#include "driver/qemu/host.h"

#include <stdlib.h>

#include "base/enum.h"
#include "base/log.h"
#include "base/mem.h"
#include "driver/qemu/cache.h"
#include "sys/host.h"

#define KVM_DEVICE "/dev/kvm"

/* What is known of a binary: from the cache, else by asking it. */
struct knowledge {
    const char *cache_dir; /* NULL = nothing is remembered */
    struct qemu_cache_key key;
    struct qemu_cache_entry entry;
    bool changed;
};

static void knowledge_done(struct knowledge *k)
{
    qemu_cache_key_done(&k->key);
    qemu_cache_entry_done(&k->entry);
}

static bool knowledge_get(struct knowledge *k, const struct qemu_exe *exe, struct err **errp)
{
    if (!qemu_cache_key_make(&exe->words, &k->key, NULL))
        k->cache_dir = NULL;
    if (k->cache_dir && qemu_cache_load(k->cache_dir, &k->key, &k->entry))
        return true;
    k->changed = true;
    return qemu_features_probe(&exe->words, &k->entry.features, errp) ||
           err_hint(errp, "see whether `%s -version` works, and install QEMU again if not",
                    exe->words.v[0]);
}

static void knowledge_keep(struct knowledge *k)
{
    auto_err struct err *err = NULL;

    if (k->cache_dir && k->changed && !qemu_cache_store(k->cache_dir, &k->key, &k->entry, &err))
        log_debug("cannot remember what QEMU can do: %s", err_text(err));
}

static void host_emulate(struct qemu_host *host, const char *reason, const char *remedy)
{
    host->accel = QEMU_ACCEL_TCG;
    host->emulation_reason = mem_strdup(reason);
    host->emulation_remedy = mem_strdup(remedy);
}

static bool host_force(struct qemu_host *host, const char *forced, struct err **errp)
{
    int accel = enum_from_name(qemu_accel_names, QEMU_ACCEL_COUNT, forced);

    if (accel < 0)
        return err_set(errp, ERR_INVALID, "accelerator \"%s\" is not one of kvm, tcg", forced);
    if (accel == QEMU_ACCEL_KVM && !host->native)
        return err_set(errp, ERR_INVALID, "accelerator kvm runs %s guests only, not %s",
                       host_arch(), host->arch->name);
    host->accel = (enum qemu_accel)accel;
    return true;
}

static void host_choose(struct qemu_host *host, struct knowledge *k)
{
    auto_err struct err *err = NULL;

    if (!host->native) {
        host->accel = QEMU_ACCEL_TCG;
        return;
    }
    if (!host->features.kvm) {
        host_emulate(host, "this QEMU was built without KVM", NULL);
        return;
    }
    if (!qemu_accel_check_device(KVM_DEVICE, &err)) {
        host_emulate(host, err_text(err), err_hint_text(err));
        return;
    }
    if (k->entry.kvm == QEMU_KVM_UNKNOWN) {
        k->changed = true;
        if (qemu_accel_try(&host->exe.words, host->arch, QEMU_ACCEL_KVM, &err) ||
            err_kind(err) == ERR_UNSUPPORTED) {
            k->entry.kvm = QEMU_KVM_WORKS;
        } else {
            k->entry.kvm = QEMU_KVM_BROKEN;
            k->entry.kvm_detail = mem_strdup(err_text(err));
        }
    }
    if (k->entry.kvm == QEMU_KVM_WORKS)
        host->accel = QEMU_ACCEL_KVM;
    else
        host_emulate(host, k->entry.kvm_detail,
                     "set LIMA_QEMU_ACCEL=kvm to use it all the same; a reboot has it tried again");
}

bool qemu_host_examine(const char *arch, const char *cache_dir, const char *forced,
                       struct qemu_host *out, struct err **errp)
{
    auto_qemu_host struct qemu_host host = { .arch = qemu_arch_find(arch) };
    struct knowledge k = { .cache_dir = cache_dir };
    bool ok;

    if (!host.arch)
        return err_set(errp, ERR_UNSUPPORTED, "QEMU is not used for %s guests", arch);
    if (!qemu_exe_find(host.arch, &host.exe, errp))
        return false;
    host.native = str_eq(arch, host_arch());
    ok = knowledge_get(&k, &host.exe, errp);
    if (ok) {
        host.features = k.entry.features;
        if (forced)
            ok = host_force(&host, forced, errp);
        else
            host_choose(&host, &k);
        knowledge_keep(&k);
    }
    knowledge_done(&k);
    if (!ok)
        return false;
    *out = host;
    host = (struct qemu_host){ 0 };
    return true;
}

bool qemu_host_firmware(const struct qemu_host *host, struct qemu_firmware *out, struct err **errp)
{
    const char *home = getenv("HOME");

    return qemu_firmware_find(host->arch,
                              &(struct qemu_firmware_places){
                                  .root = "",
                                  .home = home ? home : "/nonexistent",
                                  .prefix = host->exe.prefix,
                                  .real_prefix = host->exe.real_prefix,
                              },
                              out, errp);
}

void qemu_host_done(struct qemu_host *host)
{
    qemu_exe_done(&host->exe);
    free(host->emulation_reason);
    free(host->emulation_remedy);
    *host = (struct qemu_host){ 0 };
}
