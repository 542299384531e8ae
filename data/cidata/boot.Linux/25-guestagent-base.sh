#!/bin/sh
# The guest agent and the mount points of reverse-sshfs.
if [ "$LIMA_CIDATA_MOUNTTYPE" = reverse-sshfs ]; then
    i=0 dir=''
    while [ "$i" -lt "$LIMA_CIDATA_MOUNTS" ]; do
        eval "dir=\$LIMA_CIDATA_MOUNTS_${i}_MOUNTPOINT"
        i=$((i + 1))
        [ ! -d "$dir" ] || continue
        mkdir -p "$dir"
        chown "$LIMA_CIDATA_UID" "$dir"
    done
fi

[ -f "$LIMA_CIDATA_MNT/lima-guestagent" ] || exit 0
# Process 1 is the agent itself where there is no init system.
[ -d /run/systemd/system ] || has openrc-run || exit 0

agent=$LIMA_CIDATA_GUEST_INSTALL_PREFIX/bin/lima-guestagent
updated=
if ! cmp -s "$LIMA_CIDATA_MNT/lima-guestagent" "$agent"; then
    mkdir -p "${agent%/*}"
    cp "$LIMA_CIDATA_MNT/lima-guestagent" "$agent.new"
    chmod 0755 "$agent.new"
    mv "$agent.new" "$agent"
    updated=1
fi

set -- --vsock-port "$LIMA_CIDATA_VSOCK_PORT"
[ -z "$LIMA_CIDATA_VIRTIO_PORT" ] || set -- "$@" --virtio-port "$LIMA_CIDATA_VIRTIO_PORT"
set -- "$@" --socket-owner "$LIMA_CIDATA_UID"
[ "$LIMA_CIDATA_DEBUG" != true ] || set -- "$@" --debug

if [ -d /run/systemd/system ]; then
    rm -f "$LIMA_CIDATA_HOME/.config/systemd/user/lima-guestagent.service" # of old versions
    "$agent" install-systemd ${updated:+--guestagent-updated} "$@"
    exit 0
fi

script=/etc/init.d/lima-guestagent
{
    echo '#!/sbin/openrc-run'
    echo 'name="lima-guestagent"'
    echo 'description="Lima guest agent"'
    echo 'supervisor=supervise-daemon'
    echo "command=\"$agent\""
    echo "command_args=\"daemon --runtime-dir /run/lima-guestagent $*\""
    echo 'output_log=/var/log/lima-guestagent.log'
    echo 'error_log=/var/log/lima-guestagent.log'
    echo 'respawn_delay=1'
} >"$script.new"
chmod 0755 "$script.new"
if cmp -s "$script.new" "$script"; then
    rm "$script.new"
else
    mv "$script.new" "$script"
    rc-update add lima-guestagent default
    updated=1
fi
if [ -n "$updated" ]; then
    rc-service lima-guestagent restart
else
    rc-service --ifstopped lima-guestagent start
fi
