#!/bin/sh
# Runs in the guest, as root: measures files on each of the ways they can come, in turn, and prints
# lines "WAY WHAT SECONDS". $TOOLS has files_bench, git with its libraries, and archive.tar; /w has a
# directory for each way.
#
#     mounts_guest.sh files MIB ROUNDS     one file of so many MiB, and small ones
#     mounts_guest.sh told ROUNDS          git status of a tree that is there and known
set -e
what=$1
shift
bench=$TOOLS/files_bench
export HOME="$TOOLS"

say() { # WAY WHAT COMMAND...
    label="$1 $2"
    shift 2
    echo "$label $("$bench" "$@")"
}

cold() {
    "$bench" drop
    say "$@"
}

# The file is there, so that writing does not wait for the host to find room.
large() { # WAY WHAT cached|direct
    file=/w/$1/large
    case $1-$3 in memory-direct | loose-direct) return ;; esac
    case $2 in
    write) cold "$1" "write-$3" write "$file" "$mib" "$3" ;;
    read) cold "$1" "read-$3" read "$file" "$3" ;;
    random) cold "$1" "random-$3" random "$file" $((mib * 8)) "$3" ;;
    esac
    [ "$2-$3" != read-cached ] || say "$1" read-again read "$file" cached
}

status() { # COMMAND WAY WHAT
    "$@" run "$TOOLS/ld.so" --library-path "$TOOLS" "$TOOLS/git" -C "/w/$2/u/tree" status --short
}

unpack() { # WAY
    mkdir -p "/w/$1/u"
    cold "$1" walk walk "/w/$1/many"
    say "$1" walk-again walk "/w/$1/many"
    cold "$1" untar run tar -C "/w/$1/u" -xf "$TOOLS/archive.tar"
    status say "$1" first >/dev/null # notes the files' numbers and times
}

look() { # WAY
    status cold "$1" status
    status say "$1" status-again
}

finish() { # WAY
    cold "$1" slurp slurp "/w/$1/u/tree"
    cold "$1" remove run rm -r "/w/$1/u/tree"
}

# Every other round backwards: what has its turn after another may find the host's disk at work.
in_turn() { # ROUND WAY...
    round=$1 backwards=
    shift
    for way; do backwards="$way $backwards"; done
    if [ $((round % 2)) -eq 0 ]; then echo "$*"; else echo "$backwards"; fi
}

# What is short is at the mercy of whatever the machine does in these seconds, and so has many turns,
# and little between one way and the next.
files() { # MIB ROUNDS
    mib=$1 i=0
    [ "$mib" -eq 0 ] || for way in memory ours virtiofsd nine; do
        "$bench" write "/w/$way/large" "$mib" cached >/dev/null
    done
    while [ $i -lt "$2" ]; do
        [ "$mib" -eq 0 ] || for turn in 1 2 3 4; do
            for job in 'write direct' 'read direct' 'random direct' 'write cached' 'read cached' 'random cached'; do
                # shellcheck disable=SC2086 # two words
                for way in $(in_turn $turn loose ours virtiofsd memory nine); do large "$way" $job; done
            done
        done
        for way in $(in_turn $i ours virtiofsd nine disk); do unpack "$way"; done
        for turn in 1 2 3 4 5 6; do
            for way in $(in_turn $turn ours virtiofsd nine disk); do look "$way"; done
        done
        for way in $(in_turn $i ours virtiofsd nine disk); do finish "$way"; done
        i=$((i + 1))
    done
}

# What other mounts believe for a second they ask again.
told() { # ROUNDS
    i=0
    for way in ours virtiofsd; do
        status say $way first >/dev/null
    done
    while [ $i -lt "$1" ]; do
        for way in $(in_turn $i ours virtiofsd); do
            sleep 2
            status say "$way" status-told
        done
        i=$((i + 1))
    done
}

"$what" "$@"
