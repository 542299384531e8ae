#!/bin/sh
# Alpine: package repositories, sudo, an account that sshd accepts, and a power button that works.
[ -f /etc/alpine-release ] || exit 0

read -r version </etc/alpine-release
case $version in
*_alpha* | *_beta* | *_git*) branch=edge ;;
*) branch=v${version%.*} ;;
esac
for name in main community; do
    if ! grep -q "/$branch/$name\$" /etc/apk/repositories; then
        echo "https://dl-cdn.alpinelinux.org/alpine/$branch/$name" >>/etc/apk/repositories
    fi
done

has sudo || apk add sudo

# "!" locks the account for sshd without PAM, "*" only for passwords.
if grep -q "^$LIMA_CIDATA_USER:!" /etc/shadow; then
    sed -i "s/^\($LIMA_CIDATA_USER\):![^:]*:/\1:*:/" /etc/shadow
fi

if ! grep -q '^AllowTcpForwarding yes' /etc/ssh/sshd_config; then
    sed -i -e 's/^#* *AllowTcpForwarding .*/AllowTcpForwarding yes/' \
        -e 's/^#* *UsePAM .*/UsePAM yes/' /etc/ssh/sshd_config
    rc-service --ifstarted sshd reload
fi

if [ ! -e /etc/runlevels/default/acpid ]; then
    rc-update add acpid default
    rc-service acpid start
fi
