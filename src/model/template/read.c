/* Reading what a locator names. */
#include <jansson.h>
#include <string.h>

#include "base/mem.h"
#include "base/path.h"
#include "base/quote.h"
#include "lang/json/json.h"
#include "lang/yaml/yaml_text.h"
#include "model/template/template_priv.h"
#include "sys/file.h"

#define TEMPLATE_SCHEME "template:"

/* Names of Lima before 1.0, and what has taken their place. */
static const struct {
    const char *name, *instead;
} old_names[] = {
    { "experimental/vz", "use `--vm-type=vz` with any template" },
    { "experimental/riscv64", "use `--arch=riscv64` with any template" },
    { "experimental/armv7l", "use `--arch=armv7l` with any template" },
    { "vmnet", "use `--network=lima:shared` with any template" },
    { "experimental/net-user-v2", "use `--network=lima:user-v2` with any template" },
    { "experimental/9p", "use `--mount-type=9p` with any template" },
    { "experimental/virtiofs-linux", "use `--mount-type=virtiofs` with any template" },
};

void template_done(struct template *tmpl)
{
    free(tmpl->locator);
    free(tmpl->name);
    free(tmpl->text);
    strv_done(&tmpl->warnings);
    *tmpl = (struct template){ 0 };
}

/* From where it cannot be read again. */
static bool take_text(struct template *out, struct sb *text, struct err **errp)
{
    if (memchr(sb_str(text), 0, text->n))
        return err_set(errp, ERR_INVALID, "%s is no text: it has NUL bytes", out->locator);
    out->text = sb_steal(text);
    return true;
}

static bool read_stdin(const struct template_env *env, struct template *out, struct err **errp)
{
    auto_sb struct sb text = { 0 };

    out->locator = mem_strdup("-");
    return file_read_fd(env->stdin_fd, "standard input", TEMPLATE_MAX_BYTES, &text, errp) &&
           take_text(out, &text, errp);
}

static bool read_path(const char *path, struct template *out, struct err **errp)
{
    out->locator = mem_strdup(path);
    out->name = locator_file_name(path);
    return file_read_text(path, TEMPLATE_MAX_BYTES, &out->text, errp);
}

static void warn_of_old_name(struct template *out, const char *name)
{
    for (size_t i = 0; i < COUNT(old_names); i++)
        if (strcmp(name, old_names[i].name) == 0)
            strv_pushf(&out->warnings, "Template `%s` is gone: %s", name, old_names[i].instead);
}

static bool read_stored(const struct template_env *env, const char *name, struct template *out,
                        struct err **errp)
{
    auto_mem char *path = NULL;

    if (str_starts(name, "//")) {
        name += 2;
        strv_pushf(&out->warnings,
                   "Template locator `" TEMPLATE_SCHEME "//%s` should be written `" TEMPLATE_SCHEME
                   "%s` since Lima v2.0",
                   name, name);
    }
    warn_of_old_name(out, name);
    path = template_find(env, name, errp);
    if (!path || !read_path(path, out, errp))
        return false;
    mem_replace(&out->locator, mem_printf(TEMPLATE_SCHEME "%s", name));
    return true;
}

static bool read_url(const struct template_env *env, const char *url, struct template *out,
                     struct err **errp)
{
    auto_sb struct sb text = { 0 };

    if (!env->fetch)
        return err_set(errp, ERR_UNSUPPORTED, "%s: templates are not fetched from the network here",
                       url);
    out->locator = mem_strdup(url);
    out->name = locator_file_name(url);
    return env->fetch(env->fetch_ctx, url, TEMPLATE_MAX_BYTES, &text, errp) &&
           take_text(out, &text, errp);
}

/* From the root on. */
static bool local_path(const struct template_env *env, const char *path, char **out_path,
                       struct err **errp)
{
    auto_mem char *expanded = env->home ? path_expand_home(path, env->home) : mem_strdup(path);

    return file_absolute(expanded, out_path, errp);
}

static char *image_text(const char *location, const char *os, const char *arch)
{
    auto_json json_t *value = json_pack("{s:s, s:s, s:[{s:s, s:s}]}", "os", os, "arch", arch,
                                        "images", "location", location, "arch", arch);
    auto_yaml_doc struct yaml_doc *doc = yaml_from_json(value);

    return yaml_text(doc);
}

/* The generated template of an image. */
static bool make_text(const struct template_env *env, const char *locator, struct template *out,
                      struct err **errp)
{
    const char *arch = locator_image_arch(locator), *os = locator_image_os(locator);
    auto_mem char *path = NULL;

    if (locator_scheme(locator).n > 0 && !file_exists(locator))
        path = mem_strdup(locator);
    else if (!local_path(env, locator, &path, errp))
        return false;
    if (!utf8_is_valid(sv_of(path)))
        return err_set(errp, ERR_INVALID, "the name of the image %s is not in UTF-8", path) ||
               err_hint(errp, "rename it");
    if (!arch && strcmp(os, "Darwin") == 0)
        arch = "aarch64";
    if (!arch) {
        arch = env->arch;
        if (!str_starts(locator, "build:"))
            strv_pushf(&out->warnings, "cannot determine image arch from URL `%s`; assuming `%s`",
                       locator, arch);
    }
    out->name = locator_image_name(locator, env->arch);
    out->text = image_text(path, os, arch);
    out->locator = MOVE(path);
    return true;
}

/* file:///PATH; url is what follows the scheme and its colon. */
static bool read_file_url(const char *url, struct template *out, struct err **errp)
{
    auto_mem char *path = NULL;
    const char *name = str_starts(url, "//") ? url + 2 : url;

    if (name == url || !path_is_absolute(name))
        return err_set(errp, ERR_INVALID, "file URL `file:%s` is not an absolute path", url);
    return file_absolute(name, &path, errp) && read_path(path, out, errp);
}

static bool is_scheme(struct sv scheme, const char *name)
{
    return scheme.n == strlen(name) && strncasecmp(scheme.p, name, scheme.n) == 0;
}

static bool read_any(const struct template_env *env, const char *locator, struct template *out,
                     struct err **errp)
{
    struct sv scheme = locator_scheme(locator);
    const char *rest = locator + (scheme.n > 0 ? scheme.n + 1 : 0);
    auto_mem char *path = NULL;

    if (strcmp(locator, "-") == 0)
        return read_stdin(env, out, errp);
    if (is_scheme(scheme, "template"))
        return read_stored(env, rest, out, errp);
    if (scheme.n > 0 && !is_scheme(scheme, "file") && !is_scheme(scheme, "build") &&
        !locator_is_url(locator) && !file_exists(locator))
        return err_set(errp, ERR_UNSUPPORTED, "template locators like `%s` are not supported",
                       locator) ||
               err_hint(errp, "template:NAME, https://, file:/// and paths are");
    if (locator_is_image(locator))
        return make_text(env, locator, out, errp);
    if (locator_is_url(locator))
        return read_url(env, locator, out, errp);
    if (is_scheme(scheme, "file"))
        return read_file_url(rest, out, errp);
    return local_path(env, locator, &path, errp) && read_path(path, out, errp);
}

bool template_read(const struct template_env *env, const char *locator, struct template *out,
                   struct err **errp)
{
    struct template tmpl = { 0 };

    *out = tmpl;
    if (!locator[0])
        return err_set(errp, ERR_INVALID, "locator is empty");
    if (read_any(env, locator, &tmpl, errp)) {
        *out = tmpl;
        return true;
    }
    template_done(&tmpl);
    return false;
}
