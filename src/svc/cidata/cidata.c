#include "svc/cidata/cidata.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/path.h"
#include "model/config/config.h"
#include "svc/cidata/cidata_priv.h"
#include "wire/initrd.h"

enum { SCRIPT_MODE = 0755, FILE_MODE = 0644 };

static struct cidata_entry *add(struct cidata *seed, char *take_path, mode_t mode)
{
    struct cidata_entry *entry = vec_push(seed);

    entry->path = take_path;
    entry->mode = mode;
    return entry;
}

static void add_bytes(struct cidata *seed, char *take_path, mode_t mode, struct sv bytes)
{
    struct cidata_entry *entry = add(seed, take_path, mode);

    entry->data = sv_dup(bytes);
    entry->size = bytes.n;
}

static void add_text(struct cidata *seed, const char *path, struct sb *steal_text)
{
    add_bytes(seed, mem_strdup(path), FILE_MODE, sb_view(steal_text));
    sb_truncate(steal_text, 0);
}

static void add_host_file(struct cidata *seed, const char *path, mode_t mode, const char *source)
{
    if (source)
        add(seed, mem_strdup(path), mode)->source_path = mem_strdup(source);
}

/* KEY=value lines. A value with a line break would smuggle in another key. */
struct env_text {
    struct sb text;
    const char *prefix;
    char *bad_key; /* the first that cannot be written */
};

static void put_env(struct env_text *env, const char *key, const char *value)
{
    value = value ? value : "";
    if (strpbrk(value, "\r\n") && !env->bad_key)
        env->bad_key = mem_strdup(key);
    sb_putf(&env->text, "%s%s=%s\n", env->prefix, key, value);
}

static void put_env_uint(struct env_text *env, const char *key, uint64_t value)
{
    auto_mem char *text = mem_printf("%" PRIu64, value);

    put_env(env, key, text);
}

/* "1" or empty, as scripts test it with -n. */
static void put_env_flag(struct env_text *env, const char *key, bool value)
{
    put_env(env, key, value ? "1" : "");
}

static void put_env_word(struct env_text *env, const char *key, bool value)
{
    put_env(env, key, value ? "true" : "false");
}

static bool add_env(struct cidata *seed, const char *path, struct env_text *env, struct err **errp)
{
    auto_mem char *bad_key = env->bad_key;

    if (bad_key) {
        sb_done(&env->text);
        return err_set(errp, ERR_INVALID, "%s%s: a value for the guest may not have a line break",
                       env->prefix, bad_key);
    }
    add_text(seed, path, &env->text);
    sb_done(&env->text);
    return true;
}

static void put_env_user(struct env_text *env, const struct cidata_input *in)
{
    const struct user_config *user = &in->config->user;

    put_env(env, "USER", user->name);
    put_env_uint(env, "UID", (uint64_t)user->uid.v);
    put_env(env, "COMMENT", user->comment);
    put_env(env, "HOME", user->home);
    put_env(env, "SHELL", user->shell);
    put_env_flag(env, "PASSWORDLESS_SUDO", user->passwordless_sudo.v);
}

static const char *home_mount_point(const struct cidata_input *in)
{
    for (size_t i = 0; i < in->config->mounts.n; i++)
        if (str_eq(in->config->mounts.v[i].location, in->host_home))
            return in->config->mounts.v[i].mount_point;
    return "";
}

static int compare_mount_points(const void *a, const void *b)
{
    const struct mount_config *const *left = a, *const *right = b;

    return strcmp((*left)->mount_point, (*right)->mount_point);
}

/* One that the guest agent is to do. */
static void put_env_agents_mount(struct env_text *env, size_t i, const struct mount_config *mount,
                                 bool is_9p)
{
    auto_mem char *name_key = mem_printf("MOUNTS_%zu_NAME", i);
    auto_mem char *writable_key = mem_printf("MOUNTS_%zu_WRITABLE", i);
    auto_mem char *options_key = mem_printf("MOUNTS_%zu_9P_OPTIONS", i);
    auto_mem char *tag = config_mount_tag(mount);
    auto_mem char *name = is_9p ? mem_strdup(tag) : config_mount_source(tag, mount->location);
    auto_mem char *options =
        mem_printf("trans=virtio,version=%s,msize=%llu,cache=%s", mount->ninep.protocol_version,
                   (unsigned long long)mount->ninep.msize.bytes, mount->ninep.cache);

    put_env(env, name_key, name);
    put_env_flag(env, writable_key, mount->writable.v);
    if (is_9p)
        put_env(env, options_key, options);
}

