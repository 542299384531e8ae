# shellcheck shell=bash disable=SC2154 # output, stderr and status come from bats
# Loaded by every test: an installed tree, a home and a LIMA_HOME of the test's own, helpers.

# The installed tree that is tested, made anew when the build is newer, and a copy of it whose host agent
# is a stand-in. Sets PREFIX to the copy, REAL_PREFIX to the tree.
install_tree() {
    local top=$CLI_BUILD/tests/cli

    (
        flock 9
        if [[ ! -e $top/stamp || $CLI_BUILD/build.ninja -nt $top/stamp ||
            $CLI_FAKES/hostagent -nt $top/stamp ||
            -n $(find "$CLI_BUILD/src/prog" -maxdepth 2 -type f -perm -u+x -newer "$top/stamp" -print -quit) ||
            -n $(find "$CLI_FAKES/../../data" -newer "$top/stamp" -print -quit) ]]; then
            rm -rf "$top/tree" "$top/fake"
            DESTDIR=$top/tree meson install -C "$CLI_BUILD" --no-rebuild --quiet >/dev/null
            cp -al "$top/tree" "$top/fake"
            rm -f "$top/fake$CLI_PREFIX/libexec/lima/hostagent"
            cp "$CLI_FAKES/hostagent" "$top/fake$CLI_PREFIX/libexec/lima/"
            touch "$top/stamp"
        fi
    ) 9>"$top/tree.lock"
    export REAL_PREFIX=$top/tree$CLI_PREFIX
    PREFIX=$top/fake$CLI_PREFIX
}

setup_cli() {
    bats_require_minimum_version 1.5.0
    install_tree
    export HOME=$BATS_TEST_TMPDIR/home
    export LIMA_HOME=$BATS_TEST_TMPDIR/lima
    export XDG_CACHE_HOME=$BATS_TEST_TMPDIR/cache
    export PATH=$CLI_FAKES:$PREFIX/bin:$PATH
    unset FAKE_AGENT FAKE_SSH_LOG
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

# A configuration in $HOME/NAME.yaml that the null driver runs; further lines as arguments. Prints its path.
null_yaml() { # NAME [LINE...]
    local path=$HOME/$1.yaml

    [[ -f $HOME/image ]] || { truncate -s 1M "$HOME/image" && printf '\125\252' |
        dd of="$HOME/image" bs=1 seek=510 conv=notrunc status=none; }
    printf '%s\n' 'vmType: "null"' 'images:' "- location: \"$HOME/image\"" 'plain: true' "${@:2}" >"$path"
    printf '%s\n' "$path"
}

# Creates an instance without a word.
create() { # NAME [LINE...]
    limactl create --tty=false "$(null_yaml "$@")" 2>/dev/null
}

start() { # NAME [LINE...]
    limactl start --tty=false "$(null_yaml "$@")" 2>/dev/null
}

status_of() {
    limactl list "$1" 2>/dev/null | awk 'NR == 2 { print $2 }'
}

# Waits until a condition holds, for at most a minute.
eventually() {
    local i

    for ((i = 0; i < 1200; i++)); do
        if "$@"; then return 0; fi
        read -rt 0.05 <> <(:) || true
    done
    fail "never true: $*"
}

# No process of this test is left: their command lines contain its directory.
assert_no_processes() {
    local found

    found=$(grep -lz -- "$LIMA_HOME" /proc/[0-9]*/cmdline 2>/dev/null || true)
    [[ -z $found ]] || fail "left running: $found"
}
