#!/bin/sh
# All packages, where there is no cloud-init to bring them up to date.
[ -n "$LIMA_CIDATA_NO_CLOUD_INIT" ] && [ -n "$LIMA_CIDATA_UPGRADE_PACKAGES" ] || exit 0

if has apt-get; then
    export DEBIAN_FRONTEND=noninteractive
    set -- -o Acquire::Retries=1 -o DPkg::Lock::Timeout=300
    apt-get "$@" update && apt-get "$@" -y --with-new-pkgs upgrade
elif has dnf; then
    dnf -y upgrade
elif has apk; then
    apk update && apk upgrade
elif has zypper; then
    zypper --non-interactive update
elif has pacman; then
    pacman -Syu --noconfirm
else
    info "there is no package manager to bring the system up to date with"
fi
