# shellcheck shell=sh
# shellcheck disable=SC2034 # some of this is for the recipes
# Put in front of every recipe. The recipe runs as a customize hook of mmdebstrap, as root or as the root
# of a user namespace; $1 is the tree with the packages. It leaves its results on two descriptors:
#
#   7  a tar archive: "manifest" (one "NAME VERSION" a line), the kernel, its modules
#   8  the root file system, raw
#
# Nothing is written outside the tree, whose owner nobody else can be trusted to be.
set -eu
umask 022
root=$1
scratch=$root/.clima
mkdir -p "$scratch"

# Packages that were only unpacked have no database: their names come from the archives.
manifest_from_archives() {
    for deb in "$root"/var/cache/apt/archives/*.deb; do
        dpkg-deb --showformat '${Package} ${Version}\n' --show "$deb"
    done | LC_ALL=C sort
}

manifest_from_database() {
    dpkg-query --admindir="$root/var/lib/dpkg" --showformat '${Package} ${Version}\n' --show |
        LC_ALL=C sort
}

# send_system: manifest, kernel and modules. The newest kernel, should there be several.
send_system() {
    kernel=$(ls "$root"/boot/vmlinuz-* | sort -V | tail -n 1)
    release=${kernel#"$root"/boot/vmlinuz-}
    modules=lib/modules/$release
    [ -d "$root/$modules" ] || modules=usr/lib/modules/$release
    ln "$kernel" "$scratch/kernel"
    tar -cf - -C "$scratch" manifest kernel -C "$root" "$modules" >&7
    rm "$scratch/kernel"
    exec 7>&-
}

# send_image DIR FREE_MIB JOURNAL_MIB: an ext4 file system with the content of DIR and so much room
# besides. The file has no name, so it does not become part of DIR.
send_image() {
    size=$(($(du -s --block-size=1M --apparent-size "$1" | cut -f 1) * 11 / 10 + $2 + $3))
    exec 9<>"$root/.image"
    rm "$root/.image"
    # No blocks reserved for root, block groups initialised when they are needed, room for the group
    # descriptors of 2 TiB (the guest grows the file system to the size of its disk).
    # shellcheck disable=SC2086 # two words or none
    $as_root mke2fs -q -t ext4 -L clima-root -b 4096 -m 0 -J "size=$3" -O metadata_csum,64bit \
        -E resize=536870912,root_owner=0:0,lazy_itable_init=1,lazy_journal_init=1 \
        -d "$1" /proc/self/fd/9 "${size}M"
    # Checksums tell which inode tables are in use; zeroing the others in the background, after the guest
    # has grown the file system, would write gigabytes into the disk image.
    # shellcheck disable=SC2086
    $as_root tune2fs -E mount_opts=noinit_itable /proc/self/fd/9 >/dev/null
    cat <&9 >&8
}

# Files of an unprivileged user without namespace of their own become root's on the way.
as_root=
[ "$(id -u)" = 0 ] || as_root='unshare --map-root-user'
