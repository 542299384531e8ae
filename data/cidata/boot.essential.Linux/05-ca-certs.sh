#!/bin/sh
# Certificates of authorities that the user trusts, and the distribution's own, should they go. With
# cloud-init it is that which does so.
[ -n "$LIMA_CIDATA_NO_CLOUD_INIT" ] || exit 0

remove=$LIMA_CIDATA_CA_CERTS_REMOVE_DEFAULTS
if has update-ca-certificates; then # Debian, Alpine, SUSE
    dir=/usr/local/share/ca-certificates update=update-ca-certificates
    [ ! -d /etc/pki/trust/anchors ] || dir=/etc/pki/trust/anchors
elif has update-ca-trust; then # Fedora, Arch
    dir=/etc/pki/ca-trust/source/anchors update=update-ca-trust
    [ -d "$dir" ] || dir=/etc/ca-certificates/trust-source/anchors
elif [ -d "$LIMA_CIDATA_MNT/ca_certs" ] || [ -n "$remove" ]; then
    info "there is no program to install certificates with"
    exit 1
else
    exit 0
fi

changed=
if [ -n "$remove" ] && [ -f /etc/ca-certificates.conf ] && grep -q '^[^#!]' /etc/ca-certificates.conf; then
    sed -i 's/^[^#!]/!&/' /etc/ca-certificates.conf
    changed=1
fi
for file in "$LIMA_CIDATA_MNT"/ca_certs/*.crt; do
    [ -f "$file" ] || continue
    target=$dir/lima-${file##*/}
    ! cmp -s "$file" "$target" || continue
    mkdir -p "$dir"
    cp "$file" "$target"
    chmod 0644 "$target"
    changed=1
done
# What is no longer configured is no longer trusted.
for target in "$dir"/lima-*.crt; do
    [ -f "$target" ] || continue
    file=$LIMA_CIDATA_MNT/ca_certs/${target##*/lima-}
    [ -f "$file" ] || { rm -f "$target" && changed=1; }
done
[ -z "$changed" ] || "$update"
