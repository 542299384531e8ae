# Odd places and people: spaces, full and read-only file systems, an ordinary user, another architecture.
load lib

setup() {
    setup_vm
    MOUNTED=
}

teardown() {
    [[ -n $BATS_TEST_COMPLETED ]] || show_logs
    teardown_cli
    [[ -z $MOUNTED ]] || umount -l "$MOUNTED"
}

as_root() {
    [[ $(id -u) -eq 0 ]] || skip "needs root"
}

@test "LIMA_HOME with blanks and other letters" {
    export LIMA_HOME="$BATS_FILE_TMPDIR/my vms é"
    start_micro s
    [[ $(guest s hostname) == lima-s ]]
    [[ $(ssh -F "$LIMA_HOME/s/ssh.config" lima-s hostname) == lima-s ]]
    limactl stop s
    limactl delete s
}

@test "LIMA_HOME on a read-only file system" {
    as_root
    MOUNTED=$BATS_FILE_TMPDIR/ro
    mkdir -p "$MOUNTED"
    mount -t tmpfs -o ro none "$MOUNTED"
    export LIMA_HOME=$MOUNTED/l
    run --separate-stderr limactl start --tty=false --name=x "$(micro_yaml x)"
    assert_status 1
    [[ $stderr == *'Read-only file system'* ]]
}

@test "LIMA_HOME on a full file system" {
    as_root
    MOUNTED=$BATS_FILE_TMPDIR/full
    mkdir -p "$MOUNTED"
    mount -t tmpfs -o size=8m none "$MOUNTED"
    export LIMA_HOME=$MOUNTED/l
    run --separate-stderr limactl start --tty=false --name=x "$(micro_yaml x)"
    assert_status 1
    [[ $stderr == *'No space left on device'* ]]
    mount -o remount,size=200m "$MOUNTED"
    limactl start --tty=false x
    assert_boots x
    limactl delete --force x
}

@test "a name that is too long for a socket" {
    run --separate-stderr limactl create --tty=false \
        --name="$(printf 'n%.0s' {1..76})" "$(micro_yaml long)"
    assert_status 1
    [[ $stderr == *'too long'* ]]
}

@test "an ordinary user builds, starts and deletes" {
    local user=climatest$$ home

    as_root
    home=$(mktemp -d /tmp/climaXXXXXX)
    useradd --home-dir "$home" --no-create-home --shell /bin/sh "$user"
    chown "$user" "$home"
    cp "$(micro_yaml u)" "$home/u.yaml"
    cat >"$home/script" <<TEXT
set -eu
export HOME=$home LIMA_HOME=$home/l XDG_CACHE_HOME=$home/cache
cd "\$HOME"
limactl start --tty=false u.yaml
test "\$(limactl shell u id -un)" = $user
test "\$(limactl shell u id -u)" = "\$(id -u)"
limactl stop u
limactl delete u
TEXT
    run setpriv --reuid="$user" --regid="$user" --clear-groups env PATH="$PATH" sh "$home/script"
    userdel "$user"
    rm -rf "$home"
    assert_status 0
}

@test "an aarch64 guest on another architecture" {
    [[ $(uname -m) != aarch64 ]] || skip "it is the host's own"
    run --separate-stderr limactl start --tty=false --arch=aarch64 --name=a "$(micro_yaml a)"
    assert_status 0
    [[ $(guest a uname -m) == aarch64 ]]
    limactl stop a
    limactl delete a
}
