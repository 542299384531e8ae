/*
 * The section "ssh" (reference: config sections 5.5 and 20.4). local_port 0 means a free port,
 * chosen at each start.
 */
#ifndef MODEL_CONFIG_SSH_H
#define MODEL_CONFIG_SSH_H

#include "lang/schema/field.h"

#define SSH_FIELDS(F)                                                                          \
    F(INT, local_port, "localPort", NULL, MERGE_FILL, FIELD_KEEP | FIELD_NULLABLE, CHECK_ANY,  \
      "Port on 127.0.0.1 of the host; 0 picks a free one at each start.")                      \
    F(BOOL, load_dot_ssh_pub_keys, "loadDotSSHPubKeys", "false", MERGE_FILL,                   \
      FIELD_KEEP | FIELD_NULLABLE, CHECK_ANY, "Also authorize the keys ~/.ssh/*.pub.")         \
    F(BOOL, forward_agent, "forwardAgent", "false", MERGE_FILL, FIELD_KEEP | FIELD_NULLABLE,   \
      CHECK_ANY, "Forward the host's ssh agent.")                                              \
    F(BOOL, forward_x11, "forwardX11", "false", MERGE_FILL, FIELD_KEEP | FIELD_NULLABLE,       \
      CHECK_ANY, "Forward X11.")                                                               \
    F(BOOL, forward_x11_trusted, "forwardX11Trusted", "false", MERGE_FILL,                     \
      FIELD_KEEP | FIELD_NULLABLE, CHECK_ANY, "Forward X11 without its security extension.")   \
    F(BOOL, over_vsock, "overVsock", NULL, MERGE_FILL, FIELD_KEEP | FIELD_NULLABLE, CHECK_ANY, \
      "Reach sshd through vsock, without a network, where the driver can.")
struct ssh_config {
    SSH_FIELDS(FIELD_MEMBER)
};

extern const struct field_table ssh_config_table;

#endif
