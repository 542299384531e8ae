/*
 * Port forward rules and files to copy to the host (reference: config sections 5.11, 5.12, 17,
 * 19.3). After config_load() the addresses, ranges and "proto" are filled in and the sockets
 * expanded.
 */
#ifndef MODEL_CONFIG_FORWARD_H
#define MODEL_CONFIG_FORWARD_H

#include "lang/schema/field.h"
#include "model/config/words.h"

#define FORWARD_FIELDS(F)                                                                        \
    F(BOOL, guest_ip_must_be_zero, "guestIPMustBeZero", NULL, MERGE_FILL, FIELD_KEEP, CHECK_ANY, \
      "Match only listeners on 0.0.0.0 or ::.")                                                  \
    F(IP, guest_ip, "guestIP", NULL, MERGE_FILL, 0, CHECK_ANY,                                   \
      "Address of the listener in the guest; 127.0.0.1 when not given.")                         \
    F(INT, guest_port, "guestPort", NULL, MERGE_FILL, 0, CHECK_ANY, "One guest port.")           \
    F(PAIR, guest_port_range, "guestPortRange", NULL, MERGE_FILL, FIELD_REQUIRED, CHECK_ANY,     \
      "First and last guest port; all when neither this nor guestPort is given.")                \
    F(STR, guest_socket, "guestSocket", NULL, MERGE_FILL, 0, CHECK_ANY,                          \
      "Unix socket of the guest; guest template.")                                               \
    F(IP, host_ip, "hostIP", NULL, MERGE_FILL, 0, CHECK_ANY,                                     \
      "Address on the host; 127.0.0.1 when not given.")                                          \
    F(INT, host_port, "hostPort", NULL, MERGE_FILL, 0, CHECK_ANY, "One host port.")              \
    F(PAIR, host_port_range, "hostPortRange", NULL, MERGE_FILL, FIELD_REQUIRED, CHECK_ANY,       \
      "First and last host port; as guestPortRange when not given.")                             \
    F(STR, host_socket, "hostSocket", NULL, MERGE_FILL, 0, CHECK_ANY,                            \
      "Unix socket of the host; relative paths lie below sock/ of the instance; host template.") \
    F(STR, proto, "proto", "any", MERGE_FILL, 0, CHECK_WORDS(config_protocols),                  \
      "tcp, udp or any.")                                                                        \
    F(BOOL, reverse, "reverse", NULL, MERGE_FILL, 0, CHECK_ANY,                                  \
      "Listen in the guest and connect to the host.")                                       \
    F(BOOL, ignore, "ignore", NULL, MERGE_FILL, 0, CHECK_ANY, "Do not forward what matches.")    \
    F(BOOL, is_static, "static", NULL, MERGE_FILL, 0, CHECK_ANY,                                 \
      "Forward from the start on, also in plain mode.")
struct forward_config {
    FORWARD_FIELDS(FIELD_MEMBER)
};

#define COPY_FIELDS(F)                                                                           \
    F(STR, guest, "guest", NULL, MERGE_FILL, 0, CHECK_ANY, "File of the guest; guest template.") \
    F(STR, host, "host", NULL, MERGE_FILL, 0, CHECK_ANY,                                         \
      "Where it goes on the host; host template.")                                               \
    F(BOOL, delete_on_stop, "deleteOnStop", NULL, MERGE_FILL, 0, CHECK_ANY,                      \
      "Remove the copy when the instance stops.")
struct copy_config {
    COPY_FIELDS(FIELD_MEMBER)
};

extern const struct field_table forward_config_table, copy_config_table;

#endif
