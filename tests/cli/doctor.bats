# limactl doctor and prune.
load lib

@test "doctor finds nothing wrong with a sound host" {
    create x
    run --separate-stderr limactl doctor
    [[ $output == CHECK*RESULT*FOUND* && $output == *'instance x'* && $output == *LIMA_HOME* ]]
    [[ $status -eq 0 ]] || [[ $output == *FAIL* ]]
}

@test "doctor fails on what would stop a start and says what helps" {
    mkdir -p "$BATS_TEST_TMPDIR/bin"
    run --separate-stderr env PATH="$BATS_TEST_TMPDIR/bin" "$PREFIX/bin/limactl" doctor
    assert_status 1
    [[ $output =~ ssh\ +FAIL\ +missing:\ ssh\ is\ not\ in\ PATH ]]
    [[ $stderr == *'checks found what would keep an instance from starting'* ]]
}

@test "doctor names a QEMU that does not run" {
    local qemu
    qemu=$BATS_TEST_TMPDIR/bin/qemu-system-$(uname -m)
    mkdir -p "${qemu%/*}"
    printf '#!/bin/sh\necho "error while loading shared libraries: libx.so.1" >&2\nexit 127\n' >"$qemu"
    chmod +x "$qemu"
    PATH=${qemu%/*}:$PATH run --separate-stderr limactl doctor
    assert_status 1
    [[ $output =~ qemu\ +FAIL\ +'does not work: asking '$qemu.*'libx.so.1' ]]
    [[ $output == *"qemu: see whether \`$qemu -version\` works, and install QEMU again if not"* ]]
}

@test "doctor names what keeps folders from being mounted" {
    unshare --user --map-root-user true || skip 'no user namespaces'
    run --separate-stderr limactl doctor
    [[ $output =~ mounts\ +ok\ +virtiofs ]]
    run --separate-stderr unshare --user --map-root-user sh -c \
        'echo 0 >/proc/sys/user/max_user_namespaces && limactl doctor'
    [[ $output =~ mounts\ +note\ +'no virtiofs: cannot make a user namespace' ]]
    [[ $output == *user.max_user_namespaces* ]]
}

@test "doctor names others' write permission" {
    mkdir -p "$LIMA_HOME"
    chmod 777 "$LIMA_HOME"
    run --separate-stderr limactl doctor
    assert_status 1
    [[ $output == *"LIMA_HOME: chmod go-w $LIMA_HOME"* ]]
}

@test "doctor names a broken instance and its cure" {
    start x
    kill -9 "$(<"$LIMA_HOME/x/ha.pid")"
    eventually has_cure
}

has_cure() {
    [[ $(limactl doctor 2>/dev/null) == *'instance x: limactl start x'* ]]
}

@test "doctor prints JSON" {
    run --separate-stderr limactl doctor --json
    printf '%s' "$output" | python3 -c '
import json, sys
report = json.load(sys.stdin)
assert isinstance(report["ok"], bool)
assert {"check", "result", "found"} <= set(report["findings"][0])'
}

@test "prune empties the cache" {
    mkdir -p "$XDG_CACHE_HOME/lima/download/by-url-sha256/x"
    run --separate-stderr limactl prune
    assert_status 0
    assert_log info "Pruning \`$XDG_CACHE_HOME/lima\`"
    [[ ! -e $XDG_CACHE_HOME/lima/download/by-url-sha256/x ]]
    run --separate-stderr limactl prune --keep-referred
    assert_status 0
}
