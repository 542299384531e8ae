#include "svc/build/build.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/path.h"
#include "svc/build/apt_sources.h"
#include "svc/build/bootstrap.h"
#include "svc/build/collect.h"
#include "svc/build/recipe.h"
#include "svc/fetch/digest.h"
#include "sys/dir.h"
#include "sys/file.h"
#include "sys/lock.h"
#include "sys/prefix.h"
#include "sys/proc.h"

#define LOCATOR_PREFIX "build:"
#define SCRIPT_LIMIT (96u << 10) /* it travels as one argument, which the kernel limits to 128 KiB */
#define TEXT_LIMIT (1u << 20)
/* Counts changes of this code that change what comes out. */
#define FORMAT_VERSION "1"

struct build {
    const struct build_request *req; /* borrowed */
    const struct recipe *recipe;
    const struct recipe_arch *arch;
    char *script;
    char *fingerprint;
    char *dir;      /* CACHE/build/RECIPE-ARCH */
    char *temp_dir; /* where the next one grows */
    char *log_path;
};

static void build_done(struct build *build)
{
    free(build->script);
    free(build->fingerprint);
    free(build->dir);
    free(build->temp_dir);
    free(build->log_path);
}
#define auto_build AUTO_CALL(build_done)

const char *build_locator_recipe(const char *location)
{
    return str_starts(location, LOCATOR_PREFIX) ? location + strlen(LOCATOR_PREFIX) : NULL;
}

static bool read_script(const struct build *build, const char *name, struct sb *out,
                        struct err **errp)
{
    auto_mem char *file_name = mem_printf("%s.sh", name);
    auto_mem char *relative = path_join("share/lima/build", file_name);
    auto_mem char *path = NULL;

    if (build->req->data_dir)
        path = path_join(build->req->data_dir, file_name);
    else if (!prefix_find(relative, &path, errp))
        return false;
    return file_read_all(path, SCRIPT_LIMIT, out, errp);
}

/* Everything that decides about the content, but for the versions of the packages. */
static char *fingerprint(const struct build *build)
{
    auto_sb struct sb text = { 0 };
    auto_mem char *kernel = recipe_kernel_package(build->recipe, build->arch);
    auto_mem char *cmdline = recipe_cmdline(build->recipe, build->arch);

    sb_putf(&text, "%s\n%s\n%s\n%s\n%s\n", FORMAT_VERSION, build->recipe->suite,
            build->recipe->packages, kernel, cmdline);
    for (size_t i = 0; recipe_modules[i]; i++)
        sb_putf(&text, "%s ", recipe_modules[i]);
    sb_puts(&text, build->script);
    return digest_name(sb_view(&text));
}

static bool build_init(struct build *build, const struct build_request *req, struct err **errp)
{
    auto_sb struct sb script = { 0 };

    *build = (struct build){ .req = req, .recipe = recipe_find(req->recipe) };
    if (!build->recipe) {
        auto_strv struct strv names = { 0 };

        recipe_names(&names);
        auto_mem char *list = strv_join(&names, ", " LOCATOR_PREFIX);

        return err_set(errp, ERR_INVALID, "unknown recipe \"%s%s\" (there are " LOCATOR_PREFIX "%s)",
                       LOCATOR_PREFIX, req->recipe, list);
    }
    build->arch = recipe_arch_find(req->arch, errp);
    if (!build->arch || !read_script(build, "prelude", &script, errp) ||
        !read_script(build, build->recipe->script, &script, errp))
        return false;
    build->script = sb_steal(&script);
    build->fingerprint = fingerprint(build);

    auto_mem char *root = path_join(req->cache_dir, "build");
    auto_mem char *name = mem_printf("%s-%s", req->recipe, req->arch);

    build->dir = path_join(root, name);
    build->temp_dir = mem_printf("%s.new", build->dir);
    build->log_path = mem_printf("%s.log", build->dir);
    return dir_make_all(root, 0700, errp);
}

