# Block devices of the host, image files and managed disks in a guest: at the start and while it runs. The devices
# are loop devices, so root is needed, and a kernel that has them.
load lib

setup_file() {
    setup_vm
    [[ $EUID -eq 0 ]] && losetup -f >/dev/null 2>&1 || return 0
    for name in first second; do
        truncate -s 64M "$HOME/$name.img"
        losetup -f --show "$HOME/$name.img" >"$HOME/$name"
    done
    start_micro b "blockDevices: [$(<"$HOME/first")]"
}

setup() {
    setup_vm
    [[ -s $HOME/second ]] || skip 'needs root and loop devices'
    first=$(<"$HOME/first")
    second=$(<"$HOME/second")
}

teardown_file() {
    local file

    teardown_cli
    umount "$HOME/mnt" 2>/dev/null || true
    for file in "$HOME"/{first,second}; do
        [[ -s $file ]] && eventually losetup -d "$(<"$file")"
    done
    [[ ! -s $HOME/prefix ]] || rm -rf "$(<"$HOME/prefix")"
}

# What the guest calls the disk with a serial; nothing when it has none.
guest_disk() { # NAME SERIAL
    guest "$1" sh -c "cd /sys/block && grep -lx '$2' */serial" | cut -d/ -f1
}

has_disk() { # NAME SERIAL
    [[ -n $(guest_disk "$@") ]]
}

lacks_disk() { # NAME SERIAL
    ! has_disk "$@"
}

attached() { # NAME
    limactl disk attached "$1" | awk 'NR > 1 { print $2, $1, $4 }' | sort
}

@test "a device of the configuration is in the guest from the start" {
    local disk

    disk=$(guest_disk b "${first##*/}")
    [[ $disk == vdb ]]
    [[ $(guest b cat "/sys/block/$disk/size") -eq $((64 * 2048)) ]]
    guest b sudo sh -c "mke2fs -L fromguest /dev/$disk && mkdir -p /mnt/x && mount -t ext4 /dev/$disk /mnt/x &&
        echo 'written in the guest' >/mnt/x/file && umount /mnt/x" >/dev/null 2>&1
    [[ $(attached b) == "block-device $first no" ]]
    # Meanwhile it is the guest's alone.
    run mount "$first" "$HOME"
    [[ $status -ne 0 ]]
    run --separate-stderr limactl disk detach b "$first"
    assert_status 1
    [[ $stderr == *"the disk $first was there when the instance started"* ]]
}

@test "a device comes and goes while the guest runs" {
    local disk boot

    boot=$(boot_id b)
    limactl disk attach b "$second" 2>"$HOME/out"
    grep -q "the disk as /dev/disk/by-id/virtio-${second##*/}" "$HOME/out"
    eventually has_disk b "${second##*/}"
    disk=$(guest_disk b "${second##*/}")
    eventually guest b test "/dev/disk/by-id/virtio-${second##*/}" -ef "/dev/$disk"
    guest b sudo sh -c "mke2fs /dev/$disk && mkdir -p /mnt/y && mount -t ext4 /dev/$disk /mnt/y &&
        dd if=/dev/urandom of=/mnt/y/data bs=64k count=64 && sha256sum </mnt/y/data && umount /mnt/y" \
        >"$HOME/guest" 2>/dev/null
    run --separate-stderr limactl disk attach b "$second"
    assert_status 1
    limactl disk detach b "$second"
    eventually lacks_disk b "${second##*/}"
    eventually guest b test ! -L "/dev/disk/by-id/virtio-${second##*/}"
    mkdir -p "$HOME/mnt"
    mount -t ext4 "$second" "$HOME/mnt"
    [[ $(sha256sum <"$HOME/mnt/data") == "$(tail -n 1 "$HOME/guest")" ]]
    umount "$HOME/mnt"
    [[ $(boot_id b) == "$boot" ]]
}

