#!/bin/sh
# Makes what distributions publish as a cloud image, from Debian's packages: GPT, EFI system partition
# with a boot loader, ext4 root with cloud-init. Arguments: output file (raw), work directory.
# Needs root or user namespaces, mmdebstrap, mtools, dosfstools, e2fsprogs, fdisk.
set -eu
out=$1
work=$2

mkdir -p "$work"
tar=$work/root.tar
root=$work/root.img
esp=$work/esp.img

packages=systemd,systemd-sysv,systemd-resolved,libpam-systemd,dbus,udev,linux-image-cloud-amd64,initramfs-tools,systemd-boot
packages=$packages,cloud-init,cloud-guest-utils,openssh-server,sudo,iproute2,netplan.io,e2fsprogs,fdisk,iptables
packages=$packages,ca-certificates,rsync

# shellcheck disable=SC2016
mmdebstrap --quiet --aptopt='Acquire::Retries "3"' --variant=minbase --format=tar --include="$packages" \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' \
    --essential-hook='mkdir -p "$1/etc/initramfs-tools/conf.d" && printf "MODULES=most\nCOMPRESS=zstd\n" >"$1/etc/initramfs-tools/conf.d/size"' \
    --customize-hook='printf "LABEL=cloudimg-root / ext4 defaults 0 1\n" >"$1/etc/fstab"' \
    --customize-hook='printf "datasource_list: [ NoCloud, None ]\nlocale: C.UTF-8\n" >"$1/etc/cloud/cloud.cfg.d/90_datasource.cfg"' \
    --customize-hook='rm -f "$1"/etc/ssh/ssh_host_* "$1/etc/hostname" && : >"$1/etc/machine-id"' \
    --customize-hook='chroot "$1" systemctl enable systemd-networkd systemd-resolved' \
    --customize-hook="mkdir -p '$work/boot' && cp \"\$1\"/boot/vmlinuz-* '$work/boot/vmlinuz' && cp \"\$1\"/boot/initrd.img-* '$work/boot/initrd' && cp \"\$1/usr/lib/systemd/boot/efi/systemd-bootx64.efi\" '$work/boot/'" \
    --customize-hook='rm -f "$1"/boot/initrd.img-*' \
    bookworm "$tar"

# The ESP: boot loader, one entry, kernel and initrd.
truncate -s 96M "$esp"
mkfs.vfat -n ESP "$esp" >/dev/null
cat >"$work/loader.conf" <<'TEXT'
timeout 0
TEXT
cat >"$work/entry.conf" <<'TEXT'
title Debian
linux /vmlinuz
initrd /initrd
options root=LABEL=cloudimg-root rw console=ttyS0 quiet
TEXT
mmd -i "$esp" ::/EFI ::/EFI/BOOT ::/loader ::/loader/entries
mcopy -i "$esp" "$work/boot/systemd-bootx64.efi" ::/EFI/BOOT/BOOTX64.EFI
mcopy -i "$esp" "$work/loader.conf" ::/loader/loader.conf
mcopy -i "$esp" "$work/entry.conf" ::/loader/entries/debian.conf
mcopy -i "$esp" "$work/boot/vmlinuz" "$work/boot/initrd" ::/

# The root: a directory for mke2fs, unpacked with its owners (as root, or as "root" of a namespace).
mkdir -p "$work/root"
tar -C "$work/root" --numeric-owner --exclude='./dev/*' -xf "$tar"
mke2fs -q -t ext4 -L cloudimg-root -d "$work/root" "$root" 1400M

# Root first in number, last on disk, so that it can grow (the order of Debian's own images).
rm -f "$out" # what is zero is not written
truncate -s 1500M "$out"
sfdisk --quiet "$out" <<'TEXT'
label: gpt
1 : start=202752, type=4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709, name=root
2 : start=2048, size=196608, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B, name=esp
TEXT
dd if="$esp" of="$out" bs=512 seek=2048 conv=notrunc,sparse status=none
dd if="$root" of="$out" bs=512 seek=202752 conv=notrunc,sparse status=none
rm -rf "${work:?}"
