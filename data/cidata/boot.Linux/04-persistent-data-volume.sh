#!/bin/sh
# Alpine started from its ISO has its root in memory: keep the directories that change on a disk,
# labelled data-volume, and mount them over the originals.
[ -f /etc/alpine-release ] || exit 0
root_type=
while read -r _ dir type _; do
    [ "$dir" != / ] || root_type=$type
done </proc/mounts
[ "$root_type" = tmpfs ] || exit 0

kept="/etc /home /root /tmp /usr/local /var/lib"
volume=/mnt/data
replay=/run/lima-replay-mounts

# Mounts below the kept directories (shared directories of the host) are taken away and made again
# at the end.
: >"$replay"
while read -r source dir type options _; do
    case $type in
    ext4 | tmpfs) continue ;;
    esac
    for top in $kept; do
        case $dir in
        "$top"/*)
            options=$(echo "$options" | sed 's/cache=0x0*f/cache=fscache/; s/cache=0x0*5/cache=loose/')
            echo "$type $source $dir $options" >>"$replay"
            umount "$dir"
            ;;
        esac
    done
done </proc/mounts

find_volume() {
    device=$(blkid -L data-volume || :)
}

# The first disk without partitions, signature or mount.
find_empty_disk() {
    for disk in /sys/block/*; do
        name=${disk##*/}
        case $name in
        loop* | ram* | sr* | fd* | zram*) continue ;;
        esac
        [ ! -e "$disk/${name}1" ] && [ ! -e "$disk/${name}p1" ] || continue
        ! grep -q "^/dev/$name " /proc/mounts || continue
        [ -z "$(blkid "/dev/$name")" ] || continue
        echo "/dev/$name"
        return 0
    done
}

grow_volume() {
    disk=${device%[0-9]}
    [ -b "$disk" ] || return 0
    growpart "$disk" 1 || :
    e2fsck -f -p "$device" || :
    resize2fs "$device" || :
}

find_volume
if [ -n "$device" ]; then
    grow_volume
    mkdir -p "$volume"
    mount -t ext4 "$device" "$volume"
    # What cloud-init wrote at this boot is newer than what is kept.
    for file in network/interfaces resolv.conf localtime timezone; do
        [ ! -e "/etc/$file" ] || cp -P "/etc/$file" "$volume/etc/$file"
    done
    [ ! -d /etc/zoneinfo ] || cp -r /etc/zoneinfo "$volume/etc/"
else
    disk=$(find_empty_disk)
    if [ -z "$disk" ]; then
        info "there is no disk to keep data on"
        exit 0
    fi
    printf 'label: dos\ntype=83\n' | sfdisk --wipe always "$disk"
    device=${disk}1
    mkfs.ext4 -L data-volume "$device"
    mkdir -p "$volume"
    mount -t ext4 "$device" "$volume"
    mkdir -p "$volume/apk/cache" /etc/apk
    ln -sfn "$volume/apk/cache" /etc/apk/cache
    for dir in $kept; do
        mkdir -p "$volume$dir"
        cp -a "$dir/." "$volume$dir/"
    done
fi

for dir in $kept; do
    mount --bind "$volume$dir" "$dir"
done
while read -r type source dir options; do
    mkdir -p "$dir"
    mount -t "$type" -o "$options" "$source" "$dir"
done <"$replay"
rm "$replay"
apk fix --no-network
