#include "model/config/check_priv.h"

#include <errno.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/path.h"
#include "base/quote.h"

static bool is_text(const char *text)
{
    return text && *text;
}

static bool is_mode(const struct provision_config *p, const char *mode)
{
    return strcmp(p->mode, mode) == 0;
}

/* What embedding should have replaced. */
static void check_locator(struct checker *c, const char *list, size_t i,
                          const struct locator_config *file)
{
    if (!file)
        return;
    if (is_text(file->url))
        check_fail(
            c,
            "field `%s[%zu].file.url` must be empty during validation (script should already "
            "be embedded)",
            list, i);
    if (file->digest)
        check_fail(c, "field `%s[%zu].file.digest` support is not yet implemented", list, i);
}

static void check_permissions(struct checker *c, size_t i, const char *permissions)
{
    auto_mem char *quoted = NULL;
    uint64_t mode;

    if (parse_u64_base(sv_of(permissions), 8, &mode) && mode <= 07777)
        return;
    quoted = quote_tick_dup(permissions);
    check_fail(c,
               "field `provision[%zu].permissions` must be an octal number: %s is none up to 7777",
               i, quoted);
}

/* Modes data and yq. False when there is no path. */
static bool check_target(struct checker *c, size_t i, const struct provision_config *p)
{
    if (!is_text(p->path)) {
        check_fail(c, "field `provision[%zu].path` must not be empty when mode is `%s`", i,
                   p->mode);
        return false;
    }
    if (!path_is_absolute(p->path))
        check_fail(c, "field `provision[%zu].path` must be an absolute path", i);
    if (is_mode(p, "yq") && !is_text(p->expression))
        check_fail(c, "field `provision[%zu].expression` must not be empty when mode is `yq`", i);
    check_permissions(c, i, p->permissions);
    return true;
}

static void check_only_for(struct checker *c, size_t i, const char *key, bool is_set,
                           const char *modes)
{
    if (is_set)
        check_fail(c, "field `provision[%zu].%s` can only be set when mode is %s", i, key, modes);
}

static void check_script(struct checker *c, size_t i, const struct provision_config *p)
{
    if (!is_text(p->script) && !is_mode(p, "ansible"))
        check_fail(c, "field `provision[%zu].script` must not be empty", i);
    check_only_for(c, i, "content", p->content, "`data`");
    check_only_for(c, i, "overwrite", p->overwrite.set, "`data`");
    check_only_for(c, i, "owner", p->owner, "`data`");
    check_only_for(c, i, "path", p->path, "`data`, or `yq`");
    check_only_for(c, i, "permissions", p->permissions, "`data`, or `yq`");
    check_only_for(c, i, "format", p->format, "`yq`");
}

static void check_playbook(struct checker *c, size_t i, const struct provision_config *p)
{
    auto_mem char *quoted = NULL;
    struct stat st;

    if (!is_text(p->playbook))
        return;
    if (!is_mode(p, "ansible"))
        check_fail(c, "field `provision[%zu].playbook can only be set when mode is `ansible`", i);
    if (is_text(p->script))
        check_fail(c, "field `provision[%zu].script must be empty if playbook is set", i);
    quoted = quote_tick_dup(p->playbook);
    if (stat(p->playbook, &st) != 0)
        check_fail(c, "field `provision[%zu].playbook` refers to an inaccessible path: %s: %s", i,
                   quoted, strerror(errno));
}

bool check_provision(struct checker *c)
{
    for (size_t i = 0; i < c->config->provision.n; i++) {
        const struct provision_config *p = &c->config->provision.v[i];

        check_locator(c, "provision", i, p->file);
        if (!check_is_word(p->mode, config_provision_modes)) {
            check_fail(c,
                       "field `provision[%zu].mode` must one of `system`, `user`, `boot`, `data`, "
                       "`dependency`, `ansible`, or `yq`",
                       i);
            continue;
        }
        if (p->skip_default_dependency_resolution.set && !is_mode(p, "dependency"))
            check_fail(
                c,
                "field `provision[%zu].mode` cannot set skipDefaultDependencyResolution, only "
                "valid on scripts of type `dependency`",
                i);
        if (is_mode(p, "data") || is_mode(p, "yq")) {
            if (!check_target(c, i, p))
                return false;
        } else {
            check_script(c, i, p);
        }
        check_playbook(c, i, p);
    }
    return true;
}

void check_probes(struct checker *c)
{
    for (size_t i = 0; i < c->config->probes.n; i++) {
        const struct probe_config *probe = &c->config->probes.v[i];

        check_locator(c, "probe", i, probe->file);
        if (!probe->script || !str_starts(probe->script, "#!"))
            check_fail(c, "field `probe[%zu].script` must start with a '#!' line", i);
        if (strcmp(probe->mode, "readiness") != 0)
            check_fail(c, "field `probe[%zu].mode` can only be `readiness`", i);
    }
}
