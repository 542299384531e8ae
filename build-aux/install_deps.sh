#!/bin/sh
# Installs what building, running and testing clima needs on Debian 12 and its relatives; does
# nothing when everything is there. Arguments: any of "build", "run", "test" (default: build run).
set -eu

build_packages='gcc libc6-dev make meson ninja-build pkg-config ccache libuv1-dev libyaml-dev
    libjansson-dev libcurl4-openssl-dev libarchive-dev libssl-dev libmicrohttpd-dev
    libldns-dev libcmocka-dev scdoc
    gcc-aarch64-linux-gnu libc6-dev-arm64-cross gcc-arm-linux-gnueabihf libc6-dev-armhf-cross
    gcc-riscv64-linux-gnu libc6-dev-riscv64-cross'
run_packages='qemu-system-x86 qemu-utils ovmf openssh-client mmdebstrap uidmap e2fsprogs'
test_packages='clang clang-format libclang-rt-14-dev bats shellcheck jq qemu-system-arm
    qemu-efi-aarch64 python3 git openssh-server strace fdisk mtools dosfstools iperf3'

wanted=
for group in "${@:-build run}"; do
    for name in $group; do
        case $name in
        build) wanted="$wanted $build_packages" ;;
        run) wanted="$wanted $run_packages" ;;
        test) wanted="$wanted $test_packages" ;;
        *)
            echo "$0: unknown group: $name (known: build run test)" >&2
            exit 2
            ;;
        esac
    done
done

missing=
for package in $wanted; do
    status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null; then
    echo "$0: apt-get not found; install the equivalents of:$missing" >&2
    exit 1
fi
as_root=
[ "$(id -u)" -eq 0 ] || as_root=sudo
echo "Installing:$missing"
$as_root apt-get update -q
# shellcheck disable=SC2086
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing
