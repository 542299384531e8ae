# shellcheck shell=bash disable=SC2154 # output, stderr and status come from bats
# Loaded by every test of virtual machines: the installed tree, a LIMA_HOME for the whole file, so that
# its tests can share a guest, and the cache of the user who runs the tests, which has the built images.
# shellcheck source=../cli/lib.bash
source "${BASH_SOURCE[0]%/*}/../cli/lib.bash"

VM_CACHE=${XDG_CACHE_HOME:-$HOME/.cache}

setup_vm() {
    bats_require_minimum_version 1.5.0
    install_tree
    export LIMA_HOME=$BATS_FILE_TMPDIR/l
    export XDG_CACHE_HOME=$VM_CACHE
    export PATH=$REAL_PREFIX/bin:$PATH
    export HOME=$BATS_FILE_TMPDIR/home
    unset LIMA_INSTANCE LIMA_SHELL LIMA_WORKDIR LIMACTL SSH COLORTERM
    unset LIMA_TEMPLATES_PATH LIMA_SHELLENV_BLOCK LIMA_SHELLENV_ALLOW
    mkdir -p "$HOME"
    cd "$HOME" || return 1
}

setup_file() {
    setup_vm
}

setup() {
    setup_vm
}

teardown() {
    [[ -n $BATS_TEST_COMPLETED ]] || show_logs
}

teardown_file() {
    teardown_cli
}

# What there is to know when a test has failed.
show_logs() {
    local file

    for file in "$LIMA_HOME"/*/{ha.stderr.log,serial.log,qemu.stderr.log}; do
        [[ -s $file ]] && printf '== %s\n' "$file" && tail -n 20 "$file"
    done
    return 0
}

# A configuration in $HOME/NAME.yaml around the micro image; further lines as arguments. Prints its path.
micro_yaml() { # NAME [LINE...]
    local path=$HOME/$1.yaml

    printf '%s\n' 'images: [{location: "build:micro"}]' 'cpus: 1' 'memory: 512MiB' 'disk: 4GiB' \
        'containerd: {system: false, user: false}' "${@:2}" >"$path"
    printf '%s\n' "$path"
}

# Starts an instance in silence; its log stays in $HOME/NAME.log.
start_micro() { # NAME [LINE...]
    limactl start --tty=false --name="$1" "$(micro_yaml "$@")" >"$HOME/$1.log" 2>&1 || {
        cat "$HOME/$1.log"
        return 1
    }
}

field() { # NAME FIELD
    limactl list --format "{{.$2}}" "$1" 2>/dev/null
}

pid_of() { # NAME PIDFILE
    cat "$LIMA_HOME/$1/$2.pid" 2>/dev/null
}

is_gone() { # PID
    [[ ! -e /proc/$1 || $(awk '{ print $3 }' "/proc/$1/stat" 2>/dev/null) == [ZX] ]]
}

guest() { # NAME COMMAND...
    limactl shell --workdir / "$@"
}

# Runs a program of busybox where the guest agent has the file system of all folders.
in_whole() { # NAME PROGRAM [ARGUMENT]...
    guest "$1" sudo /tmp/namespace_tool /run/lima-mounts/namespace/mnt /bin/busybox "${@:2}"
}

boot_id() { # NAME
    guest "$1" cat /proc/sys/kernel/random/boot_id
}

assert_boots() { # NAME
    [[ $(guest "$1" echo alive) == alive ]] || fail "no shell in $1"
}
