#include "prog/guestagent/seed.h"

#include <arpa/inet.h>
#include <ctype.h>

#include "base/mem.h"
#include "base/num.h"

#define KEY_PREFIX SV("LIMA_CIDATA_")

enum { USER_LEN_MAX = 32, INTERFACE_LEN_MAX = 15, DEFAULT_METRIC = 100, PRIMARY_METRIC = 200 };

static const struct {
    const char *key;
    size_t offset;
} texts[] = {
    { "IID", offsetof(struct seed, iid) },
    { "USER", offsetof(struct seed, user) },
    { "COMMENT", offsetof(struct seed, comment) },
    { "HOME", offsetof(struct seed, home) },
    { "SHELL", offsetof(struct seed, shell) },
    { "HOSTNAME", offsetof(struct seed, hostname) },
    { "TIMEZONE", offsetof(struct seed, timezone) },
    { "GUEST_INSTALL_PREFIX", offsetof(struct seed, prefix) },
    { "SLIRP_GATEWAY", offsetof(struct seed, gateway) },
    { "SLIRP_DNS", offsetof(struct seed, dns) },
    { "SLIRP_IP_ADDRESS", offsetof(struct seed, address) },
    { "VIRTIO_PORT", offsetof(struct seed, virtio_port) },
};

static char **text_at(struct seed *seed, size_t i)
{
    return (char **)(void *)((char *)seed + texts[i].offset);
}

static bool is_user_name(const char *name)
{
    size_t n = strlen(name);

    if (n == 0 || n > USER_LEN_MAX || name[0] == '-' || name[0] == '.')
        return false;
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)name[i]) && !strchr("_.-", name[i]))
            return false;
    return true;
}

/* Absolute, and fit for a row of /etc/passwd. */
static bool is_account_path(const char *path)
{
    return path[0] == '/' && !strchr(path, ':') && !strstr(path, "/../") && !str_ends(path, "/..");
}

static bool is_host_name(const char *name)
{
    size_t n = strlen(name);

    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)name[i]) && name[i] != '-' && name[i] != '.')
            return false;
    return n <= 64;
}

static bool is_zone_name(const char *name)
{
    for (const char *c = name; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("_+-/", *c))
            return false;
    return name[0] != '/';
}

static bool is_ipv4(const char *text)
{
    struct in_addr ip;

    return inet_pton(AF_INET, text, &ip) == 1;
}

static bool is_ip(const char *text)
{
    struct in6_addr ip6;

    return is_ipv4(text) || inet_pton(AF_INET6, text, &ip6) == 1;
}

static bool is_mac(const char *text)
{
    for (size_t i = 0; i < 17; i++)
        if (i % 3 == 2 ? text[i] != ':' : !isxdigit((unsigned char)text[i]))
            return false;
    return text[17] == '\0';
}

static bool is_interface_name(const char *name)
{
    size_t n = strlen(name);

    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)name[i]) && !strchr("_-", name[i]))
            return false;
    return n > 0 && n <= INTERFACE_LEN_MAX;
}

static bool refuse(struct err **errp, const char *key, const char *value)
{
    return err_set(errp, ERR_INVALID, "LIMA_CIDATA_%s cannot be \"%.80s\"", key, value);
}

static bool check(const struct seed *seed, struct err **errp)
{
    if (!seed->iid[0])
        return refuse(errp, "IID", seed->iid);
    if (!is_user_name(seed->user) || str_eq(seed->user, "root"))
        return refuse(errp, "USER", seed->user);
    if (seed->uid == 0 || seed->uid >= UINT32_MAX - 1)
        return err_set(errp, ERR_INVALID, "LIMA_CIDATA_UID is missing or no user id");
    if (!is_account_path(seed->home) || str_eq(seed->home, "/"))
        return refuse(errp, "HOME", seed->home);
    if (!is_account_path(seed->shell))
        return refuse(errp, "SHELL", seed->shell);
    if (!is_host_name(seed->hostname))
        return refuse(errp, "HOSTNAME", seed->hostname);
    if (!is_zone_name(seed->timezone))
        return refuse(errp, "TIMEZONE", seed->timezone);
    if (seed->prefix[0] != '/' || strpbrk(seed->prefix, " \t\"'%\\"))
        return refuse(errp, "GUEST_INSTALL_PREFIX", seed->prefix);
    if (seed->gateway[0] && !is_ipv4(seed->gateway))
        return refuse(errp, "SLIRP_GATEWAY", seed->gateway);
    if (seed->dns[0] && !is_ipv4(seed->dns))
        return refuse(errp, "SLIRP_DNS", seed->dns);
    if (seed->address[0] && !is_ipv4(seed->address))
        return refuse(errp, "SLIRP_IP_ADDRESS", seed->address);
    if (strpbrk(seed->virtio_port, "/ \t\"'%\\"))
        return refuse(errp, "VIRTIO_PORT", seed->virtio_port);
    for (size_t i = 0; i < seed->name_servers.n; i++)
        if (!is_ip(seed->name_servers.v[i]))
            return refuse(errp, "DNS_ADDRESSES", seed->name_servers.v[i]);
    for (size_t i = 0; i < seed->nics.n; i++)
        if (!is_mac(seed->nics.v[i].mac) || !is_interface_name(seed->nics.v[i].name))
            return refuse(errp, "NETWORKS", seed->nics.v[i].mac);
    return true;
}

