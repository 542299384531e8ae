/*
 * networks.yaml: the networks that instances can name (reference: config section 16.4).
 */
#ifndef MODEL_CONFIG_NETWORKS_YAML_H
#define MODEL_CONFIG_NETWORKS_YAML_H

#include "base/err.h"
#include "lang/schema/field.h"

#define NETWORK_ENTRY_FIELDS(F)                                                                 \
    F(STR, mode, "mode", NULL, MERGE_FILL, FIELD_REQUIRED, CHECK_ANY,                           \
      "user-v2, host, shared or bridged.")                                                      \
    F(STR, interface, "interface", NULL, MERGE_FILL, 0, CHECK_ANY,                              \
      "Interface of the host that a bridged network joins.")                                    \
    F(IP, gateway, "gateway", NULL, MERGE_FILL, 0, CHECK_ANY, "Address of the host.")           \
    F(IP, dhcp_end, "dhcpEnd", NULL, MERGE_FILL, 0, CHECK_ANY, "Last address given to guests.") \
    F(IP, netmask, "netmask", NULL, MERGE_FILL, 0, CHECK_ANY, "Net mask.")
struct network_entry {
    NETWORK_ENTRY_FIELDS(FIELD_MEMBER)
};

struct named_network {
    char *name;
    struct network_entry net;
};

struct networks_yaml {
    VEC(struct named_network) networks; /* in the order of the file */
};

extern const struct field_table network_entry_table;

/* text may be NULL: the builtin networks. "user-v2" is added when no network of that mode has a
 * gateway. path is for messages. */
bool networks_yaml_load(struct networks_yaml *out, const char *text, const char *path,
                        struct err **errp) MUST_USE;
const struct network_entry *networks_yaml_find(const struct networks_yaml *yaml, const char *name);
void networks_yaml_done(struct networks_yaml *yaml);

#endif
