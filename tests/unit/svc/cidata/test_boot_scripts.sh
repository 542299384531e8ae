#!/bin/sh
# Runs boot.sh with a seed of its own, under every shell that guests have: once in a root where no
# boot script has anything to do but what this test looks at. Needs root and unshare, else skips.
set -eu
root=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

skip() {
    echo "skipped: $1"
    exit 77
}
fail() {
    echo "FAILED under $shell: $1"
    cat "$work/log"
    exit 1
}

unshare --user --map-root-user --mount true 2>/dev/null || skip "no user namespaces"

make_seed() {
    rm -rf "${work:?}"/*
    mkdir -p "$work/seed/boot.Linux" "$work/etc" "$work/run" "$work/home"
    echo 'root:x:0:0::/home:/bin/sh' >"$work/etc/passwd"
    echo 'root:x:0:' >"$work/etc/group"
    cp -r "$root/boot.sh" "$root/boot.essential.Linux" "$work/seed/"
    for name in 05-guest-home 05-lima-disks 06-etc-hosts 07-etc-environment 11-colorterm-environment \
        30-install-packages 35-setup-packages; do
        cp "$root/boot.Linux/$name.sh" "$work/seed/boot.Linux/"
    done
    printf '127.0.0.1 localhost\n10.9.9.9 host.lima.internal\n10.9.9.9 xhost.lima.internal' >"$work/etc/hosts"
    printf 'KEEP=1\n#LIMA-START\nOLD=1\n#LIMA-END\nALSO=2\n' >"$work/etc/environment"
    cat >"$work/seed/lima.env" <<END
LIMA_CIDATA_DEBUG=false
LIMA_CIDATA_IID=iid-7
LIMA_CIDATA_USER=root
LIMA_CIDATA_UID=0
LIMA_CIDATA_HOME=/home
LIMA_CIDATA_COMMENT=A \$(touch /home/pwned) "quoted" 'text'
LIMA_CIDATA_PASSWORDLESS_SUDO=1
LIMA_CIDATA_MOUNTS=0
LIMA_CIDATA_MOUNTTYPE=
LIMA_CIDATA_DISKS=0
LIMA_CIDATA_NETWORKS=1
LIMA_CIDATA_SLIRP_GATEWAY=192.168.5.2
LIMA_CIDATA_UDP_DNS_LOCAL_PORT=0
LIMA_CIDATA_TCP_DNS_LOCAL_PORT=0
LIMA_CIDATA_CONTAINERD_USER=
LIMA_CIDATA_CONTAINERD_SYSTEM=
LIMA_CIDATA_UPGRADE_PACKAGES=
LIMA_CIDATA_NO_CLOUD_INIT=
LIMA_CIDATA_CA_CERTS_REMOVE_DEFAULTS=
LIMA_CIDATA_SKIP_DEFAULT_DEPENDENCY_RESOLUTION=1
LIMA_CIDATA_PLAIN=
LIMA_CIDATA_DATAFILE_00000002_OVERWRITE=false
LIMA_CIDATA_DATAFILE_00000002_OWNER=root:root
LIMA_CIDATA_DATAFILE_00000002_PATH=/home/new dir/data
LIMA_CIDATA_DATAFILE_00000002_PERMISSIONS=640
END
    printf 'PARAM_word=a b=c\n' >"$work/seed/param.env"
    printf '#LIMA-START\nHELLO=wor"ld\n  export QUOTED="x y" # note\n#LIMA-END\n' \
        >"$work/seed/etc_environment"
    mkdir "$work/seed/provision.system" "$work/seed/provision.data" "$work/seed/provision.dependency"
    printf 'content\n' >"$work/seed/provision.data/00000002"
    printf '#!/bin/sh\necho dependency >>/home/order\n' >"$work/seed/provision.dependency/00000003"
    printf '#!/bin/sh\necho "system $PARAM_word $QUOTED" >>/home/order\n' \
        >"$work/seed/provision.system/00000000"
    printf '#!/bin/sh\nexit 3\n' >"$work/seed/provision.system/00000001"
    mkdir "$work/seed/provision.boot"
    printf 'echo "boot $PARAM_word" >>/home/order\n' >"$work/seed/provision.boot/00000004"
    chmod +x "$work/seed"/provision.system/* "$work/seed"/provision.dependency/*
}

boot() { # [VARIABLE=VALUE]
    status=0
    unshare --user --map-root-user --mount sh -c '
        for dir in etc run home; do mount --bind "$1/$dir" "/$dir"; done
        export LIMA_CIDATA_MNT="$1/seed" ${3:+"$3"}
        exec $2 "$1/seed/boot.sh"' sh "$work" "$shell" "${1:-}" >"$work/log" 2>&1 || status=$?
}

expect() {
    [ "$(cat "$work/$1")" = "$2" ] || fail "$1 is: $(cat "$work/$1")"
}

for shell in dash "busybox sh" bash; do
    command -v "${shell%% *}" >/dev/null || continue
    make_seed
    boot
    [ "$status" -eq 1 ] || fail "status $status"
    expect run/lima-boot-done iid-7
    expect run/lima-ssh-ready iid-7
    expect run/lima-boot-failed provision.system/00000001
    expect home/order "dependency
system a b=c x y"
    expect "home/new dir/data" content
    expect etc/hosts "127.0.0.1 localhost
10.9.9.9 xhost.lima.internal
192.168.5.2 host.lima.internal"
    expect etc/environment "KEEP=1
ALSO=2
#LIMA-START
HELLO=wor\"ld
  export QUOTED=\"x y\" # note
#LIMA-END"
    [ ! -e "$work/home/pwned" ] || fail "a value of lima.env was executed"

    # A second boot finds everything done, and forgets the failure of the first.
    rm "$work/seed/provision.system/00000001"
    cp -p "$work/etc/hosts" "$work/hosts.before"
    cp -p "$work/etc/environment" "$work/environment.before"
    echo changed >"$work/home/new dir/data"
    boot
    [ "$status" -eq 0 ] || fail "status $status at the second boot"
    [ ! -e "$work/run/lima-boot-failed" ] || fail "an old failure is still there"
    cmp -s "$work/etc/hosts" "$work/hosts.before" || fail "etc/hosts changed again"
    cmp -s "$work/etc/environment" "$work/environment.before" || fail "etc/environment changed again"
    expect "home/new dir/data" changed

    # Without cloud-init the scripts of mode "boot" are ours to run, before all others.
    : >"$work/home/order"
    boot LIMA_CIDATA_NO_CLOUD_INIT=1
    [ "$status" -eq 0 ] || fail "status $status without cloud-init"
    expect home/order "boot a b=c
dependency
system a b=c x y"
done