@test "a device that the guest uses stays, unless that is forced" {
    local disk

    limactl disk attach b "$second"
    eventually has_disk b "${second##*/}"
    disk=$(guest_disk b "${second##*/}")
    eventually guest b test "/dev/disk/by-id/virtio-${second##*/}" -ef "/dev/$disk"
    guest b sudo mount -t ext4 "/dev/disk/by-id/virtio-${second##*/}" /mnt/y
    run --separate-stderr limactl disk detach b "$second"
    assert_status 1
    [[ $stderr == *"$second stays in the guest: "*'it is mounted on /mnt/y'*--force* ]]
    guest b sudo sh -c 'sha256sum </mnt/y/data && umount /mnt/y' >/dev/null
    guest b sudo sh -c "dd if=/dev/zero of=/dev/$disk bs=1M count=4 && mkswap /dev/$disk && swapon /dev/$disk" >/dev/null 2>&1
    run --separate-stderr limactl disk detach b "$second"
    assert_status 1
    [[ $stderr == *'it is used for swapping'* ]]
    guest b sudo swapoff "/dev/$disk"
    guest b sudo sh -c "mke2fs /dev/$disk && mount -t ext4 /dev/$disk /mnt/y" >/dev/null 2>&1
    limactl disk detach --force b "$second"
    eventually lacks_disk b "${second##*/}"
    guest b sudo umount /mnt/y
}

@test "a device that the host has mounted is refused, and free again afterwards" {
    mount -t ext4 "$second" "$HOME/mnt"
    run --separate-stderr limactl disk attach b "$second"
    umount "$HOME/mnt"
    assert_status 1
    [[ $stderr == *"$second is mounted on this host at $HOME/mnt; unmount it first: umount $HOME/mnt"* ]]
    limactl disk attach b "$second"
    limactl disk detach b "$second"
}

@test "an image file that a device of the host is made of is refused" {
    run limactl disk attach b "$HOME/second.img"
    [[ $status -ne 0 && $output == *"second.img is in use: $second is a device over it"* ]]
}

@test "what is no disk is refused" {
    local what

    for what in /dev/clima-nosuch nosuch /dev/null /etc ./nosuch.img; do
        run --separate-stderr limactl disk attach b "$what"
        assert_status 1
        [[ $stderr == *level=fatal*"${what##*/}"* ]] || fail "$what: $stderr"
    done
    run --separate-stderr limactl disk detach b /dev/clima-nosuch
    assert_status 1
    [[ $stderr == *'does not have the disk /dev/clima-nosuch'* ]]
    [[ $(attached b) == "block-device $first no" ]]
}

@test "an image file and a managed disk, which is locked meanwhile" {
    mkdir -p "$LIMA_HOME/_disks/data"
    qemu-img create -q -f qcow2 "$LIMA_HOME/_disks/data/datadisk" 32M
    truncate -s 16M "$HOME/an image, raw.img"
    limactl disk attach b data
    limactl disk attach b "./an image, raw.img"
    eventually has_disk b data
    eventually has_disk b an-image--raw.img
    [[ $(readlink "$LIMA_HOME/_disks/data/in_use_by") == "$LIMA_HOME/b" ]]
    run --separate-stderr limactl disk attach b data
    assert_status 1
    guest b sudo sh -c "echo from the guest >/dev/$(guest_disk b an-image--raw.img) && sync"
    limactl disk detach b data
    limactl disk detach b "./an image, raw.img"
    [[ ! -e $LIMA_HOME/_disks/data/in_use_by ]]
    [[ $(head -c 14 "$HOME/an image, raw.img") == 'from the guest' ]]
}

@test "a disk of another instance is refused" {
    ln -s "$LIMA_HOME/other" "$LIMA_HOME/_disks/data/in_use_by"
    run --separate-stderr limactl disk attach b data
    rm "$LIMA_HOME/_disks/data/in_use_by"
    assert_status 1
    [[ $stderr == *'disk \"data\": in use by instance `other`'* ]]
}

@test "the next host agent knows the disks of the one before" {
    local before

    limactl disk attach b "$second"
    limactl disk attach b data
    before=$(attached b)
    [[ $(wc -l <<<"$before") -eq 3 ]]
    kill -KILL "$(pid_of b ha)"
    eventually is_gone "$(pid_of b ha)"
    limactl start --tty=false b
    [[ $(attached b) == "$before" ]]
    limactl disk detach b "$second"
    eventually lacks_disk b "${second##*/}"
    [[ $(attached b | wc -l) -eq 2 ]]
}

