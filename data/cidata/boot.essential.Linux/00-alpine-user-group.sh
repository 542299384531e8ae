#!/bin/sh
# Alpine: sudo must work for root (boot.sh uses "sudo -iu"), and the image's own user "alpine" may
# hold the user id that the guest user is to have.
[ -f /etc/alpine-release ] || exit 0

if [ -d /etc/sudoers.d ] && [ ! -e /etc/sudoers.d/00-root-user ]; then
    echo "root ALL=(ALL) NOPASSWD:ALL" >/etc/sudoers.d/00-root-user
    chmod 0440 /etc/sudoers.d/00-root-user
fi

[ "$LIMA_CIDATA_USER" != alpine ] && [ "$(id -u alpine 2>/dev/null)" = 1000 ] || exit 0
info "removing the user alpine of the image; the guest starts again"
deluser --remove-home alpine
cloud-init clean --logs
reboot
