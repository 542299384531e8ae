# shellcheck shell=bash disable=SC2154 # output, stderr and status come from bats
# Loaded by every test: an installed tree, a home and a LIMA_HOME of the test's own, helpers.

# The tree that is tested, made anew when the build is newer.
install_tree() {
    local tree=$CLI_BUILD/tests/cli/tree

    (
        flock 9
        if [[ ! -x $tree$CLI_PREFIX/bin/limactl || $CLI_BUILD/src/prog/limactl/limactl -nt $tree/stamp ||
            $CLI_BUILD/build.ninja -nt $tree/stamp ]]; then
            rm -rf "$tree"
            DESTDIR=$tree meson install -C "$CLI_BUILD" --no-rebuild --quiet >/dev/null
            touch "$tree/stamp"
        fi
    ) 9>"$CLI_BUILD/tests/cli/tree.lock"
    PREFIX=$tree$CLI_PREFIX
}

setup_cli() {
    bats_require_minimum_version 1.5.0
    install_tree
    export HOME=$BATS_TEST_TMPDIR/home
    export LIMA_HOME=$BATS_TEST_TMPDIR/lima
    export XDG_CACHE_HOME=$BATS_TEST_TMPDIR/cache
    export PATH=$CLI_FAKES:$PREFIX/bin:$PATH
    unset LIMA_INSTANCE LIMA_SHELL LIMA_WORKDIR LIMACTL SSH EDITOR VISUAL COLORTERM
    unset LIMA_TEMPLATES_PATH LIMA_SHELLENV_BLOCK LIMA_SHELLENV_ALLOW
    mkdir -p "$HOME"
    cd "$HOME" || return 1
}

# Kills what instances of the test left running, by their pid files.
teardown_cli() {
    local file pid

    for file in "$LIMA_HOME"/*/*.pid; do
        [[ -f $file ]] || continue
        pid=$(<"$file")
        [[ $pid =~ ^[0-9]+$ ]] && kill -9 "$pid" 2>/dev/null
    done
    return 0
}

setup() {
    setup_cli
}

teardown() {
    teardown_cli
}

# The message of a fatal log line must be exactly this.
assert_fatal() {
    [[ $stderr == *"level=fatal msg="* ]] || fail "no fatal line: $stderr"
    [[ $stderr == *"msg=\"$1\""* || $stderr == *"msg=$1" ]] || fail "got: $stderr"$'\n'"want: $1"
}

assert_log() { # LEVEL TEXT
    [[ $stderr == *"level=$1 msg=\"$2\""* ]] || fail "got: $stderr"$'\n'"want: level=$1 msg=\"$2\""
}

refute_log() {
    [[ $stderr != *"$1"* ]] || fail "unexpected: $stderr"
}

assert_output() {
    [[ $output == "$1" ]] || fail "got: $output"$'\n'"want: $1"
}

assert_status() {
    [[ $status -eq $1 ]] || fail "exit status $status, want $1"$'\n'"$output"$'\n'"${stderr-}"
}

fail() {
    printf '%s\n' "$*" >&2
    return 1
}

# A configuration that the null driver runs; further lines as arguments.
null_yaml() {
    printf '%s\n' 'vmType: "null"' 'images:' '- location: "/dev/null"' 'mounts: []' 'plain: true' "$@"
}
