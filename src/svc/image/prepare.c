#include "svc/image/prepare.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/path.h"
#include "base/quote.h"
#include "base/sb.h"
#include "base/strv.h"
#include "model/store/names.h"
#include "svc/build/build.h"
#include "svc/build/initrd.h"
#include "svc/fetch/fetch.h"
#include "svc/image/probe.h"
#include "svc/image/unpack.h"
#include "sys/file.h"
#include "wire/initrd.h"

#define CMDLINE_LIMIT (64u << 10)

static bool has_text(const char *text)
{
    return text && text[0];
}

static const char *variant_of(const struct image_entry *entry)
{
    return entry->variant ? entry->variant : "";
}

/* --- One file --- */

/* A kernel of its own may do with the image what it likes. */
static bool check_image(const char *path, const struct image_entry *entry, struct err **errp)
{
    const char *location = entry->image.location;
    auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct image_info info;

    return image_check_untrusted(fd, location, &info, errp) &&
           (info.format != IMAGE_RAW || has_text(entry->kernel.location) ||
            image_check_bootable(fd, location, errp));
}

static void note_attempt(const struct image_prepare *req, const struct image_file *file,
                         const char *what)
{
    struct log_field fields[] = {
        { "arch", req->arch },
        { "digest", file->digest ? file->digest : "" },
        { "location", file->location },
    };

    progress_note_fields(req->progress, LOG_INFO, fields, COUNT(fields),
                         "Attempting to download %s", what);
}

/* Fetches to path. An image is checked before it gets its name. */
static bool get_file(const struct image_prepare *req, const struct image_file *file,
                     const char *what, const char *path, bool decompress, struct err **errp)
{
    auto_fetched struct fetched got = FETCHED_NONE;
    struct fetch_request fetch_req = {
        .location = file->location,
        .digest = file->digest,
        .what = what,
        .cache_dir = req->cache_dir,
        .home = req->home,
        .progress = req->progress,
    };

    note_attempt(req, file, what);
    if (!fetch(&fetch_req, &got, errp))
        return false;
    if (got.source == FETCH_CACHED)
        progress_note(req->progress, LOG_INFO, "Using cache `%s`", got.path);
    else if (got.source == FETCH_DOWNLOADED)
        progress_note(req->progress, LOG_INFO, "Downloaded %s from `%s`", what, file->location);

    struct unpack unpack = {
        .fd = got.fd,
        .location = file->location,
        .path = path,
        .decompress = decompress,
        .progress = req->progress,
    };

    return unpack_file(&unpack, errp);
}

/* --- One entry --- */

static bool remove_names(const char *dir, struct err **errp)
{
    static const char *const names[] = { NAME_KERNEL, NAME_KERNEL_CMDLINE, NAME_INITRD };

    for (size_t i = 0; i < COUNT(names); i++) {
        auto_mem char *path = path_join(dir, names[i]);

        if (!file_remove(path, errp))
            return false;
    }
    return true;
}

static bool write_cmdline(const char *dir, const char *cmdline, struct err **errp)
{
    auto_mem char *path = path_join(dir, NAME_KERNEL_CMDLINE);

    return !has_text(cmdline) || file_write_atomic(path, sv_of(cmdline), 0644, errp);
}

static bool get_built(const struct image_prepare *req, const char *recipe, const char *image_path,
                      struct err **errp)
{
    auto_mem char *kernel_path = path_join(req->dir, NAME_KERNEL);
    auto_mem char *initrd_path = path_join(req->dir, NAME_INITRD);
    auto_mem char *agent_path = NULL;
    auto_build_result struct build_result result = BUILD_RESULT_NONE;
    struct build_request build_req = {
        .recipe = recipe,
        .arch = req->arch,
        .cache_dir = req->cache_dir,
        .progress = req->progress,
    };

    if (!req->find_agent(req->arch, &agent_path, errp) || !build_get(&build_req, &result, errp))
        return false;
    return file_copy_fd(result.kernel_fd, "kernel", kernel_path, 0644, errp) &&
           initrd_pack(result.modules_fd, agent_path, initrd_path, errp) &&
           write_cmdline(req->dir, result.cmdline, errp) &&
           file_copy_fd(result.image_fd, "image", image_path, 0644, errp);
}

static bool get_downloaded(const struct image_prepare *req, const struct image_entry *entry,
                           const char *image_path, struct err **errp)
{
    auto_mem char *kernel_path = path_join(req->dir, NAME_KERNEL);
    auto_mem char *initrd_path = path_join(req->dir, NAME_INITRD);

    if (has_text(entry->kernel.location)) {
        if (!get_file(req, &entry->kernel, "the kernel", kernel_path, true, errp) ||
            !write_cmdline(req->dir, entry->cmdline, errp))
            return false;
    }
    if (has_text(entry->initrd.location) &&
        !get_file(req, &entry->initrd, "the initrd", initrd_path, false, errp))
        return false;
    return get_file(req, &entry->image, "the image", image_path, true, errp) &&
           check_image(image_path, entry, errp);
}

