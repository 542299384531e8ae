# libexec/lima/privileged as sudo runs it: whom it gives what, and what it refuses. The other end is user nobody.
load lib

nonce=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
nobody=65534

setup() {
    setup_cli
    [[ $EUID -eq 0 ]] && losetup -f >/dev/null 2>&1 || skip 'needs root and loop devices'
    # Where only root can write, as after an installation.
    top=$(mktemp -d /var/lib/clima-test.XXXXXX)
    chmod 755 "$top"
    mkdir -p "$top/libexec/lima" "$top/private"
    cp "$PREFIX/libexec/lima/privileged" "$top/libexec/lima/"
    chown "$nobody:$nobody" "$top/private"
    chmod 700 "$top/private"
    socket=$top/private/s
    truncate -s 1M "$top/image"
    device=$(losetup -f --show "$top/image")
}

teardown() {
    [[ -z ${taker-} ]] || kill "$taker" 2>/dev/null || true
    [[ -z ${device-} ]] || losetup -d "$device"
    [[ -z ${top-} ]] || rm -rf "$top"
    teardown_cli
}

listen() { # [UID]
    setpriv --reuid="${1-$nobody}" --regid="${1-$nobody}" --clear-groups \
        "$CLI_FAKES/descriptor_taker.py" "$socket" >"$HOME/taken" 3>&- &
    taker=$!
    eventually grep -q listening "$HOME/taken"
}

call() { # DEVICE [REQUEST]
    run --separate-stderr env SUDO_UID=$nobody SUDO_GID=$nobody "$top/libexec/lima/privileged" block-device "$1" \
        <<<"${2-$nonce $socket}"
}

# The text of the refusal; nothing was given away.
assert_refused() {
    assert_status 1
    [[ $stderr == "privileged: "*"$1"* ]] || fail "got: $stderr"$'\n'"want: $1"
    ! grep -q block "$HOME/taken" 2>/dev/null
}

@test "the device is brought to who called, with the nonce" {
    listen
    call "$device"
    assert_status 0
    wait "$taker"
    [[ $(<"$HOME/taken") == "listening
from 0
bytes $nonce
block $(printf '%d %d' "0x$(stat -c %t "$device")" "0x$(stat -c %T "$device")")" ]]
}

@test "somebody else who listens gets nothing" {
    chmod 777 "$top/private"
    listen 1234
    chmod 777 "$socket"
    chmod 700 "$top/private"
    call "$device"
    assert_refused "the socket $socket is not the caller's"
}

@test "the socket's directory is the caller's alone" {
    listen
    chmod 710 "$top/private"
    call "$device"
    assert_refused "the socket's directory $top/private is not the caller's alone"
    chmod 700 "$top/private"
    chown 1234 "$top/private"
    call "$device"
    assert_refused "$top/private"
    ln -s private "$top/link"
    call "$device" "$nonce $top/link/s"
    assert_refused "cannot open $top/link"
}

@test "paths are walked with the caller's rights" {
    chmod 700 "$top"
    call "$device"
    assert_refused "cannot open $top/private: Permission denied"
}

@test "what is no free block device is not opened" {
    listen
    call /dev/null
    assert_refused '/dev/null is no block device'
}

@test "a path is below /dev, cleaned, and no link" {
    local path

    for path in /etc/passwd "/dev/../$device" "//$device" "${device#/dev/}" "$device/" "/proc/self/root$device"; do
        call "$path"
        assert_refused "$path is no absolute path of a device below /dev"
    done
    listen
    ln -s "$device" "/dev/${top##*/}"
    call "/dev/${top##*/}"
    rm "/dev/${top##*/}"
    assert_refused 'is a symbolic link'
}

@test "a device that is in use is not opened" {
    listen
    mkfs.ext4 -q "$device"
    mkdir "$top/mnt"
    mount "$device" "$top/mnt"
    call "$device"
    umount "$top/mnt"
    assert_refused "$device is mounted on this host at $top/mnt"
}

@test "bad requests and other commands are refused" {
    call "$device" ''
    assert_refused 'the request has no nonce'
    call "$device" "short $socket"
    assert_refused 'the request has no nonce'
    call "$device" "$nonce relative"
    assert_refused 'the request has no socket'
    call "$device" "$nonce $top/private/nobody-listens"
    assert_refused nobody-listens
    run --separate-stderr "$top/libexec/lima/privileged"
    assert_refused 'usage:'
    run --separate-stderr "$top/libexec/lima/privileged" block-device "$device" more
    assert_refused 'usage:'
}

@test "only sudo runs it, as root" {
    run --separate-stderr "$top/libexec/lima/privileged" block-device "$device" <<<"$nonce $socket"
    assert_refused 'SUDO_UID and SUDO_GID do not name the caller'
    run --separate-stderr setpriv --reuid=$nobody --regid=$nobody --clear-groups env SUDO_UID=0 SUDO_GID=0 \
        "$top/libexec/lima/privileged" block-device "$device" <<<"$nonce $socket"
    assert_refused 'this program is run by sudo, as root'
}

@test "it does not run from where others can change it" {
    chown "$nobody" "$top/libexec"
    call "$device"
    assert_refused "this program must be root's alone: $top/libexec does not belong to root"
    chown 0 "$top/libexec"
    chmod 775 "$top/libexec/lima/privileged"
    call "$device"
    assert_refused "$top/libexec/lima/privileged can be written by others than root"
}