static bool has_result(const struct build *build)
{
    auto_mem char *path = path_join(build->dir, RESULT_RECIPE);
    auto_mem char *text = NULL;

    return file_read_text(path, TEXT_LIMIT, &text, NULL) && str_eq(text, build->fingerprint);
}

static bool wants_refresh(void)
{
    const char *text = getenv("LIMA_BUILD_REFRESH");
    bool refresh;

    return text && parse_bool(sv_of(text), &refresh) && refresh;
}

static bool run_bootstrap(const struct build *build, const char *raw_path, struct err **errp)
{
    auto_sb struct sb sources = { 0 };
    const char *mirror = getenv("LIMA_BUILD_MIRROR");
    const char *temp_dir = getenv("TMPDIR");
    struct err *err = NULL;

    apt_sources_of_host("/etc", build->recipe->suite, &sources);
    struct bootstrap_plan plan = {
        .recipe = build->recipe,
        .arch = build->arch,
        .script = build->script,
        .mirror = mirror && mirror[0] ? mirror : NULL,
        .sources = sb_str(&sources),
        .temp_dir = temp_dir && temp_dir[0] ? temp_dir : "/var/tmp",
        .log_path = build->log_path,
        .is_root = geteuid() == 0,
        .progress = build->req->progress,
    };
    auto_bootstrap struct bootstrap *b = bootstrap_new(&plan, errp);

    if (!b)
        return false;
    bool collected = collect_system(b, build->temp_dir, &err) && collect_image(b, raw_path, &err);

    /* When the tools failed, that is why the streams were cut off. */
    if (!collected && err_kind(err) != ERR_PROTOCOL && err_kind(err) != ERR_INVALID)
        return err_propagate(errp, err);
    if (!bootstrap_finish(b, errp)) {
        err_free(err);
        return false;
    }
    return collected || err_propagate(errp, err);
}

static bool compress_image(const struct build *build, const char *raw_path, struct err **errp)
{
    auto_cmd struct cmd cmd = { .out = CMD_TO_NULL, .err = CMD_TO_PIPE(4096) };
    auto_mem char *path = path_join(build->temp_dir, RESULT_IMAGE);

    strv_push_list(&cmd.argv, "qemu-img", "convert", "-f", "raw", "-O", "qcow2", "-c", "-o",
                   "compression_type=zstd", raw_path, path, NULL);
    if (!cmd_check(&cmd, NULL, errp))
        return err_wrap(errp, "compressing the image");
    return file_remove(raw_path, errp);
}

static bool write_text(const struct build *build, const char *name, const char *text,
                       struct err **errp)
{
    auto_mem char *path = path_join(build->temp_dir, name);

    return file_write_atomic(path, sv_of(text), 0644, errp);
}

/* Puts the finished directory in the place of the old one. Between the two steps there is none, which
 * costs at most another build. */
static bool publish(const struct build *build, struct err **errp)
{
    auto_mem char *root = path_dir(build->dir);

    return dir_sync(build->temp_dir, errp) && dir_remove_tree(build->dir, errp) &&
           file_rename(build->temp_dir, build->dir, errp) && dir_sync(root, errp);
}

static bool make_result(const struct build *build, struct err **errp)
{
    auto_mem char *raw_path = path_join(build->temp_dir, "image.raw");
    auto_mem char *cmdline = recipe_cmdline(build->recipe, build->arch);

    if (!dir_remove_tree(build->temp_dir, errp) || !dir_make(build->temp_dir, 0700, errp))
        return false;
    if (run_bootstrap(build, raw_path, errp) && compress_image(build, raw_path, errp) &&
        write_text(build, RESULT_CMDLINE, cmdline, errp) &&
        write_text(build, RESULT_RECIPE, build->fingerprint, errp) && publish(build, errp))
        return true;
    if (!dir_remove_tree(build->temp_dir, NULL))
        log_debug("%s: cannot remove", build->temp_dir);
    return err_wrap(errp, "building " LOCATOR_PREFIX "%s for %s", build->recipe->name,
                    build->arch->name);
}

