#include "model/config/networks_yaml.h"

#include "base/mem.h"
#include "base/quote.h"
#include "lang/schema/schema.h"
#include "lang/yaml/yaml_text.h"

#define FIELD_OWNER network_entry
static const struct field network_entry_rows[] = { NETWORK_ENTRY_FIELDS(FIELD_ROW) };
#undef FIELD_OWNER
const struct field_table network_entry_table =
    FIELD_TABLE("NetworkEntry", network_entry, network_entry_rows);

static const char builtin_networks[] = "networks:\n"
                                       "  user-v2:\n"
                                       "    mode: user-v2\n"
                                       "    gateway: 192.168.104.1\n"
                                       "    netmask: 255.255.255.0\n"
                                       "  shared:\n"
                                       "    mode: shared\n"
                                       "    gateway: 192.168.105.1\n"
                                       "    dhcpEnd: 192.168.105.254\n"
                                       "    netmask: 255.255.255.0\n"
                                       "  bridged:\n"
                                       "    mode: bridged\n"
                                       "    interface: en0\n"
                                       "  host:\n"
                                       "    mode: host\n"
                                       "    gateway: 192.168.106.1\n"
                                       "    dhcpEnd: 192.168.106.254\n"
                                       "    netmask: 255.255.255.0\n";

static struct network_entry *find(const struct networks_yaml *yaml, const char *name)
{
    for (size_t i = 0; i < yaml->networks.n; i++)
        if (strcmp(yaml->networks.v[i].name, name) == 0)
            return &yaml->networks.v[i].net;
    return NULL;
}

const struct network_entry *networks_yaml_find(const struct networks_yaml *yaml, const char *name)
{
    return find(yaml, name);
}

static bool load_entries(struct networks_yaml *out, const struct yaml_node *networks,
                         struct err **errp)
{
    if (!networks || yaml_is_null(networks))
        return true;
    if (networks->kind != YAML_MAP)
        return err_set(errp, ERR_INVALID, "line %u: networks: expected a mapping",
                       networks->start.line);
    for (size_t i = 0; i < networks->n; i++) {
        const struct yaml_entry *entry = &networks->entries[i];
        struct named_network *network = vec_push(&out->networks);

        network->name = sv_dup(entry->key->text);
        if (!schema_load(&network_entry_table, &network->net, entry->value, NULL, errp))
            return err_wrap(errp, "networks.%s", network->name);
    }
    return true;
}

static bool has_user_network(const struct networks_yaml *yaml)
{
    for (size_t i = 0; i < yaml->networks.n; i++)
        if (str_eq(yaml->networks.v[i].net.mode, "user-v2") && yaml->networks.v[i].net.gateway)
            return true;
    return false;
}

static void add_user_network(struct networks_yaml *yaml)
{
    struct network_entry *net = find(yaml, "user-v2");

    if (!net) {
        struct named_network *network = vec_push(&yaml->networks);

        network->name = mem_strdup("user-v2");
        net = &network->net;
    }
    schema_done(&network_entry_table, net);
    net->mode = mem_strdup("user-v2");
    net->gateway = mem_strdup("192.168.104.1");
    net->netmask = mem_strdup("255.255.255.0");
}

bool networks_yaml_load(struct networks_yaml *out, const char *text, const char *path,
                        struct err **errp)
{
    struct sv source = sv_of(text ? text : builtin_networks);
    auto_yaml_doc struct yaml_doc *doc = yaml_load_values(source, errp);

    if (!doc || !yaml_apply_merge_keys(doc, errp) ||
        !load_entries(out, yaml_get(doc->root, "networks"), errp)) {
        auto_mem char *quoted = quote_tick_dup(path ? path : "networks.yaml");

        networks_yaml_done(out);
        return err_wrap(errp, "cannot parse %s", quoted);
    }
    if (!has_user_network(out))
        add_user_network(out);
    return true;
}

void networks_yaml_done(struct networks_yaml *yaml)
{
    for (size_t i = 0; i < yaml->networks.n; i++) {
        free(yaml->networks.v[i].name);
        schema_done(&network_entry_table, &yaml->networks.v[i].net);
    }
    vec_done(&yaml->networks);
}
