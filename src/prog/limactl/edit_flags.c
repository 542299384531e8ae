#include "prog/limactl/edit_flags.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/enum.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/path.h"
#include "base/quote.h"
#include "base/sb.h"

static const char *const mount_types[] = { "reverse-sshfs", "9p", "virtiofs", NULL };
static const char *const vm_types[] = { "qemu", NULL };
static const char *const networks[] = { "lima:shared", "lima:bridged", "lima:host", "lima:user-v2",
                                        "vzNAT", NULL };
static const char *const archs[] = { "x86_64", "aarch64", "riscv64", "armv7l",
                                     "s390x",  "ppc64le", NULL };
static const char *const containerd_modes[] = { "user", "system", "user+system", "none", NULL };
static const char *const disk_sizes[] = { "10", "30", "50", "100", "200", NULL };
static const char *const ssh_ports[] = { "60022", NULL };

#define ROW(kind, member) OPT_AT(kind, struct edit_opts, member)

const struct opt edit_opt_rows[N_EDIT_OPTS] = {
    { ROW(INT, cpus), .name = "cpus", .help = "Number of CPUs" },
    { ROW(SLICE, dns), .name = "dns", .value = "IP,...",
      .help = "DNS servers of the guest; turns the host resolver off" },
    { ROW(FLOAT, memory), .name = "memory", .value = "GiB", .help = "Memory in GiB" },
    { ROW(SLICE, mount), .name = "mount", .value = "DIR[:w],...",
      .help = "Directories to mount in addition, \":w\" makes one writable" },
    { ROW(SLICE, mount_only), .name = "mount-only", .value = "DIR[:w],...",
      .help = "Directories to mount instead of the configured ones" },
    { ROW(BOOL, mount_none), .name = "mount-none", .help = "Remove all mounts" },
    { ROW(STR, mount_type), .name = "mount-type", .value = "TYPE", .words = mount_types,
      .help = "Mount type (reverse-sshfs, 9p, virtiofs)" },
    { ROW(STR, vm_type), .name = "vm-type", .value = "TYPE", .words = vm_types,
      .help = "Driver of the virtual machine" },
    { ROW(BOOL, mount_inotify), .name = "mount-inotify",
      .help = "Repeat changes on the host as inotify events in the guest" },
    { ROW(BOOL, mount_writable), .name = "mount-writable", .help = "Make all mounts writable" },
    { ROW(SLICE, network), .name = "network", .value = "NETWORK,...", .words = networks,
      .help = "Networks to add (lima:user-v2, vzNAT, ...)" },
    { ROW(SLICE, block_device), .name = "block-device", .value = "DEVICE,...",
      .help = "Block devices of the host to attach" },
    { ROW(BOOL, nested_virt), .name = "nested-virt", .help = "Allow virtual machines in the guest" },
    { ROW(BOOL, rosetta), .name = "rosetta", .help = "Run x86_64 programs with Rosetta (vz)" },
    { ROW(ARRAY, set), .name = "set", .value = "EXPR",
      .help = "Change the configuration with a yq expression" },
    { ROW(ARRAY, param), .name = "param", .value = "NAME=VALUE",
      .help = "Set a parameter that the template defines" },
    { ROW(BOOL, video), .name = "video", .help = "Show the guest's display" },
    { ROW(U16, ssh_port), .name = "ssh-port", .value = "PORT", .words = ssh_ports,
      .help = "Port of ssh on the host, 0 chooses a free one" },
    { ROW(FLOAT, disk), .name = "disk", .value = "GiB", .words = disk_sizes,
      .help = "Size of the disk in GiB" },
    { ROW(STR, shell), .name = "shell", .help = "Login shell of the guest's user" },
};

#undef ROW
#define ROW(kind, member) OPT_AT(kind, struct create_opts, member)

const struct opt create_opt_rows[N_CREATE_OPTS] = {
    { ROW(STR, name), .name = "name", .help = "Name of the instance" },
    { ROW(BOOL, list_templates), .name = "list-templates", .help = "List the templates and exit" },
    { ROW(BOOL, list_drivers), .name = "list-drivers", .help = "List the drivers and exit" },
    { ROW(STR, audio_device), .name = "audio-device", .help = "Audio device of QEMU" },
    { ROW(STR, audio_interface), .name = "audio-interface", .help = "Audio interface of the guest" },
    { ROW(STR, image_variant), .name = "image-variant", .help = "Variant of the image to use" },
    { ROW(STR, arch), .name = "arch", .words = archs, .help = "Architecture of the guest" },
    { ROW(STR, containerd), .name = "containerd", .value = "MODE", .words = containerd_modes,
      .help = "Containerd to run (user, system, user+system, none)" },
    { ROW(BOOL, plain), .name = "plain",
      .help = "Without guest agent, mounts, port forwards and containerd" },
    { ROW(ARRAY, port_forward), .name = "port-forward", .value = "HOST:GUEST[,static=BOOL]",
      .help = "Forward a port" },
};

