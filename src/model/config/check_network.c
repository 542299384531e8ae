#include "model/config/check_priv.h"

#include <ctype.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/quote.h"

#define INTERFACE_SIZE 16u /* of the kernel, with the terminator */
#define MAC_LEN        6u

static bool is_text(const char *text)
{
    return text && *text;
}

/* The named network must exist; false when not, which hides the other messages. */
static bool check_lima(struct checker *c, const struct networks_yaml *networks, size_t i,
                       const char *name)
{
    const struct network_entry *entry = networks_yaml_find(networks, name);

    if (!entry) {
        auto_mem char *quoted = quote_tick_dup(name);

        check_fail(c, "network %s is not defined", quoted);
        return false;
    }
    if (!str_eq(entry->mode, "user-v2") && strcmp(c->env->host.os, "darwin") != 0)
        check_fail(c, "field `networks[%zu].lima` is only supported on macOS right now", i);
    return true;
}

static void check_exclusive(struct checker *c, size_t i, const char *a, const char *b)
{
    check_fail(c, "field `networks[%zu].%s` and field `networks[%zu].%s` are mutually exclusive", i,
               a, i, b);
}

static bool is_other_than_socket(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && !S_ISSOCK(st.st_mode);
}

static bool check_kind(struct checker *c, const struct networks_yaml *networks, size_t i,
                       const struct network_config *net)
{
    bool lima = is_text(net->lima), socket = is_text(net->socket), nat = net->vz_nat.v;

    if (lima && !check_lima(c, networks, i, net->lima))
        return false;
    if (lima && socket)
        check_exclusive(c, i, "lima", "socket");
    if (lima && nat)
        check_exclusive(c, i, "lima", "vzNAT");
    if (socket && nat)
        check_exclusive(c, i, "socket", "vzNAT");
    if (socket && is_other_than_socket(net->socket)) {
        auto_mem char *quoted = quote_tick_dup(net->socket);

        check_fail(c, "field `networks[%zu].socket` %s points to a non-socket file", i, quoted);
    }
    if (!lima && !socket && !nat)
        check_fail(c, "field `networks[%zu].lima` or  field `networks[%zu].socket must be set", i,
                   i);
    return true;
}

/* Number of bytes written as "xx:xx:..." or "xx-xx-..."; 0 when it is nothing of that kind. */
static size_t mac_len(const char *text)
{
    size_t n = 0;
    char sep = '\0';

    for (const char *p = text;; p += 3) {
        if (!isxdigit((unsigned char)p[0]) || !isxdigit((unsigned char)p[1]))
            return 0;
        n++;
        if (p[2] == '\0')
            return n;
        if ((p[2] != ':' && p[2] != '-') || (sep && p[2] != sep))
            return 0;
        sep = p[2];
    }
}

static void check_mac(struct checker *c, size_t i, const char *mac)
{
    auto_mem char *quoted = NULL;
    size_t len = mac_len(mac);

    if (len == MAC_LEN)
        return;
    quoted = quote_tick_dup(mac);
    if (len != 8 && len != 20) /* what is no hardware address at all */
        check_fail(c, "field `vmnet.mac` invalid: address %s: invalid MAC address", mac);
    else
        check_fail(
            c,
            "field `networks[%zu].macAddress` must be a 48 bit (6 bytes) MAC address; actual "
            "length of %s is %zu bytes",
            i, quoted, len);
}

static void check_interface(struct checker *c, size_t i, const char *interface)
{
    const struct instance_config *config = c->config;
    auto_mem char *quoted = quote_tick_dup(interface);

    if (strlen(interface) >= INTERFACE_SIZE)
        check_fail(
            c, "field `networks[%zu].interface` must be less than %u bytes, but is %zu bytes: %s",
            i, INTERFACE_SIZE, strlen(interface), quoted);
    if (strpbrk(interface, " \t\n/"))
        check_fail(c, "field `networks[%zu].interface` must not contain whitespace or slashes", i);
    if (strcmp(interface, "eth0") == 0)
        check_fail(
            c,
            "field `networks[%zu].interface` must not be set to `eth0` because it is reserved "
            "for slirp",
            i);
    for (size_t j = 0; j < i; j++)
        if (str_eq(config->networks.v[j].interface, interface)) {
            check_fail(c,
                       "field `networks[%zu].interface` value %s has already been used by field "
                       "`networks[%zu].interface`",
                       i, quoted, j);
            break;
        }
}

static void check_all(struct checker *c, const struct networks_yaml *networks)
{
    size_t before = c->messages.n;

    for (size_t i = 0; i < c->config->networks.n; i++) {
        const struct network_config *net = &c->config->networks.v[i];

        if (!check_kind(c, networks, i, net)) {
            while (c->messages.n > before + 1) /* only the last one is reported */
                strv_remove(&c->messages, before);
            return;
        }
        check_mac(c, i, net->mac_address);
        check_interface(c, i, net->interface);
    }
}

void check_networks(struct checker *c)
{
    struct networks_yaml networks = { 0 };
    struct err *err = NULL;

    if (c->config->networks.n == 0)
        return;
    if (!networks_yaml_load(&networks, c->env->networks_text, c->env->networks_path, &err)) {
        check_fail(c, "%s", err_text(err));
        err_free(err);
        return;
    }
    check_all(c, &networks);
    networks_yaml_done(&networks);
}