static void put_env_mount(struct env_text *env, size_t i, const struct mount_config *mount,
                          const struct cidata_input *in)
{
    auto_mem char *key = mem_printf("MOUNTS_%zu_MOUNTPOINT", i);
    bool is_9p = str_eq(in->config->mount_type, "9p");

    put_env(env, key, mount->mount_point);
    if (is_9p || (str_eq(in->config->mount_type, "virtiofs") && !in->mounts_in_fstab))
        put_env_agents_mount(env, i, mount, is_9p);
}

/* In the order of their mount points: what is mounted below another comes after it. */
static void put_env_mounts(struct env_text *env, const struct cidata_input *in)
{
    const struct instance_config *config = in->config;
    size_t n = config->plain.v ? 0 : config->mounts.n;
    auto_mem const struct mount_config **sorted = mem_array(n, sizeof(*sorted));

    for (size_t i = 0; i < n; i++)
        sorted[i] = &config->mounts.v[i];
    qsort(sorted, n, sizeof(*sorted), compare_mount_points);
    put_env(env, "HOSTHOME_MOUNTPOINT", home_mount_point(in));
    put_env_uint(env, "MOUNTS", n);
    for (size_t i = 0; i < n; i++)
        put_env_mount(env, i, sorted[i], in);
    put_env(env, "MOUNTTYPE", config->mount_type);
}

static void put_env_disks(struct env_text *env, const struct cidata_input *in)
{
    const struct instance_config *config = in->config;

    put_env_uint(env, "DISKS", config->additional_disks.n);
    for (size_t i = 0; i < config->additional_disks.n; i++) {
        const struct disk_config *disk = &config->additional_disks.v[i];
        const struct {
            const char *suffix;
            char *value;
        } rows[] = {
            { "NAME", mem_strdup(disk->name) },
            { "DEVICE", mem_printf("vd%c", (char)('b' + i)) },
            { "FORMAT", mem_strdup(!disk->format.set || disk->format.v ? "true" : "false") },
            { "FSTYPE", mem_strdup(disk->fs_type ? disk->fs_type : "") },
            { "FSARGS", strv_join(&disk->fs_args, " ") },
        };

        for (size_t k = 0; k < COUNT(rows); k++) {
            auto_mem char *key = mem_printf("DISK_%zu_%s", i, rows[k].suffix);

            put_env(env, key, rows[k].value);
            free(rows[k].value);
        }
    }
}

static bool is_mode(const struct provision_config *p, const char *mode)
{
    return str_eq(p->mode, mode);
}

static void put_env_files(struct env_text *env, const struct cidata_input *in)
{
    for (size_t i = 0; i < in->config->provision.n; i++) {
        const struct provision_config *p = &in->config->provision.v[i];
        bool is_data = is_mode(p, "data");
        const struct {
            const char *suffix, *value;
        } rows[] = {
            { is_data ? "OVERWRITE" : "FORMAT",
              is_data ? (!p->overwrite.set || p->overwrite.v ? "true" : "false") : p->format },
            { "OWNER", p->owner },
            { "PATH", p->path },
            { "PERMISSIONS", p->permissions },
        };

        if (!is_data && !is_mode(p, "yq"))
            continue;
        for (size_t k = 0; k < COUNT(rows); k++) {
            auto_mem char *key =
                mem_printf("%s_%08zu_%s", is_data ? "DATAFILE" : "YQ_PROVISION", i, rows[k].suffix);

            put_env(env, key, rows[k].value);
        }
    }
}

static void put_env_network(struct env_text *env, const struct cidata_input *in)
{
    auto_mem char *dns_list = strv_join(in->dns_addresses, ",");

    put_env(env, "SLIRP_GATEWAY", in->gateway);
    put_env(env, "SLIRP_DNS", in->dns);
    put_env(env, "SLIRP_IP_ADDRESS", in->address);
    put_env_uint(env, "UDP_DNS_LOCAL_PORT", in->udp_dns_port);
    put_env_uint(env, "TCP_DNS_LOCAL_PORT", in->tcp_dns_port);
    put_env(env, "DNS_ADDRESSES", dns_list);
    put_env_uint(env, "NETWORKS", in->n_nics);
    for (size_t i = 0; i < in->n_nics; i++) {
        auto_mem char *mac = mem_printf("NETWORKS_%zu_MAC", i);
        auto_mem char *name = mem_printf("NETWORKS_%zu_NAME", i);
        auto_mem char *metric = mem_printf("NETWORKS_%zu_METRIC", i);

        put_env(env, mac, in->nics[i].mac);
        put_env(env, name, in->nics[i].name);
        put_env_uint(env, metric, in->nics[i].metric);
    }
}

