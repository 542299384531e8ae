#!/bin/sh
# containerd, nerdctl and BuildKit from the archive of the seed.
[ -n "$LIMA_CIDATA_CONTAINERD_USER$LIMA_CIDATA_CONTAINERD_SYSTEM" ] &&
    [ -d /run/systemd/system ] || exit 0

prefix=$LIMA_CIDATA_GUEST_INSTALL_PREFIX
archive=$LIMA_CIDATA_MNT/$LIMA_CIDATA_CONTAINERD_ARCHIVE
user=$LIMA_CIDATA_USER
config_home=$LIMA_CIDATA_HOME/.config

# as_login COMMAND...: as the user, with the user's systemd.
as_login() {
    sudo -iu "$user" "XDG_RUNTIME_DIR=/run/user/$LIMA_CIDATA_UID" "PATH=$prefix/bin:$PATH" "$@"
}

# "nerdctl version 2.3.5" -> "2.3.5"
version_of() {
    version=$("$1" --version)
    echo "${version##* }"
}

install_archive() {
    temp=$(mktemp -d)
    tar -C "$temp" -xzf "$archive" bin/nerdctl
    offered=$(version_of "$temp/bin/nerdctl")
    rm -rf "$temp"
    if [ -x "$prefix/bin/nerdctl" ]; then
        installed=$(version_of "$prefix/bin/nerdctl")
        newest=$(printf '%s\n%s\n' "$installed" "$offered" | sort -V | tail -n 1)
        [ "$newest" != "$installed" ] || return 0
        info "replacing nerdctl $installed by $offered"
        if [ -e "$config_home/systemd/user/containerd.service" ]; then
            as_login containerd-rootless-setuptool.sh uninstall-buildkit-containerd || :
            as_login containerd-rootless-setuptool.sh uninstall || :
        fi
    fi
    mkdir -p "$prefix"
    tar -C "$prefix" -xzf "$archive"
    mkdir -p /etc/bash_completion.d
    "$prefix/bin/nerdctl" completion bash >/etc/bash_completion.d/nerdctl
}

# write_config FILE STARGZ_SOCKET
write_config() {
    [ ! -e "$1" ] || return 0
    cat >"$1" <<END
version = 2
[plugins."io.containerd.grpc.v1.cri"]
  enable_cdi = true
[proxy_plugins]
  [proxy_plugins."stargz"]
    type = "snapshot"
    address = "$2"
END
}

install_system() {
    mkdir -p /etc/containerd /etc/buildkit
    write_config /etc/containerd/config.toml /run/containerd-stargz-grpc/containerd-stargz-grpc.sock
    if [ ! -e /etc/buildkit/buildkitd.toml ]; then
        printf '[worker.oci]\n  enabled = false\n[worker.containerd]\n  enabled = true\n' \
            >/etc/buildkit/buildkitd.toml
    fi
    systemctl enable --now containerd buildkit stargz-snapshotter
}

allow_user_namespaces() {
    [ -e /proc/sys/kernel/apparmor_restrict_unprivileged_userns ] || return 0
    read -r restricted </proc/sys/kernel/apparmor_restrict_unprivileged_userns
    [ "$restricted" = 1 ] || return 0
    profile=/etc/apparmor.d/$(echo "$prefix/bin/rootlesskit" | sed 's|^/||; s|/|.|g')
    [ ! -e "$profile" ] || return 0
    printf 'abi <abi/4.0>,\ninclude <tunables/global>\n%s flags=(unconfined) {\n  userns,\n}\n' \
        "$prefix/bin/rootlesskit" >"$profile"
    apparmor_parser -r "$profile"
}

install_user() {
    mkdir -p "$config_home/containerd"
    write_config "$config_home/containerd/config.toml" \
        "/run/user/$LIMA_CIDATA_UID/containerd-stargz-grpc/containerd-stargz-grpc.sock"
    chown -R "$user" "$config_home"
    allow_user_namespaces
    [ ! -e "$config_home/systemd/user/containerd.service" ] || return 0

    tries=0
    until [ -S "/run/user/$LIMA_CIDATA_UID/systemd/private" ]; do
        tries=$((tries + 1))
        [ "$tries" -le 120 ] || return 1
        sleep 1
    done
    enforcing=
    if has getenforce && [ "$(getenforce)" = Enforcing ]; then
        setenforce 0
        enforcing=1
    fi
    as_login systemctl --user enable --now dbus.socket || :
    as_login containerd-rootless-setuptool.sh install
    as_login env CONTAINERD_NAMESPACE=default containerd-rootless-setuptool.sh \
        install-buildkit-containerd
    read -r release </proc/sys/kernel/osrelease
    oldest=$(printf '5.13\n%s\n' "$release" | sort -V | head -n 1)
    if [ "$oldest" = 5.13 ]; then
        as_login containerd-rootless-setuptool.sh install-stargz
    else
        as_login containerd-rootless-setuptool.sh install-fuse-overlayfs
    fi
    [ -z "$enforcing" ] || setenforce 1
}

[ -f "$archive" ] || {
    info "the seed has no $LIMA_CIDATA_CONTAINERD_ARCHIVE"
    exit 1
}
install_archive
PATH=$prefix/bin:$PATH
export PATH
[ -z "$LIMA_CIDATA_CONTAINERD_SYSTEM" ] || install_system
[ -z "$LIMA_CIDATA_CONTAINERD_USER" ] || install_user
