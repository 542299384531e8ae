#include "base/mem.h"
#include "base/quote.h"
#include "lang/yaml/yaml_text.h"
#include "model/config/config.h"
#include "svc/cidata/cidata_priv.h"
#include "wire/initrd.h"

/* cloud-config and network-config are built as YAML trees, so that no text of the user can break
 * out of its place. */

static struct yaml_node *set(struct yaml_doc *doc, struct yaml_node *map, const char *key,
                             struct yaml_node *value)
{
    yaml_set(doc, map, sv_of(key), value);
    return value;
}

static void set_str(struct yaml_doc *doc, struct yaml_node *map, const char *key, const char *text)
{
    set(doc, map, key, yaml_new_str(doc, sv_of(text)));
}

static void set_bool(struct yaml_doc *doc, struct yaml_node *map, const char *key, bool value)
{
    set(doc, map, key, yaml_new_bool(doc, value));
}

static struct yaml_node *list_of(struct yaml_doc *doc, const struct strv *texts)
{
    struct yaml_node *list = yaml_new_seq(doc);

    for (size_t i = 0; i < texts->n; i++)
        yaml_append(doc, list, yaml_new_str(doc, sv_of(texts->v[i])));
    return list;
}

static void add_packages(struct yaml_doc *doc, const struct instance_config *config)
{
    if (!config->upgrade_packages.v)
        return;
    set_bool(doc, doc->root, "package_update", true);
    set_bool(doc, doc->root, "package_upgrade", true);
    set_bool(doc, doc->root, "package_reboot_if_required", true);
}

static void add_mounts(struct yaml_doc *doc, const struct cidata_input *in)
{
    const struct instance_config *config = in->config;
    struct yaml_node *rows;

    if (!in->mounts_in_fstab || config->plain.v || config->mounts.n == 0)
        return;
    rows = set(doc, doc->root, "mounts", yaml_new_seq(doc));
    for (size_t i = 0; i < config->mounts.n; i++) {
        const struct mount_config *mount = &config->mounts.v[i];
        auto_mem char *tag = config_mount_tag(mount);
        const char *options = mount->writable.v ? "rw,nofail" : "ro,nofail";
        const char *columns[] = { tag, mount->mount_point, config->mount_type, options, "0", "0" };
        struct yaml_node *row = yaml_new_seq(doc);

        row->style = YAML_STYLE_FLOW;
        for (size_t k = 0; k < COUNT(columns); k++)
            yaml_append(doc, row, yaml_new_str(doc, sv_of(columns[k])));
        yaml_append(doc, rows, row);
    }
}

static void add_user(struct yaml_doc *doc, const struct cidata_input *in)
{
    const struct user_config *user = &in->config->user;
    struct yaml_node *users = set(doc, doc->root, "users", yaml_new_seq(doc));
    struct yaml_node *map = yaml_new_map(doc);
    auto_mem char *uid = mem_printf("%lld", (long long)user->uid.v);
    bool free_sudo = user->passwordless_sudo.v;

    yaml_append(doc, users, map);
    set_str(doc, map, "name", user->name);
    set_str(doc, map, "uid", uid);
    if (user->comment && user->comment[0])
        set_str(doc, map, "gecos", user->comment);
    set_str(doc, map, "homedir", user->home);
    set_str(doc, map, "shell", user->shell);
    set_str(doc, map, "sudo", free_sudo ? "ALL=(ALL) NOPASSWD:ALL" : "ALL=(ALL) ALL");
    set_bool(doc, map, "lock_passwd", free_sudo);
    set(doc, map, "ssh-authorized-keys", list_of(doc, in->ssh_keys));
}

static void add_hook(struct yaml_doc *doc)
{
    static const char hook[] =
        "#!/bin/sh\n"
        "set -eu\n"
        "export LIMA_CIDATA_MNT=" INITRD_SEED_DIR "\n"
        "device=/dev/disk/by-label/" INITRD_SEED_LABEL "\n"
        "mkdir -p -m 0700 \"$LIMA_CIDATA_MNT\"\n"
        "if ! grep -q \" $LIMA_CIDATA_MNT \" /proc/mounts; then\n"
        "    mount -t iso9660 -o ro,mode=0700,dmode=0700,overriderockperm,exec,uid=0 \\\n"
        "        \"$device\" \"$LIMA_CIDATA_MNT\"\n"
        "fi\n"
        "exec \"$LIMA_CIDATA_MNT\"/boot.sh\n";
    struct yaml_node *files = set(doc, doc->root, "write_files", yaml_new_seq(doc));
    struct yaml_node *file = yaml_new_map(doc);

    yaml_append(doc, files, file);
    set_str(doc, file, "content", hook);
    set_str(doc, file, "owner", "root:root");
    set_str(doc, file, "path", CIDATA_HOOK_PATH);
    set_str(doc, file, "permissions", "0755");
}

static void add_name_servers(struct yaml_doc *doc, const struct strv *addresses)
{
    struct yaml_node *conf;

    if (addresses->n == 0)
        return;
    set_bool(doc, doc->root, "manage_resolv_conf", true);
    conf = set(doc, doc->root, "resolv_conf", yaml_new_map(doc));
    set(doc, conf, "nameservers", list_of(doc, addresses));
}

static void add_ca_certs(struct yaml_doc *doc, const struct cidata_input *in)
{
    bool remove = in->config->ca_certs.remove_defaults.v;
    struct yaml_node *certs;

    if (!remove && in->ca_certs->n == 0)
        return;
    certs = set(doc, doc->root, "ca_certs", yaml_new_map(doc));
    set_bool(doc, certs, "remove_defaults", remove);
    if (in->ca_certs->n > 0)
        set(doc, certs, "trusted", list_of(doc, in->ca_certs));
}