@test "a hundred times in and out leaves nothing behind" {
    local qemu fds i

    qemu=$(pid_of b qemu)
    limactl disk attach b "$second"
    limactl disk detach b "$second"
    fds=$(ls "/proc/$qemu/fd" | wc -l)
    for ((i = 0; i < 100; i++)); do
        limactl disk attach b "$second" 2>/dev/null
        limactl disk detach b "$second"
    done
    [[ $(ls "/proc/$qemu/fd" | wc -l) -le $fds ]]
}

@test "no more than there are places" {
    local i

    limactl disk detach b data
    for i in 1 2 3 4 5; do
        truncate -s 1M "$HOME/p$i.img"
    done
    for i in 1 2 3 4; do
        limactl disk attach b "./p$i.img"
    done
    run --separate-stderr limactl disk attach b ./p5.img
    assert_status 1
    [[ $stderr == *'all places for disks that come later are taken'* ]]
    limactl disk detach b ./p2.img
    limactl disk attach b ./p5.img
    limactl disk detach b ./p1.img
    limactl disk attach b data
}

@test "a stop frees all, and what the guest wrote is there" {
    limactl stop b
    [[ ! -e $LIMA_HOME/_disks/data/in_use_by ]]
    mount -t ext4 "$first" "$HOME/mnt"
    [[ $(<"$HOME/mnt/file") == 'written in the guest' ]]
    run --separate-stderr limactl start --tty=false b
    umount "$HOME/mnt"
    assert_status 1
    [[ $stderr == *"blockDevices[0]"*"$first is mounted on this host at $HOME/mnt"* ]]
    [[ $(field b Status) == Stopped ]]
}

@test "a device that is missing is named" {
    limactl edit --tty=false --set '.blockDevices = ["/dev/clima-nosuch"]' b
    run --separate-stderr limactl start --tty=false b
    assert_status 1
    [[ $stderr == *'block device /dev/clima-nosuch does not exist'* ]]
    limactl edit --tty=false --set '.blockDevices = []' b
}

@test "a guest that still boots is given disks, and asked for none" {
    limactl edit --tty=false --set '.blockDevices = []' b
    limactl start --tty=false b 2>"$HOME/start" &
    # Its host agent listens before the machine runs.
    eventually limactl disk attach b "$second"
    run --separate-stderr limactl disk detach b "$second"
    assert_status 1
    [[ $stderr == *'the guest is still booting: try again when it is ready'* ]]
    wait $!
    has_disk b "${second##*/}"
    limactl disk detach b "$second"
}

@test "a forced stop frees the disks, also without a host agent" {
    limactl disk attach b data
    kill -KILL "$(pid_of b ha)"
    eventually is_gone "$(pid_of b ha)"
    [[ -L $LIMA_HOME/_disks/data/in_use_by ]]
    limactl stop --force b
    [[ ! -e $LIMA_HOME/_disks/data/in_use_by && ! -L $LIMA_HOME/_disks/data/in_use_by ]]
}

@test "a user without the right is told the command, exactly" {
    local prefix user=65534

    prefix=$(mktemp -d /var/lib/clima-test.XXXXXX)
    echo "$prefix" >"$HOME/prefix"
    chmod 755 "$prefix"
    cp -r "$REAL_PREFIX" "$prefix/p"
    chmod -R u=rwX,go=rX "$prefix/p"
    limactl edit --tty=false --set ".blockDevices = [\"$first\"]" b
    mv "$LIMA_HOME" "$prefix/l"
    mkdir "$prefix/home"
    chown -R "$user:$user" "$prefix/l" "$prefix/home"
    run --separate-stderr setpriv --reuid="$user" --regid="$user" --clear-groups --no-new-privs \
        env HOME="$prefix/home" LIMA_HOME="$prefix/l" XDG_CACHE_HOME="$prefix/home" \
        "$prefix/p/bin/limactl" start --tty=false b
    rm -rf "$prefix"
    assert_status 1
    [[ $stderr == *"block device $first: permission denied"* ]]
    [[ $stderr == *"limactl sudoers --block-device=$first | sudo tee -a /etc/sudoers.d/lima"* ]]
}