static const char *task_of(const char *location)
{
    if (build_locator_recipe(location))
        return "build";
    return fetch_is_local(location) ? "open" : "download";
}

/* "image" appears last and complete: it is what says that nothing is left to do. */
static bool get_entry(const struct image_prepare *req, const struct image_entry *entry,
                      struct err **errp)
{
    auto_mem char *image_path = path_join(req->dir, NAME_IMAGE);
    auto_mem char *temp_path = mem_printf("%s.new", image_path);
    const char *recipe = build_locator_recipe(entry->image.location);

    if (!remove_names(req->dir, errp))
        return false;
    bool ok = recipe ? get_built(req, recipe, temp_path, errp)
                     : get_downloaded(req, entry, temp_path, errp);

    if (ok && file_rename(temp_path, image_path, errp))
        return true;
    (void)unlink(temp_path);
    if (!remove_names(req->dir, NULL))
        log_debug("%s: cannot remove what is left of an image", req->dir);
    return err_wrap(errp, "failed to %s `%s`", task_of(entry->image.location), entry->image.location);
}

/* --- The list --- */

/* The variant of the first entry of the architecture; images of several are never mixed. */
static const char *target_variant(const struct image_prepare *req)
{
    for (size_t i = 0; i < req->n_entries; i++)
        if (str_eq(req->entries[i].arch, req->arch))
            return variant_of(&req->entries[i]);
    return "";
}

/* Why an entry is passed over, owned; NULL = it is not. */
static char *skip_reason(const struct image_entry *entry, const char *arch, const char *variant)
{
    if (!str_eq(entry->arch, arch))
        return mem_printf("skipped to download: `%s`: unsupported arch: `%s`",
                          entry->image.location, entry->arch);
    if (strcmp(variant_of(entry), variant) != 0)
        return mem_printf("skipped to download: variant mismatch (expected \"%s\", got \"%s\")",
                          variant, variant_of(entry));
    return NULL;
}

static bool is_prepared(const char *dir)
{
    auto_mem char *image_path = path_join(dir, NAME_IMAGE);
    auto_mem char *disk_path = path_join(dir, NAME_DISK);

    return file_exists(image_path) || file_exists(disk_path);
}

static bool fail_all(const struct strv *failures, const struct strv *skipped, struct err *first,
                     struct err **errp)
{
    if (failures->n == 0) {
        auto_mem char *list = strv_join(skipped, " ");

        return err_set(errp, ERR_NOT_FOUND, "[%s]", list);
    }
    if (failures->n == 1)
        return err_propagate(errp, first);

    auto_mem char *list = strv_join(failures, "\n");
    enum err_kind kind = err_kind(first);

    err_free(first);
    return err_set(errp, kind == ERR_OS || kind == ERR_CHILD ? ERR_NOT_FOUND : kind, "%s", list);
}

bool image_prepare(const struct image_prepare *req, struct err **errp)
{
    auto_strv struct strv failures = { 0 };
    auto_strv struct strv skipped = { 0 };
    const char *variant = target_variant(req);
    struct err *first = NULL;

    if (is_prepared(req->dir))
        return true;
    if (req->n_entries == 0)
        return err_set(errp, ERR_INVALID, "no images are configured (did you set --image-variant "
                                          "to a value not present in the template?)");
    for (size_t i = 0; i < req->n_entries; i++) {
        const struct image_entry *entry = &req->entries[i];
        char *reason = skip_reason(entry, req->arch, variant);
        struct err *err = NULL;

        if (reason) {
            strv_push_take(&skipped, reason);
            continue;
        }
        if (get_entry(req, entry, &err)) {
            err_free(first);
            return true;
        }
        if (err_kind(err) == ERR_CANCELED) {
            err_free(first);
            return err_propagate(errp, err);
        }
        strv_push(&failures, err_text(err));
        if (first)
            err_free(err);
        else
            first = err;
    }
    return fail_all(&failures, &skipped, first, errp);
}

static bool has_word(const char *text, const char *wanted)
{
    struct sv rest = sv_of(text);
    struct sv word;

    while (sv_next(&rest, ' ', &word))
        if (sv_eq_str(sv_trim(word), wanted))
            return true;
    return false;
}

bool image_refresh_initrd(const char *dir, const char *agent_path, struct err **errp)
{
    auto_mem char *cmdline_path = path_join(dir, NAME_KERNEL_CMDLINE);
    auto_mem char *initrd_path = path_join(dir, NAME_INITRD);
    auto_mem char *cmdline = NULL;

    if (!file_exists(cmdline_path) || !file_exists(initrd_path))
        return true;
    if (!file_read_text(cmdline_path, CMDLINE_LIMIT, &cmdline, errp))
        return false;
    if (!has_word(cmdline, INITRD_CMDLINE_MARK))
        return true;
    return initrd_update(initrd_path, agent_path, errp);
}
