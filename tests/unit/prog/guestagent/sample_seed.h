/* A complete lima.env for tests. */
#ifndef TESTS_SAMPLE_SEED_H
#define TESTS_SAMPLE_SEED_H

#define SAMPLE_ENV                                   \
    "LIMA_CIDATA_DEBUG=false\n"                      \
    "LIMA_CIDATA_IID=iid-1700000000\n"               \
    "LIMA_CIDATA_NAME=default\n"                     \
    "LIMA_CIDATA_USER=jane\n"                        \
    "LIMA_CIDATA_UID=1002\n"                         \
    "LIMA_CIDATA_COMMENT=Jane Doe=x\n"               \
    "LIMA_CIDATA_HOME=/home/jane.guest\n"            \
    "LIMA_CIDATA_SHELL=/bin/bash\n"                  \
    "LIMA_CIDATA_MOUNTS=0\n"                         \
    "LIMA_CIDATA_GUEST_INSTALL_PREFIX=/usr/local\n"  \
    "LIMA_CIDATA_PASSWORDLESS_SUDO=1\n"              \
    "LIMA_CIDATA_SLIRP_GATEWAY=192.168.5.2\n"        \
    "LIMA_CIDATA_SLIRP_DNS=192.168.5.3\n"            \
    "LIMA_CIDATA_SLIRP_IP_ADDRESS=192.168.5.15\n"    \
    "LIMA_CIDATA_VSOCK_PORT=2222\n"                  \
    "LIMA_CIDATA_VIRTIO_PORT=\n"                     \
    "LIMA_CIDATA_HOSTNAME=lima-default\n"            \
    "LIMA_CIDATA_TIMEZONE=Europe/Berlin\n"           \
    "LIMA_CIDATA_DNS_ADDRESSES=\n"                   \
    "LIMA_CIDATA_NETWORKS=2\n"                       \
    "LIMA_CIDATA_NETWORKS_0_MAC=52:55:55:AA:BB:CC\n" \
    "LIMA_CIDATA_NETWORKS_0_NAME=eth0\n"             \
    "LIMA_CIDATA_NETWORKS_0_METRIC=200\n"            \
    "LIMA_CIDATA_NETWORKS_1_MAC=52:55:55:00:00:01\n" \
    "LIMA_CIDATA_NETWORKS_1_NAME=lima0\n"

#endif
