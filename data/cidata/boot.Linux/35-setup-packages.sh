#!/bin/sh
# reverse-sshfs: root makes the mounts, the user works in them.
[ "$LIMA_CIDATA_MOUNTTYPE" = reverse-sshfs ] || exit 0

conf=/etc/fuse.conf
[ ! -e /etc/fuse3.conf ] || conf=/etc/fuse3.conf
if ! grep -qs '^[[:space:]]*user_allow_other' "$conf"; then
    echo user_allow_other >>"$conf"
fi

# Ubuntu confines fusermount3 to a few places.
profile=/etc/apparmor.d/fusermount3
local_rules=/etc/apparmor.d/local/fusermount3
if [ -e "$profile" ] && ! grep -qs "$LIMA_CIDATA_HOME" "$local_rules"; then
    mkdir -p "${local_rules%/*}"
    printf 'mount fstype=fuse.* options=(nosuid,nodev,rw) @{HOME}/** -> %s/**/,\numount %s/**/,\n' \
        "$LIMA_CIDATA_HOME" "$LIMA_CIDATA_HOME" >>"$local_rules"
    apparmor_parser -r "$profile" || :
fi
echo "$LIMA_CIDATA_IID" >/run/lima-fuse-ready