/* "<i>_MAC" and its siblings, which may come before the count. */
static bool take_nic(struct seed *seed, struct sv key, struct sv value, struct err **errp)
{
    struct sv number;
    uint32_t i;

    if (!sv_next(&key, '_', &number) || !parse_u32(number, &i))
        return true;
    if (i >= SEED_NICS_MAX)
        return err_set(errp, ERR_INVALID, "LIMA_CIDATA_NETWORKS_%u: more than %d networks", i,
                       SEED_NICS_MAX);
    while (seed->nics.n <= i) {
        struct seed_nic *nic = vec_push(&seed->nics);

        *nic = (struct seed_nic){ .mac = mem_strdup(""),
                                  .name = mem_strdup(""),
                                  .metric = seed->nics.n == 1 ? PRIMARY_METRIC : DEFAULT_METRIC };
    }

    struct seed_nic *nic = &seed->nics.v[i];

    if (sv_eq(key, SV("MAC"))) {
        mem_replace(&nic->mac, sv_dup(value));
        for (char *c = nic->mac; *c; c++)
            *c = (char)tolower((unsigned char)*c);
    } else if (sv_eq(key, SV("NAME"))) {
        mem_replace(&nic->name, sv_dup(value));
    } else if (sv_eq(key, SV("METRIC")) && !parse_u32(value, &nic->metric)) {
        return err_set(errp, ERR_INVALID, "LIMA_CIDATA_NETWORKS_%u_METRIC is not a number", i);
    }
    return true;
}

static bool take_value(struct seed *seed, struct sv key, struct sv value, struct err **errp)
{
    for (size_t i = 0; i < COUNT(texts); i++) {
        if (sv_eq_str(key, texts[i].key)) {
            mem_replace(text_at(seed, i), sv_dup(value));
            return true;
        }
    }
    if (sv_eq(key, SV("UID")) && !parse_u32(value, &seed->uid))
        return err_set(errp, ERR_INVALID, "LIMA_CIDATA_UID is not a number");
    if (sv_eq(key, SV("VSOCK_PORT")) && value.n && !parse_u32(value, &seed->vsock_port))
        return err_set(errp, ERR_INVALID, "LIMA_CIDATA_VSOCK_PORT is not a number");
    if (sv_eq(key, SV("PASSWORDLESS_SUDO")))
        seed->passwordless_sudo = value.n > 0;
    if (sv_eq(key, SV("PLAIN")))
        seed->plain = value.n > 0;
    if (sv_eq(key, SV("DNS_ADDRESSES"))) {
        strv_clear(&seed->name_servers);
        for (struct sv one; sv_next(&value, ',', &one);)
            if (one.n)
                strv_push_sv(&seed->name_servers, one);
    }
    if (sv_starts(key, SV("NETWORKS_")))
        return take_nic(seed, sv_slice(key, strlen("NETWORKS_"), key.n), value, errp);
    return true;
}

static bool parse(struct sv env, struct seed *seed, struct err **errp)
{
    for (struct sv line; sv_next_line(&env, &line);) {
        struct sv value = line, key;

        if (!sv_starts(line, KEY_PREFIX) || sv_find(line, '=') < 0)
            continue;
        if (sv_find(line, '\0') >= 0)
            return err_set(errp, ERR_INVALID, "lima.env contains a NUL byte");
        sv_next(&value, '=', &key);
        if (!take_value(seed, sv_slice(key, KEY_PREFIX.n, key.n), value, errp))
            return false;
    }
    if (!seed->prefix[0])
        mem_replace(&seed->prefix, mem_strdup("/usr/local"));
    if (seed->name_servers.n == 0 && seed->dns[0])
        strv_push(&seed->name_servers, seed->dns);
    return check(seed, errp);
}

bool seed_parse(struct sv env, struct seed *out, struct err **errp)
{
    struct seed seed = { 0 };

    for (size_t i = 0; i < COUNT(texts); i++)
        *text_at(&seed, i) = mem_strdup("");
    if (!parse(env, &seed, errp)) {
        seed_done(&seed);
        return err_wrap(errp, "lima.env");
    }
    *out = seed;
    return true;
}

void seed_done(struct seed *seed)
{
    for (size_t i = 0; i < COUNT(texts); i++)
        free(*text_at(seed, i));
    for (size_t i = 0; i < seed->nics.n; i++) {
        free(seed->nics.v[i].mac);
        free(seed->nics.v[i].name);
    }
    vec_done(&seed->nics);
    strv_done(&seed->name_servers);
    *seed = (struct seed){ 0 };
}
