/*
 * Networks and names (reference: config sections 5.13, 5.14, 16 and 20.8). After config_load()
 * every network has an interface name, a MAC address and a metric.
 */
#ifndef MODEL_CONFIG_NETWORK_H
#define MODEL_CONFIG_NETWORK_H

#include "lang/schema/field.h"

#define NETWORK_FIELDS(F)                                                                       \
    F(STR, lima, "lima", NULL, MERGE_FILL, 0, CHECK_ANY, "Name of a network of networks.yaml.") \
    F(STR, socket, "socket", NULL, MERGE_FILL, 0, CHECK_ANY,                                    \
      "Stream socket of a network program, such as socket_vmnet.")                              \
    F(BOOL, vz_nat, "vzNAT", NULL, MERGE_FILL, FIELD_KEEP, CHECK_ANY, "NAT of the vz driver.")  \
    F(STR, mac_address, "macAddress", NULL, MERGE_FILL, 0, CHECK_ANY,                           \
      "MAC address; derived from the instance when not given.")                                 \
    F(STR, interface, "interface", NULL, MERGE_FILL, 0, CHECK_ANY,                              \
      "Name in the guest; lima0, lima1, ... when not given.")                                   \
    F(INT, metric, "metric", NULL, MERGE_FILL, FIELD_KEEP, CHECK_RANGE(0, UINT32_MAX),          \
      "Route metric, 100 when not given.")
struct network_config {
    NETWORK_FIELDS(FIELD_MEMBER)
};

#define HOST_RESOLVER_FIELDS(F)                                                             \
    F(BOOL, enabled, "enabled", "true", MERGE_FILL, FIELD_KEEP | FIELD_NULLABLE, CHECK_ANY, \
      "Answer the guest's DNS questions through the host's resolver.")                      \
    F(BOOL, ipv6, "ipv6", "false", MERGE_FILL, FIELD_KEEP | FIELD_NULLABLE, CHECK_ANY,      \
      "Answer AAAA questions too.")                                                         \
    F(MAP, hosts, "hosts", NULL, MERGE_UNION, FIELD_NULLABLE, CHECK_ANY,                    \
      "Names and their addresses, or other names.")
struct host_resolver_config {
    HOST_RESOLVER_FIELDS(FIELD_MEMBER)
};

extern const struct field_table network_config_table, host_resolver_config_table;

#endif