/* Gives each NIC its name where the image's network setup did not, then waits for the address. */
static void put_rename_script(struct sb *out, const struct cidata_input *in)
{
    sb_puts(out, "rename_nic() {\n"
                 "    [ -e \"/sys/class/net/$2\" ] && return 0\n"
                 "    for try in 1 2 3; do\n"
                 "        for nic in /sys/class/net/*; do\n"
                 "            read -r mac <\"$nic/address\" || continue\n"
                 "            [ \"$mac\" = \"$1\" ] || continue\n"
                 "            ip link set dev \"${nic##*/}\" down\n"
                 "            ip link set dev \"${nic##*/}\" name \"$2\" &&\n"
                 "                ip link set dev \"$2\" up && return 0\n"
                 "        done\n"
                 "        sleep 1\n"
                 "    done\n"
                 "}\n");
    for (size_t i = 0; i < in->n_nics; i++) {
        sb_puts(out, "rename_nic ");
        quote_shell(out, sv_of(in->nics[i].mac));
        sb_putc(out, ' ');
        quote_shell(out, sv_of(in->nics[i].name));
        sb_putc(out, '\n');
    }
    sb_puts(out, "tries=0\n"
                 "while [ \"$tries\" -lt 30 ]; do\n"
                 "    ip -4 addr show dev eth0 2>/dev/null | grep -q inet && break\n"
                 "    tries=$((tries + 1))\n"
                 "    sleep 1\n"
                 "done\n");
}

static void add_boot_commands(struct yaml_doc *doc, const struct cidata_input *in)
{
    const struct instance_config *config = in->config;
    struct yaml_node *list = set(doc, doc->root, "bootcmd", yaml_new_seq(doc));
    auto_sb struct sb text = { 0 };

    put_rename_script(&text, in);
    yaml_append(doc, list, yaml_new_str(doc, sb_view(&text)));
    for (size_t i = 0; i < config->provision.n; i++) {
        const struct provision_config *p = &config->provision.v[i];

        if (!str_eq(p->mode, "boot"))
            continue;
        sb_truncate(&text, 0);
        for (size_t k = 0; k < config->param.n; k++) {
            sb_putf(&text, "export PARAM_%s=", config->param.v[k].key);
            quote_shell(&text, sv_of(config->param.v[k].value));
            sb_putc(&text, '\n');
        }
        sb_puts(&text, p->script ? p->script : "");
        yaml_append(doc, list, yaml_new_str(doc, sb_view(&text)));
    }
}

void cidata_put_user_data(struct sb *out, const struct cidata_input *in, bool with_hook)
{
    auto_yaml_doc struct yaml_doc *doc = yaml_doc_new();
    struct yaml_node *part;

    doc->root = yaml_new_map(doc);
    part = set(doc, doc->root, "growpart", yaml_new_map(doc));
    set_str(doc, part, "mode", "auto");
    yaml_append(doc, set(doc, part, "devices", yaml_new_seq(doc)), yaml_new_str(doc, SV("/")));
    add_packages(doc, in->config);
    add_mounts(doc, in);
    if (in->config->timezone && in->config->timezone[0])
        set_str(doc, doc->root, "timezone", in->config->timezone);
    add_user(doc, in);
    if (with_hook)
        add_hook(doc);
    add_name_servers(doc, in->dns_addresses);
    add_ca_certs(doc, in);
    add_boot_commands(doc, in);
    /* One kind of host key will do for every ssh of the last decade; RSA costs an emulated CPU
     * half a minute. */
    part = set(doc, doc->root, "ssh_genkeytypes", yaml_new_seq(doc));
    yaml_append(doc, part, yaml_new_str(doc, SV("ed25519")));

    sb_puts(out, "#cloud-config\n");
    yaml_emit(out, doc);
}

void cidata_put_network_config(struct sb *out, const struct cidata_input *in)
{
    auto_yaml_doc struct yaml_doc *doc = yaml_doc_new();
    struct yaml_node *nics;
    bool optional = false;

    for (size_t i = 0; i < in->config->param.n; i++)
        if (str_eq(in->config->param.v[i].key, "internal_netplanOptional"))
            optional = str_eq(in->config->param.v[i].value, "true");
    doc->root = yaml_new_map(doc);
    set(doc, doc->root, "version", yaml_new_int(doc, 2));
    nics = set(doc, doc->root, "ethernets", yaml_new_map(doc));
    for (size_t i = 0; i < in->n_nics; i++) {
        const struct cidata_nic *from = &in->nics[i];
        struct yaml_node *nic = set(doc, nics, from->name, yaml_new_map(doc));

        set_str(doc, set(doc, nic, "match", yaml_new_map(doc)), "macaddress", from->mac);
        set_bool(doc, nic, "dhcp4", true);
        set_str(doc, nic, "set-name", from->name);
        if (optional)
            set_bool(doc, nic, "optional", true);
        set(doc, set(doc, nic, "dhcp4-overrides", yaml_new_map(doc)), "route-metric",
            yaml_new_int(doc, from->metric));
        set_str(doc, nic, "dhcp-identifier", "mac");
        if (i == 0 && in->dns_addresses->n > 0)
            set(doc, set(doc, nic, "nameservers", yaml_new_map(doc)), "addresses",
                list_of(doc, in->dns_addresses));
    }
    yaml_emit(out, doc);
}
