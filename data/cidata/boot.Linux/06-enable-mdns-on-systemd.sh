#!/bin/sh
# Names under .local on networks that the guest shares with others.
[ "$LIMA_CIDATA_NETWORKS" -gt 1 ] && [ -d /run/systemd/system ] && has resolvectl || exit 0

conf=/etc/systemd/resolved.conf.d/00-lima-enable-mdns.conf
if [ ! -e "$conf" ]; then
    mkdir -p "${conf%/*}"
    printf '[Resolve]\nMulticastDNS=yes\n' >"$conf"
    systemctl try-restart systemd-resolved
fi
for nic in /sys/class/net/*; do
    [ "${nic##*/}" = lo ] || resolvectl mdns "${nic##*/}" yes || :
done
