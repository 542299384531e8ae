#!/bin/sh
# What rootless containers need of a systemd guest; useful to others too.
[ -d /run/systemd/system ] || exit 0

home=$LIMA_CIDATA_HOME
user=$LIMA_CIDATA_USER

# A home that was made before its owner.
if [ -d "$home" ] && [ "$(stat -c %u "$home")" = 0 ]; then
    find "$home" -xdev -exec chown "$LIMA_CIDATA_UID" {} +
fi

# Programs of the administrator are in reach of rootless tools. fuse-overlayfs stands in for the
# overlay of kernels before 5.13.
read -r release </proc/sys/kernel/osrelease
major=${release%%.*}
minor=${release#*.}
minor=${minor%%[!0-9]*}
snapshotter=
if [ "$major" -lt 5 ] || { [ "$major" -eq 5 ] && [ "$minor" -lt 13 ]; }; then
    snapshotter='export CONTAINERD_SNAPSHOTTER=fuse-overlayfs
'
fi
for file in .profile .bashrc .zshrc; do
    file=$home/$file
    [ -e "$file" ] || [ "${file##*/}" = .profile ] || continue
    ! grep -qs '^# Lima BEGIN' "$file" || continue
    {
        echo '# Lima BEGIN'
        echo '# Put in by Lima; the markers keep it from being added again.'
        # shellcheck disable=SC2016 # for the reader of the file
        echo 'export PATH="$PATH:/usr/sbin:/sbin"'
        printf '%s' "$snapshotter"
        echo '# Lima END'
    } >>"$file"
    chown "$user" "$file"
done

# All control groups for the user's systemd.
conf=/etc/systemd/system/user@.service.d/lima.conf
if [ ! -e "$conf" ]; then
    mkdir -p "${conf%/*}"
    printf '[Service]\nDelegate=yes\n' >"$conf"
    systemctl daemon-reload
fi

conf=/etc/sysctl.d/99-lima.conf
if [ ! -e "$conf" ]; then
    {
        echo 'net.ipv4.ping_group_range = 0 2147483647'
        echo 'net.ipv4.ip_unprivileged_port_start = 0'
        [ ! -e /proc/sys/kernel/unprivileged_userns_clone ] ||
            echo 'kernel.unprivileged_userns_clone = 1'
    } >"$conf"
    sysctl -q -p "$conf" || :
fi

# Many subordinate ids, away from the user's own.
first=524288
[ "$LIMA_CIDATA_UID" -lt "$first" ] || first=$((LIMA_CIDATA_UID + 1))
for file in /etc/subuid /etc/subgid; do
    grep -qs "^$user:" "$file" || echo "$user:$first:1073741824" >>"$file"
done

# The user's systemd runs without a login.
if [ ! -e "/var/lib/systemd/linger/$user" ]; then
    systemctl start systemd-logind
    loginctl enable-linger "$user"
fi
