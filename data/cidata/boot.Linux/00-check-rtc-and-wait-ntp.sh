#!/bin/sh
# Without a hardware clock the guest begins in the past, where no certificate is valid yet: take
# the time at which the seed was made, then wait for the network's.
[ ! -e /dev/rtc0 ] && [ -d /run/systemd/system ] || exit 0
systemctl is-enabled --quiet systemd-timesyncd || exit 0

systemctl stop systemd-timesyncd
date -s "@$(stat -c %Y "$LIMA_CIDATA_MNT/user-data")"
systemctl start systemd-timesyncd

tries=0
until [ "$(timedatectl show --property=NTPSynchronized --value)" = yes ]; do
    tries=$((tries + 1))
    if [ "$tries" -gt 60 ]; then
        info "the clock could not be synchronized"
        exit 1
    fi
    sleep 1
done
