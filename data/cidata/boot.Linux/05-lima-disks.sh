#!/bin/sh
# Additional disks: a partition with a file system labelled lima-NAME, mounted on /mnt/lima-NAME.
# A disk that has the label is never formatted.
[ "$LIMA_CIDATA_DISKS" -gt 0 ] || exit 0

wait_for_node() {
    tries=0
    until [ -b "$1" ]; do
        tries=$((tries + 1))
        [ "$tries" -le 10 ] || return 1
        sleep 1
    done
}

make_partition() {
    type=linux
    [ "$fs_type" = swap ] && type=swap
    printf 'label: gpt\ntype=%s\n' "$type" | sfdisk --wipe always "$device"
    wait_for_node "${device}1"
}

make_file_system() {
    if [ "$fs_type" = swap ]; then
        # shellcheck disable=SC2086 # a list of words
        mkswap $fs_args -L "lima-$name" "${device}1"
    else
        # shellcheck disable=SC2086
        "mkfs.$fs_type" $fs_args -L "lima-$name" "${device}1"
    fi
}

# The partition takes what a grown disk has behind it. Less than a mebibyte is the end of a GPT.
grow_partition() {
    name_of_device=${device#/dev/}
    read -r disk_sectors <"/sys/class/block/$name_of_device/size"
    read -r start <"/sys/class/block/${name_of_device}1/start"
    read -r sectors <"/sys/class/block/${name_of_device}1/size"
    [ $((disk_sectors - start - sectors)) -gt 2048 ] || return 0
    echo ', +' | sfdisk --quiet -N 1 "$device"
    wait_for_node "${device}1"
}

grow_file_system() {
    case $fs_type in
    ext2 | ext3 | ext4) resize2fs "${device}1" ;;
    xfs) xfs_growfs "/mnt/lima-$name" ;;
    *) info "$fs_type on ${device}1 is not grown" ;;
    esac
}

i=0 name='' device='' format='' fs_type='' fs_args=''
while [ "$i" -lt "$LIMA_CIDATA_DISKS" ]; do
    eval "name=\$LIMA_CIDATA_DISK_${i}_NAME"
    eval "device=/dev/\$LIMA_CIDATA_DISK_${i}_DEVICE"
    eval "format=\$LIMA_CIDATA_DISK_${i}_FORMAT"
    eval "fs_type=\$LIMA_CIDATA_DISK_${i}_FSTYPE"
    eval "fs_args=\$LIMA_CIDATA_DISK_${i}_FSARGS"
    fs_type=${fs_type:-ext4}
    i=$((i + 1))

    if [ ! -b "/dev/disk/by-label/lima-$name" ]; then
        if [ "$format" != true ]; then
            info "disk $name has no file system, and is not to get one"
            continue
        fi
        make_partition
        make_file_system
    fi
    if [ "$fs_type" = swap ]; then
        swapon "${device}1"
        continue
    fi
    grow_partition
    mkdir -p "/mnt/lima-$name"
    mount -t "$fs_type" "${device}1" "/mnt/lima-$name"
    grow_file_system
done