static bool skips_default_packages(const struct instance_config *config)
{
    for (size_t i = 0; i < config->provision.n; i++)
        if (is_mode(&config->provision.v[i], "dependency") &&
            config->provision.v[i].skip_default_dependency_resolution.v)
            return true;
    return false;
}

static bool add_lima_env(struct cidata *seed, const struct cidata_input *in, struct err **errp)
{
    const struct instance_config *config = in->config;
    struct env_text env = { .prefix = "LIMA_CIDATA_" };

    put_env_word(&env, "DEBUG", in->debug);
    put_env(&env, "IID", in->iid);
    put_env(&env, "NAME", in->name);
    put_env(&env, "HOSTNAME", in->hostname);
    put_env(&env, "TIMEZONE", config->timezone);
    put_env_user(&env, in);
    put_env_mounts(&env, in);
    put_env_disks(&env, in);
    put_env_files(&env, in);
    put_env(&env, "GUEST_INSTALL_PREFIX", config->guest_install_prefix);
    put_env_flag(&env, "UPGRADE_PACKAGES", config->upgrade_packages.v);
    put_env_flag(&env, "CONTAINERD_USER", config->containerd.user.v);
    put_env_flag(&env, "CONTAINERD_SYSTEM", config->containerd.system.v);
    if (config->containerd.user.v || config->containerd.system.v)
        put_env(&env, "CONTAINERD_ARCHIVE", "nerdctl-full.tgz");
    put_env_flag(&env, "SKIP_DEFAULT_DEPENDENCY_RESOLUTION", skips_default_packages(config));
    put_env_flag(&env, "PLAIN", config->plain.v);
    put_env_flag(&env, "NO_CLOUD_INIT", false); /* the guest agent knows better (boot.sh) */
    put_env_flag(&env, "CA_CERTS_REMOVE_DEFAULTS", config->ca_certs.remove_defaults.v);
    put_env_network(&env, in);
    put_env_word(&env, "ROSETTA_ENABLED", false);
    put_env_word(&env, "ROSETTA_BINFMT", false);
    put_env(&env, "VMTYPE", in->driver);
    put_env_uint(&env, "VSOCK_PORT", in->vsock_port);
    put_env(&env, "VIRTIO_PORT", in->virtio_port);
    return add_env(seed, "lima.env", &env, errp);
}

static bool add_param_env(struct cidata *seed, const struct cidata_input *in, struct err **errp)
{
    const struct field_map *param = &in->config->param;
    struct env_text env = { .prefix = "PARAM_" };

    for (size_t i = 0; i < param->n; i++)
        put_env(&env, param->v[i].key, param->v[i].value);
    return add_env(seed, "param.env", &env, errp);
}

static bool add_etc_environment(struct cidata *seed, const struct cidata_input *in,
                                struct err **errp)
{
    auto_sb struct sb text = { 0 };

    sb_puts(&text, "#LIMA-START\n");
    for (size_t i = 0; i < in->env->n; i++) {
        const char *line = in->env->v[i];

        if (strpbrk(line, "\r\n"))
            return err_set(errp, ERR_INVALID,
                           "env.%.*s: a value for the guest may not have a line break",
                           (int)strcspn(line, "="), line);
        sb_putf(&text, "%s\n", line);
    }
    sb_puts(&text, "#LIMA-END\n");
    add_text(seed, "etc_environment", &text);
    return true;
}

static void add_provision(struct cidata *seed, const struct cidata_input *in)
{
    static const struct {
        const char *mode;
        size_t text; /* member that holds the content */
        mode_t file_mode;
    } kinds[] = {
        { "system", offsetof(struct provision_config, script), SCRIPT_MODE },
        { "user", offsetof(struct provision_config, script), SCRIPT_MODE },
        { "dependency", offsetof(struct provision_config, script), SCRIPT_MODE },
        /* For guests without cloud-init, which takes them from user-data. */
        { "boot", offsetof(struct provision_config, script), SCRIPT_MODE },
        { "data", offsetof(struct provision_config, content), FILE_MODE },
        { "yq", offsetof(struct provision_config, expression), FILE_MODE },
    };

    for (size_t i = 0; i < in->config->provision.n; i++) {
        const struct provision_config *p = &in->config->provision.v[i];

        for (size_t k = 0; k < COUNT(kinds); k++) {
            const char *text;

            if (!is_mode(p, kinds[k].mode))
                continue;
            memcpy(&text, (const char *)p + kinds[k].text, sizeof(text));
            add_bytes(seed, mem_printf("provision.%s/%08zu", kinds[k].mode, i), kinds[k].file_mode,
                      sv_of(text));
        }
    }
}

