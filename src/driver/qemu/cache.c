#include "driver/qemu/cache.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/enum.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/quote.h"
#include "lang/json/json.h"
#include "sys/dir.h"
#include "sys/file.h"
#include "sys/host.h"

enum { CACHE_SIZE_MAX = 256 * 1024 };

#define CACHE_NAME "qemu.json"

static const char *const verdict_names[] = { "unknown", "works", "broken" };
ENUM_NAMES_MATCH(verdict_names, QEMU_KVM_BROKEN + 1);

bool qemu_cache_key_make(const struct strv *words, struct qemu_cache_key *out, struct err **errp)
{
    auto_qemu_cache_key struct qemu_cache_key key = { 0 };
    auto_mem char *path = realpath(words->v[0], NULL);
    struct stat st;

    if (!path || stat(path, &st) < 0)
        return err_set_os(errp, errno, "%s", words->v[0]);
    if (!host_boot_id(&key.boot_id, errp))
        return false;

    auto_strv struct strv all = { 0 };

    strv_extend(&all, words);
    mem_replace(&all.v[0], MOVE(path));
    key.words = quote_shell_join(all.v);
    key.size = (uint64_t)st.st_size;
    key.mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    *out = key;
    key = (struct qemu_cache_key){ 0 };
    return true;
}

void qemu_cache_key_done(struct qemu_cache_key *key)
{
    free(key->words);
    free(key->boot_id);
    *key = (struct qemu_cache_key){ 0 };
}

void qemu_cache_entry_done(struct qemu_cache_entry *entry)
{
    free(entry->kvm_detail);
    *entry = (struct qemu_cache_entry){ 0 };
}

/* {"boot": ID, "binaries": {WORDS: {...}}} of this boot; NULL when there is none. */
static json_t *cache_read(const char *path, const char *boot_id)
{
    auto_sb struct sb text = { 0 };
    auto_json json_t *doc = NULL;

    if (!file_read_all(path, CACHE_SIZE_MAX, &text, NULL))
        return NULL;
    doc = json_parse(sb_view(&text), NULL);
    if (!str_eq(json_string_value(json_object_get(doc, "boot")), boot_id) ||
        !json_is_object(json_object_get(doc, "binaries")))
        return NULL;
    return MOVE(doc);
}

static bool entry_decode(const json_t *obj, const struct qemu_cache_key *key,
                         struct qemu_cache_entry *out)
{
    auto_qemu_cache_entry struct qemu_cache_entry entry = { 0 };
    const char *version, *features, *kvm, *detail = NULL;
    int64_t size, mtime_ns, n_features;
    int verdict;

    if (!json_get_i64(obj, "size", &size, NULL) ||
        !json_get_i64(obj, "mtime_ns", &mtime_ns, NULL) ||
        !json_get_str(obj, "version", &version, NULL) ||
        !json_get_i64(obj, "n_features", &n_features, NULL) ||
        !json_get_str(obj, "features", &features, NULL) || !json_get_str(obj, "kvm", &kvm, NULL) ||
        !json_opt_str(obj, "kvm_detail", &detail, NULL))
        return false;
    verdict = enum_from_name(verdict_names, COUNT(verdict_names), kvm);
    if ((uint64_t)size != key->size || mtime_ns != key->mtime_ns || verdict < 0 ||
        n_features != (int64_t)qemu_features_count() ||
        !semver_parse(sv_of(version), &entry.features.version))
        return false;

    qemu_features_scan(sv_of(features), &entry.features);
    entry.kvm = (enum qemu_kvm_verdict)verdict;
    entry.kvm_detail = mem_strdup(detail);
    *out = entry;
    entry = (struct qemu_cache_entry){ 0 };
    return true;
}

bool qemu_cache_load(const char *dir, const struct qemu_cache_key *key,
                     struct qemu_cache_entry *out)
{
    auto_mem char *path = path_join(dir, CACHE_NAME);
    auto_json json_t *doc = cache_read(path, key->boot_id);
    const json_t *binary = json_object_get(json_object_get(doc, "binaries"), key->words);

    return binary && entry_decode(binary, key, out);
}

static json_t *entry_encode(const struct qemu_cache_key *key, const struct qemu_cache_entry *entry)
{
    struct semver v = entry->features.version;
    auto_mem char *version = mem_printf("%u.%u.%u", v.major, v.minor, v.patch);
    auto_mem char *features = qemu_features_format(&entry->features);

    return json_pack("{s:I, s:I, s:s, s:I, s:s, s:s, s:s*}", "size", (json_int_t)key->size,
                     "mtime_ns", (json_int_t)key->mtime_ns, "version", version, "n_features",
                     (json_int_t)qemu_features_count(), "features", features, "kvm",
                     verdict_names[entry->kvm], "kvm_detail", entry->kvm_detail);
}

bool qemu_cache_store(const char *dir, const struct qemu_cache_key *key,
                      const struct qemu_cache_entry *entry, struct err **errp)
{
    auto_mem char *path = path_join(dir, CACHE_NAME);
    auto_json json_t *doc = cache_read(path, key->boot_id);
    auto_mem char *text = NULL;

    if (!doc)
        doc = json_pack("{s:s, s:{}}", "boot", key->boot_id, "binaries");
    (void)json_object_set_new(json_object_get(doc, "binaries"), key->words,
                              entry_encode(key, entry));
    text = json_text(doc, JSON_STYLE_INDENT4);
    return dir_make_all(dir, 0755, errp) && file_write_atomic(path, sv_of(text), 0644, errp);
}
