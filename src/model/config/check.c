#include "model/config/check_priv.h"

#include <ctype.h>

#include "base/mem.h"
#include "base/path.h"
#include "base/quote.h"
#include "base/semver.h"
#include "base/units.h"
#include "model/config/identifier.h"

#define SSH_PORT 22

void check_fail(struct checker *c, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    strv_push_take(&c->messages, mem_vprintf(fmt, args));
    va_end(args);
}

void check_fail_err(struct checker *c, struct err *take_err, const char *fmt, ...)
{
    auto_err struct err *err = take_err;
    auto_mem char *text = NULL;
    va_list args;

    va_start(args, fmt);
    text = mem_vprintf(fmt, args);
    va_end(args);
    check_fail(c, "%s: %s", text, err_text(err));
}

void check_port(struct checker *c, const char *field, int64_t port)
{
    if (port < 0)
        check_fail(c, "field `%s` must be > 0", field);
    else if (port == 0)
        check_fail(c, "field `%s` must be set", field);
    else if (port == SSH_PORT)
        check_fail(c, "field `%s` must not be 22", field);
    else if (port > 65535)
        check_fail(c, "field `%s` must be < 65536", field);
}

bool check_is_word(const char *text, const char *const *words)
{
    for (; *words; words++)
        if (str_eq(text, *words))
            return true;
    return false;
}

static void check_version(struct checker *c)
{
    const char *text = c->config->minimum_lima_version;
    auto_mem char *quoted = NULL;
    struct semver wanted, running;

    if (!text || !*text)
        return;
    quoted = quote_tick_dup(text);
    if (!semver_parse(sv_of(text), &wanted)) {
        check_fail(c,
                   "field `minimumLimaVersion` must be a semvar value, got %s: %s is not in "
                   "dotted-tri format",
                   quoted, text);
        return;
    }
    if (semver_parse(SV(LIMA_VERSION), &running) && semver_cmp(running, wanted) < 0)
        check_fail(c, "template requires Lima version %s; this is only `" LIMA_VERSION "`", quoted);
}

static void check_windows(struct checker *c)
{
    const struct instance_config *config = c->config;

    if (strcmp(config->vm_type, "qemu") != 0)
        check_fail(c, "currently Windows guest is only supported on `qemu`; got `%s`",
                   config->vm_type);
    if (strcmp(config->arch, "x86_64") != 0 && strcmp(config->arch, "aarch64") != 0)
        check_fail(c,
                   "currently Windows guest is only supported on [`x86_64`, `aarch64`]; got `%s`",
                   config->arch);
}

void check_arch(struct checker *c, const char *arch)
{
    auto_mem char *quoted = NULL;

    if (check_is_word(arch, config_arches))
        return;
    quoted = quote_tick_dup(arch ? arch : "");
    check_fail(c,
               "field `arch` must be one of [x86_64 aarch64 armv7l ppc64le riscv64 s390x]; got %s",
               quoted);
}

/* The last component behind a slash of either kind, in any case. */
static bool is_windows_shell(const char *shell)
{
    static const char *const shells[] = { "cmd.exe", "powershell.exe", "pwsh.exe" };
    const char *base = shell;

    for (const char *p = shell; *p; p++)
        if (*p == '/' || *p == '\\')
            base = p + 1;
    for (size_t i = 0; i < COUNT(shells); i++)
        if (strcasecmp(base, shells[i]) == 0)
            return true;
    return false;
}

static void check_shell(struct checker *c)
{
    const char *shell = c->config->user.shell;
    auto_mem char *quoted = quote_tick_dup(shell);

    if (strcmp(c->config->os, "Windows") == 0) {
        if (!is_windows_shell(shell))
            check_fail(c,
                       "field `user.shell` must be one of [cmd.exe powershell.exe pwsh.exe] for "
                       "Windows guest, got %s",
                       quoted);
    } else if (!path_is_absolute(shell)) {
        check_fail(c, "field `user.shell` must be an absolute path, got %s", quoted);
    }
}

void check_guest(struct checker *c)
{
    const struct instance_config *config = c->config;

    if (config->base.n)
        check_fail(c, "field `base` must be empty for YAML validation");
    check_version(c);
    if (strcmp(config->os, "Windows") == 0)
        check_windows(c);
    if (!check_is_word(config->os, config_oses)) {
        auto_mem char *quoted = quote_tick_dup(config->os);

        check_fail(c, "field `os` must be one of [`Linux` `Darwin` `FreeBSD` `Windows`]; got %s",
                   quoted);
    }
    check_arch(c, config->arch);
    check_shell(c);
}

static void check_size(struct checker *c, const char *field, const struct opt_size *size)
{
    struct err *err = NULL;
    uint64_t bytes;

    if (!size_parse(sv_of(size->text), &bytes, &err))
        check_fail_err(c, err, "field `%s` has an invalid value", field);
}

