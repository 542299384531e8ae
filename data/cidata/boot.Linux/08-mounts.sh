#!/bin/sh
# Folders of the host that come over the file system device, or by 9p. Those of other types are
# mounted by the host agent, or by fstab.
i=0 name='' point='' writable='' options=''
while [ "$i" -lt "$LIMA_CIDATA_MOUNTS" ]; do
    eval "name=\${LIMA_CIDATA_MOUNTS_${i}_NAME:-}"
    eval "point=\$LIMA_CIDATA_MOUNTS_${i}_MOUNTPOINT"
    eval "writable=\${LIMA_CIDATA_MOUNTS_${i}_WRITABLE:-}"
    eval "options=\${LIMA_CIDATA_MOUNTS_${i}_9P_OPTIONS:-}"
    i=$((i + 1))
    [ -n "$name" ] || continue
    set -- --name "$name" --mount-point "$point"
    [ -z "$options" ] || set -- "$@" --9p-options "$options"
    [ -n "$writable" ] || set -- "$@" --read-only
    why=$("$LIMA_CIDATA_MNT/lima-guestagent" mount "$@") || failed "mounting $point: $why"
done