static bool open_part(const struct build *build, const char *name, int *out_fd, struct err **errp)
{
    auto_mem char *path = path_join(build->dir, name);

    *out_fd = open(path, O_RDONLY | O_CLOEXEC);
    if (*out_fd < 0)
        return err_set_os(errp, errno, "%s: cannot open", path);
    return true;
}

static bool read_part(const struct build *build, const char *name, char **out, struct err **errp)
{
    auto_mem char *path = path_join(build->dir, name);

    return file_read_text(path, TEXT_LIMIT, out, errp);
}

bool build_get(const struct build_request *req, struct build_result *out, struct err **errp)
{
    auto_build struct build build = { 0 };
    auto_build_result struct build_result result = BUILD_RESULT_NONE;
    auto_fd int lock_fd = -1;

    if (!build_init(&build, req, errp))
        return false;
    auto_mem char *lock_path = mem_printf("%s.lock", build.dir);

    if (!lock_file(lock_path, LOCK_WAIT, &lock_fd, errp))
        return false;
    if (has_result(&build) && !wants_refresh())
        progress_note(req->progress, LOG_INFO, "Using cache `%s`", build.dir);
    else if (!make_result(&build, errp))
        return false;

    if (!open_part(&build, RESULT_IMAGE, &result.image_fd, errp) ||
        !open_part(&build, RESULT_KERNEL, &result.kernel_fd, errp) ||
        !open_part(&build, RESULT_MODULES, &result.modules_fd, errp) ||
        !read_part(&build, RESULT_CMDLINE, &result.cmdline, errp) ||
        !read_part(&build, RESULT_MANIFEST, &result.manifest, errp))
        return false;
    *out = result;
    result = BUILD_RESULT_NONE;
    return true;
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

void build_result_done(struct build_result *result)
{
    close_fd(&result->image_fd);
    close_fd(&result->kernel_fd);
    close_fd(&result->modules_fd);
    free(result->cmdline);
    free(result->manifest);
    result->cmdline = result->manifest = NULL;
}

/* "micro-x86_64.log", "micro-x86_64.new" and "micro-x86_64" belong to recipe "micro". */
static bool belongs_to_kept(const char *name, const struct strv *keep)
{
    for (size_t i = 0; i < keep->n; i++) {
        const char *recipe = build_locator_recipe(keep->v[i]);
        size_t n = recipe ? strlen(recipe) : 0;

        if (n > 0 && strncmp(name, recipe, n) == 0 && name[n] == '-')
            return true;
    }
    return false;
}

static bool prune_result(const char *root, const char *lock_name, struct err **errp)
{
    static const char *const endings[] = { "", ".new", ".log" };
    auto_mem char *lock_path = path_join(root, lock_name);
    auto_mem char *dir = mem_strndup(lock_path, strlen(lock_path) - strlen(".lock"));
    auto_fd int lock_fd = -1;

    if (!lock_file(lock_path, LOCK_TRY, &lock_fd, NULL))
        return true;
    for (size_t i = 0; i < COUNT(endings); i++) {
        auto_mem char *path = mem_printf("%s%s", dir, endings[i]);

        if (!dir_remove_tree(path, errp))
            return false;
    }
    return true;
}

bool build_prune(const char *cache_dir, const struct strv *keep, struct err **errp)
{
    auto_mem char *root = path_join(cache_dir, "build");
    auto_strv struct strv names = { 0 };

    if (!dir_exists(root))
        return true;
    if (!dir_list(root, &names, errp))
        return false;
    for (size_t i = 0; i < names.n; i++)
        if (str_ends(names.v[i], ".lock") && !belongs_to_kept(names.v[i], keep) &&
            !prune_result(root, names.v[i], errp))
            return false;
    return true;
}