static void check_resources(struct checker *c)
{
    const struct instance_config *config = c->config;

    if (config->cpus.v < 1)
        check_fail(c, "field `cpus` must be greater than 0");
    check_size(c, "memory", &config->memory);
    check_size(c, "disk", &config->disk);
    for (size_t i = 0; i < config->additional_disks.n; i++) {
        const char *name = config->additional_disks.v[i].name;
        struct err *err = NULL;

        if (!identifier_check(name ? name : "", &err))
            check_fail_err(c, err, "field `additionalDisks[%zu].name is invalid`", i);
    }
}

static bool is_param_name(const char *name)
{
    if (!isalpha((unsigned char)*name))
        return false;
    for (const char *p = name; *p; p++)
        if (!isalnum((unsigned char)*p) && *p != '_')
            return false;
    return true;
}

/* First byte that is neither printable nor a tab, or -1. Text beyond ASCII counts as printable. */
static int unprintable_in(const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p; p++)
        if ((*p < ' ' && *p != '\t') || *p == 0x7f)
            return *p;
    return -1;
}

static void check_params(struct checker *c)
{
    for (size_t i = 0; i < c->config->param.n; i++) {
        const struct field_map_entry *param = &c->config->param.v[i];
        auto_mem char *quoted = quote_tick_dup(param->key);
        int bad = unprintable_in(param->value);

        if (!is_param_name(param->key))
            check_fail(c, "param %s name does not match regex `^[a-zA-Z][a-zA-Z0-9_]*$`", quoted);
        if (bad == '\n' || bad == '\r')
            check_fail(c, "param %s value contains unprintable character '\\%c'", quoted,
                       bad == '\n' ? 'n' : 'r');
        else if (bad >= 0)
            check_fail(c, "param %s value contains unprintable character '\\x%02x'", quoted, bad);
    }
}

static void check_sudo(struct checker *c)
{
    const struct instance_config *config = c->config;
    bool passwordless = config->user.passwordless_sudo.v, mac = strcmp(config->os, "Darwin") == 0;

    if (passwordless) {
        if (mac)
            check_fail(c, "`user.passwordlessSudo: true` is not supported on macOS guests");
        return;
    }
    if (strcmp(config->vm_type, "wsl2") == 0)
        check_fail(c, "`user.passwordlessSudo: false` is not supported on WSL2 guest");
    if (!mac && !config->plain.v)
        check_fail(c, "`user.passwordlessSudo: false` requires `plain: true`");
}

static void check_tpm(struct checker *c)
{
    static const char *const arches[] = { "x86_64", "aarch64", "armv7l", "riscv64", NULL };

    if (c->config->tpm.v && !check_is_word(c->config->arch, arches))
        check_fail(c, "field `tpm` is not supported on architecture `%s`", c->config->arch);
}

static void check_user(struct checker *c)
{
    if (str_eq(c->config->user.name, "root"))
        check_fail(c, "field User must not be `root`");
    if (c->config->user.uid.v == 0)
        check_fail(c, "field UID must not be 0");
}

/* Is it in the list before? */
static bool is_repeated(const struct strv *list, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (str_eq(list->v[i], list->v[at]))
            return true;
    return false;
}

static void check_block_devices(struct checker *c)
{
    const struct strv *devices = &c->config->block_devices;

    for (size_t i = 0; i < devices->n; i++)
        if (!path_is_absolute(devices->v[i])) {
            auto_mem char *quoted = quote_tick_dup(devices->v[i]);

            check_fail(c, "field `blockDevices[%zu]` must be an absolute path, got %s", i, quoted);
        } else if (is_repeated(devices, i)) {
            check_fail(c, "field `blockDevices[%zu]` is there twice: %s", i, devices->v[i]);
        }
}

static void check_all(struct checker *c)
{
    check_guest(c);
    check_images(c);
    check_resources(c);
    check_mounts(c);
    if (c->config->ssh.local_port.v)
        check_port(c, "ssh.localPort", c->config->ssh.local_port.v);
    check_mount_type(c);
    if (!check_provision(c))
        return;
    check_archives(c);
    check_probes(c);
    check_forwards(c);
    check_copy_to_host(c);
    if (c->config->dns.n && c->config->host_resolver.enabled.v)
        check_fail(c, "field `dns` must be empty when field `HostResolver.Enabled` is true");
    check_networks(c);
    check_params(c);
    check_sudo(c);
    check_tpm(c);
    check_user(c);
    check_block_devices(c);
}

/* Replaces everything that was found. */
static void check_audio(struct checker *c)
{
    const char *interface = c->config->audio.interface;

    if (!*interface || strcmp(interface, "hda") == 0 || strcmp(interface, "virtio") == 0)
        return;
    strv_clear(&c->messages);
    check_fail(c, "invalid audio.interface \"%s\", must be \"hda\" or \"virtio\"", interface);
}

bool config_check(const struct instance_config *config, const struct config_env *env,
                  struct err **errp)
{
    struct checker c = { .config = config, .env = env };
    auto_mem char *text = NULL;

    check_all(&c);
    check_audio(&c);
    text = c.messages.n ? strv_join(&c.messages, "\n") : NULL;
    strv_done(&c.messages);
    if (!text)
        return true;
    err_set(errp, ERR_INVALID, "%s", text);
    if (config->base.n)
        err_hint(errp,
                 "this version does not merge templates: copy the keys of the base into this one");
    return false;
}