/* For guests without cloud-init, likewise. */
static void add_ca_certs(struct cidata *seed, const struct cidata_input *in)
{
    for (size_t i = 0; i < in->ca_certs->n; i++) {
        auto_mem char *text = mem_printf("%.*s\n", SV_ARG(sv_trim(sv_of(in->ca_certs->v[i]))));

        add_bytes(seed, mem_printf("ca_certs/%08zu.crt", i), FILE_MODE, sv_of(text));
    }
}

static void add_embedded(struct cidata *seed, bool plain)
{
    for (const struct cidata_embedded *file = cidata_embedded; file->path; file++) {
        if (plain && str_starts(file->path, "boot.Linux/"))
            continue;
        add_bytes(seed, mem_strdup(file->path), SCRIPT_MODE,
                  (struct sv){ (const char *)file->data, file->size });
    }
}

static bool check(const struct cidata_input *in, struct err **errp)
{
    const struct user_config *user = &in->config->user;

    if (!user->name || !user->name[0] || str_eq(user->name, "root"))
        return err_set(errp, ERR_INVALID, "field `user.name` must not be empty or \"root\"");
    if (user->uid.v <= 0)
        return err_set(errp, ERR_INVALID, "field `user.uid` must not be 0");
    if (!user->home || !user->home[0])
        return err_set(errp, ERR_INVALID, "field `user.home` must be set");
    if (!user->shell || !user->shell[0])
        return err_set(errp, ERR_INVALID, "field `user.shell` must be set");
    if (in->ssh_keys->n == 0)
        return err_set(errp, ERR_INVALID, "there is no ssh key for the guest");
    for (size_t i = 0; i < in->config->mounts.n; i++)
        if (!path_is_absolute(in->config->mounts.v[i].mount_point))
            return err_set(errp, ERR_INVALID, "field `mounts[%zu].mountPoint` must be absolute: %s",
                           i, in->config->mounts.v[i].mount_point);
    return true;
}

static int compare_paths(const void *a, const void *b)
{
    const struct cidata_entry *left = a, *right = b;

    return strcmp(left->path, right->path);
}

static void add_cloud_init(struct cidata *seed, const struct cidata_input *in)
{
    auto_sb struct sb text = { 0 };
    auto_mem char *keys = strv_join(in->ssh_keys, "\n");

    sb_putf(&text, "instance-id: %s\nlocal-hostname: %s\n", in->iid, in->hostname);
    add_text(seed, "meta-data", &text);
    cidata_put_user_data(&text, in, true);
    add_text(seed, "user-data", &text);
    cidata_put_network_config(&text, in);
    add_text(seed, "network-config", &text);
    sb_putf(&text, "%s\n", keys);
    add_text(seed, "ssh_authorized_keys", &text);
}

bool cidata_render(const struct cidata_input *in, struct cidata *out, struct err **errp)
{
    bool plain = in->config->plain.v;

    if (!check(in, errp))
        return err_wrap(errp, "making the seed");

    struct cidata seed = { 0 };

    add_cloud_init(&seed, in);
    add_provision(&seed, in);
    add_ca_certs(&seed, in);
    if (in->zone_data.n)
        add_bytes(&seed, mem_strdup("timezone"), FILE_MODE, in->zone_data);
    add_embedded(&seed, plain);
    add_host_file(&seed, "lima-guestagent", SCRIPT_MODE, in->guest_agent_path);
    add_host_file(&seed, "nerdctl-full.tgz", FILE_MODE, in->containerd_archive_path);
    if (!add_lima_env(&seed, in, errp) || !add_param_env(&seed, in, errp) ||
        !add_etc_environment(&seed, in, errp)) {
        cidata_done(&seed);
        return err_wrap(errp, "making the seed");
    }
    qsort(seed.v, seed.n, sizeof(*seed.v), compare_paths);
    *out = seed;
    return true;
}

void cidata_done(struct cidata *seed)
{
    for (size_t i = 0; i < seed->n; i++) {
        free(seed->v[i].path);
        free(seed->v[i].data);
        free(seed->v[i].source_path);
    }
    vec_done(seed);
}

char *cidata_cloud_config(const struct cidata_input *in)
{
    auto_sb struct sb out = { 0 };

    cidata_put_user_data(&out, in, false);
    return sb_steal(&out);
}

char *cidata_iid(int64_t unix_seconds)
{
    return mem_printf("iid-%" PRId64, unix_seconds);
}
