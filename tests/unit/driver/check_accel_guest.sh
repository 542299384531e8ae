#!/bin/sh
# Assembles the sources of the accelerator's test guests and compares with the bytes in
# accel_guest.c. A target without an assembler on this machine is left out; exit 77 if all are.
set -eu
dir=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
checked=0

check() {
    arch=$1 prefix=$2
    command -v "${prefix}as" > /dev/null && command -v "${prefix}objcopy" > /dev/null || return 0
    "${prefix}as" -o "$work/guest.o" "$dir/accel_guest_$arch.S" 2> "$work/errors" || {
        cat "$work/errors"
        exit 1
    }
    "${prefix}objcopy" -O binary -j .text "$work/guest.o" "$work/guest.bin"
    od -An -v -tx1 "$work/guest.bin" | tr -s ' \n' '\n' | sed '/^$/d' > "$work/assembled"
    sed -n "/guest_$arch\[\]/,/};/p" "$dir/accel_guest.c" | grep -o '0x[0-9a-f]*' | sed 's/^0x//' \
        > "$work/recorded"
    cmp "$work/assembled" "$work/recorded" || {
        echo "accel_guest.c does not hold what accel_guest_$arch.S assembles to"
        exit 1
    }
    checked=$((checked + 1))
}

case $(uname -m) in
x86_64) check x86_64 '' ;;
*) check x86_64 x86_64-linux-gnu- ;;
esac
case $(uname -m) in
aarch64) check aarch64 '' ;;
*) check aarch64 aarch64-linux-gnu- ;;
esac
[ "$checked" -gt 0 ] || exit 77
