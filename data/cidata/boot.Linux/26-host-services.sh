#!/bin/sh
# Sockets of the host that are forwarded into the guest, such as the ssh agent's.
mkdir -p /run/host-services
chmod 0700 /run/host-services
chown "$LIMA_CIDATA_UID" /run/host-services