bool edit_flags_given(const struct edit_opts *edit)
{
    for (size_t i = 0; i < N_EDIT_OPTS; i++)
        if (opt_is_set(&edit_opt_rows[i], edit))
            return true;
    return false;
}

/* Expressions under construction. */
struct builder {
    struct sb out;
    const struct edit_opts *edit;
    const struct edit_context *context;
};

static void add(struct builder *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void add(struct builder *b, const char *fmt, ...)
{
    va_list args;

    if (b->out.n > 0)
        sb_puts(&b->out, " | ");
    va_start(args, fmt);
    sb_vputf(&b->out, fmt, args);
    va_end(args);
}

static const char *bool_word(bool value)
{
    return value ? "true" : "false";
}

/* A double-quoted string; owned. */
static char *quoted(const char *text)
{
    auto_sb struct sb out = { 0 };

    quote_go(&out, sv_of(text));
    return sb_steal(&out);
}

static bool flag_error(struct err **errp, const char *flag)
{
    return err_wrap(errp, "error while processing flag `%s`", flag);
}

/* Shortest decimal that reads back as the same value. */
static char *decimal(float value)
{
    for (int digits = 1; digits < 9; digits++) {
        auto_mem char *text = mem_printf("%.*g", digits, (double)value);

        if (strtof(text, NULL) == value && !strchr(text, 'e'))
            return MOVE(text);
    }
    return mem_printf("%.9f", (double)value);
}

static void add_string(struct builder *b, const struct arg_str *arg, const char *path)
{
    auto_mem char *text = quoted(arg->v);

    if (arg->set)
        add(b, "%s = %s", path, text);
}

static void add_bool(struct builder *b, const struct arg_bool *arg, const char *path)
{
    if (arg->set)
        add(b, "%s = %s", path, bool_word(arg->v));
}

static bool add_cpus(struct builder *b, struct err **errp)
{
    const struct arg_int *cpus = &b->edit->cpus;

    if (!cpus->set)
        return true;
    if (cpus->v < 0)
        return err_set(errp, ERR_INVALID, "invalid value for number of cpus, must be >= 0") ||
               flag_error(errp, "cpus");
    add(b, ".cpus = %lld", (long long)cpus->v);
    return true;
}

/* "A","B" */
static void put_strings(struct sb *out, const struct strv *list)
{
    for (size_t i = 0; i < list->n; i++) {
        if (i > 0)
            sb_putc(out, ',');
        quote_go(out, sv_of(list->v[i]));
    }
}

static void add_dns(struct builder *b)
{
    auto_sb struct sb list = { 0 };

    if (!b->edit->dns.set)
        return;
    put_strings(&list, &b->edit->dns.v);
    add(b, ".dns += [%s] | .dns |= unique | .hostResolver.enabled=false", sb_str(&list));
    log_warn("`--dns` turns the host resolver off");
}

/* "P[:w]" as a mount. */
static bool put_mount(const struct edit_context *context, struct sb *out, const char *text,
                      struct err **errp)
{
    bool writable = str_ends(text, ":w");
    auto_mem char *typed = mem_strndup(text, strlen(text) - (writable ? 2 : 0));
    auto_mem char *expanded = path_expand_home(typed, context->home);

    if (typed[0] == '\0')
        return err_set(errp, ERR_INVALID, "the path must not be empty");
    if (expanded[0] == '~')
        return err_set(errp, ERR_INVALID, "unexpandable path `%s`", typed);
    if (!path_is_absolute(expanded))
        mem_replace(&expanded, path_join(context->cwd, expanded));

    auto_mem char *clean = path_clean(expanded);
    auto_mem char *location = quoted(clean);

    sb_putf(out, "%s{\"location\": %s, \"mountPoint\": %s, \"writable\": %s}", out->n > 0 ? ", " : "",
            location, location, bool_word(writable));
    return true;
}

static bool add_mounts(struct builder *b, struct err **errp)
{
    const struct edit_opts *edit = b->edit;
    const struct arg_list *given = edit->mount_only.set ? &edit->mount_only : &edit->mount;
    const char *flag = edit->mount_only.set ? "mount-only" : "mount";
    auto_sb struct sb list = { 0 };

    if (edit->mount.set && edit->mount_only.set)
        return err_set(errp, ERR_INVALID, "flag `--mount` conflicts with `--mount-only`") ||
               flag_error(errp, "mount");
    if (edit->mount_none.set && (edit->mount.set || edit->mount_only.set))
        return err_set(errp, ERR_INVALID, "flag `--mount-none` conflicts with `%s`", flag) ||
               flag_error(errp, "mount-none");

    for (size_t i = 0; i < given->v.n; i++) {
        /* --mount puts each one in front, so the last one comes first. */
        size_t at = edit->mount_only.set ? i : given->v.n - 1 - i;

        if (!put_mount(b->context, &list, given->v.v[at], errp))
            return flag_error(errp, flag);
    }
    if (edit->mount.set)
        add(b, ".mounts = [%s] + .mounts", sb_str(&list));
    else if (edit->mount_only.set)
        add(b, ".mounts = [%s]", sb_str(&list));
    else if (edit->mount_none.set)
        add(b, ".mounts = null");
    return true;
}

static bool add_networks(struct builder *b, struct err **errp)
{
    auto_sb struct sb list = { 0 };

    if (!b->edit->network.set)
        return true;
    for (size_t i = 0; i < b->edit->network.v.n; i++) {
        const char *name = b->edit->network.v.v[i];

        if (i > 0)
            sb_putc(&list, ',');
        if (strcmp(name, "vzNAT") == 0) {
            sb_puts(&list, "{\"vzNAT\": true}");
        } else if (str_starts(name, "lima:")) {
            auto_mem char *text = quoted(name + strlen("lima:"));

            sb_putf(&list, "{\"lima\": %s}", text);
        } else {
            auto_mem char *text = quote_tick_dup(name);

            return err_set(errp, ERR_INVALID, "network name must be `vzNAT` or `lima:*`, got %s", text) ||
                   flag_error(errp, "network");
        }
    }
    add(b, ".networks += [%s] | .networks |= unique_by(.lima)", sb_str(&list));
    return true;
}

static void add_block_devices(struct builder *b)
{
    auto_sb struct sb list = { 0 };

    if (!b->edit->block_device.set)
        return;
    put_strings(&list, &b->edit->block_device.v);
    add(b, ".blockDevices += [%s] | .blockDevices |= unique", sb_str(&list));
}

static bool add_params(struct builder *b, struct err **errp)
{
    for (size_t i = 0; i < b->edit->param.v.n; i++) {
        const char *text = b->edit->param.v.v[i];
        const char *equals = strchr(text, '=');
        auto_mem char *name = mem_strndup(text, equals ? (size_t)(equals - text) : strlen(text));
        auto_mem char *shown = quote_tick_dup(equals ? name : text);

        if (!equals || equals == text)
            return err_set(errp, ERR_INVALID, "invalid parameter %s, expected NAME=VALUE", shown) ||
                   flag_error(errp, "param");
        if (!b->context->params || !strv_has(b->context->params, name))
            return err_set(errp, ERR_INVALID, "template does not define param %s", shown) ||
                   flag_error(errp, "param");

        auto_mem char *key = quoted(name);
        auto_mem char *value = quoted(equals + 1);

        add(b, ".param[%s] = %s", key, value);
    }
    return true;
}

static bool add_containerd(struct builder *b, const struct arg_str *mode, struct err **errp)
{
    size_t n_modes = COUNT(containerd_modes) - 1;
    auto_mem char *text = quote_tick_dup(mode->v);
    bool user, system;

    if (!mode->set)
        return true;
    if (enum_from_name(containerd_modes, n_modes, mode->v) < 0 && strcmp(mode->v, "system+user") != 0)
        return err_set(errp, ERR_INVALID,
                       "expected one of [`user`, `system`, `user+system`, `none`], got %s", text) ||
               flag_error(errp, "containerd");
    user = strstr(mode->v, "user") != NULL;
    system = strstr(mode->v, "system") != NULL;
    add(b, ".containerd.user = %s | .containerd.system = %s", bool_word(user), bool_word(system));
    return true;
}

/* "HOST:GUEST[,static=BOOL]" as a port forward rule. */
static bool put_forward(struct sb *out, const char *text, struct err **errp)
{
    struct sv rest = sv_of(text);
    struct sv ports, host, option;
    bool is_static = false;
    auto_mem char *shown = quote_tick_dup(text);

    (void)sv_next(&rest, ',', &ports);
    (void)sv_next(&ports, ':', &host);
    if (host.n == 0 || ports.n == 0)
        return err_set(errp, ERR_INVALID, "invalid port forward %s, expected HOST:GUEST[,static=BOOL]",
                       shown);
    while (rest.n > 0 && sv_next(&rest, ',', &option)) {
        struct sv value = option, key;

        (void)sv_next(&value, '=', &key);
        if (!sv_eq(key, SV("static")) || !parse_bool(value, &is_static))
            return err_set(errp, ERR_INVALID, "invalid option `%.*s` of port forward %s", SV_ARG(option),
                           shown);
    }

    auto_mem char *host_text = sv_dup(host);
    auto_mem char *guest_text = sv_dup(ports);
    auto_mem char *host_quoted = quoted(host_text);
    auto_mem char *guest_quoted = quoted(guest_text);

    sb_putf(out, "%s{\"guestPort\": %s, \"hostPort\": %s, \"static\": %s}", out->n > 0 ? "," : "",
            guest_quoted, host_quoted, bool_word(is_static));
    return true;
}

static bool add_forwards(struct builder *b, const struct arg_list *forwards, struct err **errp)
{
    auto_sb struct sb list = { 0 };

    for (size_t i = 0; i < forwards->v.n; i++)
        if (!put_forward(&list, forwards->v.v[i], errp))
            return flag_error(errp, "port-forward");
    if (forwards->set)
        add(b, ".portForwards += [%s]", sb_str(&list));
    return true;
}

/* True when the option is given and counts: options for new instances do nothing on old ones. */
static bool is_for_new(const struct builder *b, bool set, const char *flag, const char *value)
{
    if (!set || !b->context->existing)
        return set;
    log_warn("`--%s` is not applicable to an existing instance (Hint: create a new instance with "
             "`limactl create --%s=%s --name=NAME`)", flag, flag, value);
    return false;
}

static bool add_image_variant(struct builder *b, const struct arg_str *variant, struct err **errp)
{
    auto_mem char *text = quoted(variant->v);

    if (!is_for_new(b, variant->set, "image-variant", variant->v))
        return true;
    if (variant->v[0] == '\0')
        return err_set(errp, ERR_INVALID, "the variant must not be empty") ||
               flag_error(errp, "image-variant");
    add(b, ".images = [.images[] | select(.variant == %s)]", text);
    return true;
}

static void warn_experimental(bool set, const char *flag)
{
    if (set)
        log_warn("`--%s` is experimental", flag);
}

bool edit_flags_expression(const struct edit_opts *edit, const struct create_opts *create,
                           const struct edit_context *context, char **out, struct err **errp)
{
    static const struct create_opts no_create = { .containerd = { .v = "" }, .image_variant = { .v = "" } };
    const struct create_opts *new = create ? create : &no_create;
    struct builder builder = { .edit = edit, .context = context };
    struct builder *b = &builder;
    bool ok;

    ok = add_cpus(b, errp);
    if (ok)
        add_dns(b);
    if (ok && edit->memory.set) {
        auto_mem char *gib = decimal(edit->memory.v);

        add(b, ".memory = \"%sGiB\"", gib);
    }
    ok = ok && add_mounts(b, errp);
    if (ok) {
        add_string(b, &edit->mount_type, ".mountType");
        add_string(b, &edit->vm_type, ".vmType");
        warn_experimental(edit->mount_inotify.set, "mount-inotify");
        add_bool(b, &edit->mount_inotify, ".mountInotify");
        add_bool(b, &edit->mount_writable, ".mounts[].writable");
    }
    ok = ok && add_networks(b, errp);
    if (ok) {
        add_block_devices(b);
        add_bool(b, &edit->nested_virt, ".nestedVirtualization");
        if (edit->rosetta.set)
            add(b, ".vmOpts.vz.rosetta.enabled = %s | .vmOpts.vz.rosetta.binfmt = %s",
                bool_word(edit->rosetta.v), bool_word(edit->rosetta.v));
        for (size_t i = 0; i < edit->set.v.n; i++)
            add(b, "%s", edit->set.v.v[i]);
    }
    ok = ok && add_params(b, errp);
    if (ok) {
        if (edit->video.set)
            add(b, ".video.display = \"%s\"", edit->video.v ? "default" : "none");
        warn_experimental(new->audio_device.set, "audio-device");
        add_string(b, &new->audio_device, ".audio.device");
        warn_experimental(new->audio_interface.set, "audio-interface");
        add_string(b, &new->audio_interface, ".audio.interface");
        if (edit->ssh_port.set)
            add(b, ".ssh.localPort = %u", edit->ssh_port.v);
    }
    ok = ok && add_image_variant(b, &new->image_variant, errp);
    if (ok && is_for_new(b, new->arch.set, "arch", new->arch.v))
        add_string(b, &new->arch, ".arch");
    if (ok && is_for_new(b, new->containerd.set, "containerd", new->containerd.v))
        ok = add_containerd(b, &new->containerd, errp);
    if (ok && edit->disk.set) {
        auto_mem char *gib = decimal(edit->disk.v);

        add(b, ".disk= \"%sGiB\"", gib);
    }
    if (ok && is_for_new(b, new->plain.set, "plain", bool_word(new->plain.v)))
        add_bool(b, &new->plain, ".plain");
    ok = ok && add_forwards(b, &new->port_forward, errp);
    if (ok)
        add_string(b, &edit->shell, ".user.shell");
    if (ok)
        *out = sb_steal(&b->out);
    sb_done(&b->out);
    return ok;
}
