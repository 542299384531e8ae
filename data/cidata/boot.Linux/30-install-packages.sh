#!/bin/sh
# The "dependency" scripts of the user, then packages whose commands are missing: those that the
# settings need, and rsync, which "limactl copy" likes but can do without.
for file in "$LIMA_CIDATA_MNT"/provision.dependency/*; do
    [ -f "$file" ] || continue
    info "running ${file#"$LIMA_CIDATA_MNT"/}"
    "$file"
done
[ -z "$LIMA_CIDATA_SKIP_DEFAULT_DEPENDENCY_RESOLUTION" ] || exit 0

sshfs=
[ "$LIMA_CIDATA_MOUNTTYPE" = reverse-sshfs ] && [ "$LIMA_CIDATA_MOUNTS" -gt 0 ] &&
    ! has sshfs && sshfs=1
iptables=
if [ -n "$LIMA_CIDATA_CONTAINERD_USER$LIMA_CIDATA_CONTAINERD_SYSTEM" ] ||
    [ "$LIMA_CIDATA_UDP_DNS_LOCAL_PORT" -ne 0 ] || [ "$LIMA_CIDATA_TCP_DNS_LOCAL_PORT" -ne 0 ]; then
    PATH=$PATH:/usr/sbin:/sbin has iptables || iptables=1
fi
rootless=$LIMA_CIDATA_CONTAINERD_USER
rsync=
# An image that was built for Lima has what its builder chose.
read -r cmdline </proc/cmdline
case " $cmdline " in
*" clima.init "*) ;;
*) has rsync || rsync=1 ;;
esac

# wanted COMMAND PACKAGE...: adds packages when the command is missing.
packages=
wanted() {
    has "$1" && return 0
    shift
    packages="$packages $*"
}

is_apt() {
    has apt-get || return 1
    # openSUSE has a script of that name.
    [ "$(head -c 4 "$(command -v apt-get)")" = "$(printf '\177ELF')" ]
}

install_apt() {
    [ -z "$sshfs" ] || wanted sshfs sshfs
    [ -z "$iptables" ] || packages="$packages iptables"
    if [ -n "$rootless" ]; then
        wanted newuidmap uidmap
        wanted fusermount3 fuse3
        [ -e /usr/lib/systemd/user/dbus.socket ] || packages="$packages dbus-user-session"
    fi
    required=$packages
    [ -z "$rsync" ] || wanted rsync rsync
    [ -n "$packages" ] || return 0
    export DEBIAN_FRONTEND=noninteractive
    set -- -o Acquire::http::Timeout=20 -o Acquire::https::Timeout=20 -o Acquire::Retries=1 \
        -o DPkg::Lock::Timeout=300
    # shellcheck disable=SC2086 # lists of words
    apt-get "$@" update && apt-get "$@" install -y --no-upgrade --no-install-recommends $packages
}

install_dnf() {
    [ -z "$sshfs" ] || wanted sshfs fuse-sshfs
    [ -z "$iptables" ] || packages="$packages iptables"
    if [ -n "$rootless" ]; then
        wanted newuidmap shadow-utils
        wanted fusermount3 fuse3
    fi
    [ -z "$rootless$LIMA_CIDATA_CONTAINERD_SYSTEM" ] || wanted tar tar
    required=$packages
    [ -z "$rsync" ] || wanted rsync rsync
    [ -n "$packages" ] || return 0

    set -- --setopt=install_weak_deps=False
    # sshfs is in EPEL on Enterprise Linux; EPEL stays off but for this call.
    # shellcheck source=/dev/null
    platform=$(. /etc/os-release && echo "${PLATFORM_ID:-} ${ID:-}")
    case "$sshfs $platform" in
    "1 platform:el8 ol") set -- "$@" --enablerepo=ol8_baseos_latest --enablerepo=ol8_codeready_builder ;;
    "1 platform:el8 "*) set -- "$@" --enablerepo=powertools ;;
    esac
    case "$sshfs $platform" in
    "1 platform:el9 ol" | "1 platform:el10 ol")
        release=${platform#platform:}
        dnf -y install "oracle-epel-release-${release% ol}"
        ;;
    "1 platform:el"*)
        dnf -y install epel-release
        dnf config-manager --set-disabled epel || :
        set -- "$@" --enablerepo=epel
        ;;
    esac
    # shellcheck disable=SC2086
    dnf -y "$@" install $packages
}

install_yum() {
    [ -z "$sshfs" ] || wanted sshfs fuse-sshfs
    [ -z "$iptables" ] || packages="$packages iptables"
    [ -z "$rootless" ] || wanted newuidmap shadow-utils
    [ -z "$rootless" ] || wanted fusermount3 fuse3
    required=$packages
    [ -z "$rsync" ] || wanted rsync rsync
    [ -n "$packages" ] || return 0
    # shellcheck disable=SC2086
    yum -y install epel-release && yum -y install $packages
}

# The rest has the same names everywhere.
install_simple() {
    [ -z "$sshfs" ] || wanted sshfs sshfs
    [ -z "$iptables" ] || packages="$packages iptables"
    [ -z "$rootless" ] || [ "$1" != zypper ] || wanted fusermount3 fuse3
    required=$packages
    [ -z "$rsync" ] || wanted rsync rsync
    [ -n "$packages" ] || return 0
    # shellcheck disable=SC2086
    case $1 in
    pacman) pacman -Sy --noconfirm --needed $packages ;;
    zypper) zypper --non-interactive install -y --no-recommends $packages ;;
    apk) apk update && apk add $packages ;;
    esac
}

[ -n "$sshfs$iptables$rootless$rsync" ] || exit 0
required=
result=0
if is_apt; then
    install_apt || result=1
elif has dnf; then
    install_dnf || result=1
elif has yum; then
    install_yum || result=1
elif has pacman; then
    install_simple pacman || result=1
elif has zypper; then
    install_simple zypper || result=1
elif has apk; then
    install_simple apk || result=1
fi
if [ -n "$rootless" ] && ! has fusermount && has fusermount3; then
    ln -s fusermount3 /usr/bin/fusermount
fi
if [ "$result" -ne 0 ] && [ -z "$required" ]; then
    info "rsync could not be installed; limactl copy uses scp"
    exit 0
fi
exit "$result"
