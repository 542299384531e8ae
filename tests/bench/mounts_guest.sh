#!/bin/sh
# Runs in the guest, as root: measures files on each of the ways they can come, in turn, and prints
# lines "WAY WHAT SECONDS". $TOOLS has files_bench, git with its libraries, and archive.tar; /w has a
# directory for each way.
#
#     mounts_guest.sh files MIB ROUNDS     one file of so many MiB, and small ones
#     mounts_guest.sh told TURNS           git status of a tree that is there and known
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

walk() { # WAY
    cold "$1" walk walk "/w/$1/many"
    say "$1" walk-again walk "/w/$1/many"
}

unpack() { # WAY
    mkdir -p "/w/$1/u"
    cold "$1" untar run tar -C "/w/$1/u" -xf "$TOOLS/archive.tar"
}

look() { # WAY
    status cold "$1" status
    status say "$1" status-again
}

read_all() { # WAY
    cold "$1" slurp slurp "/w/$1/u/tree"
}

remove() { # WAY
    cold "$1" remove run rm -r "/w/$1/u/tree"
}

# The ways that have their turn, ours and virtiofsd next to each other: the machine's speed changes from
# one second to another. Every other turn backwards, as what comes after another may find the host's
# disk at work. The other ways, which are farther from ours, have a turn of four.
in_turn() { # TURN NEAR... -- FAR...
    turn=$1 ways='' backwards=
    shift
    for way; do
        if [ "$way" = -- ]; then
            [ $((turn % 4)) -eq 0 ] || break
            continue
        fi
        ways="$ways $way" backwards="$way $backwards"
    done
    if [ $((turn % 2)) -eq 0 ]; then echo "$ways"; else echo "$backwards"; fi
}

large_files() {
    for turn in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
        for job in 'write direct' 'read direct' 'random direct' 'write cached' 'read cached' 'random cached'; do
            # shellcheck disable=SC2086 # two words
            for way in $(in_turn $turn virtiofsd ours memory -- loose nine); do large "$way" $job; done
        done
    done
}

small_files() {
    for turn in 0 1 2 3; do
        for way in $(in_turn $turn ours virtiofsd -- nine disk); do walk "$way"; done
    done
    for turn in 0 1 2 3; do
        ways=$(in_turn $turn ours virtiofsd -- nine disk)
        for way in $ways; do unpack "$way"; done
        for way in $ways; do status say "$way" first >/dev/null; done # notes numbers and times
        for look in 0 1 2 3 4 5 6 7; do
            # shellcheck disable=SC2086 # words
            for way in $(in_turn $look $ways); do look "$way"; done
        done
        for way in $ways; do read_all "$way"; done
        for way in $ways; do remove "$way"; done
    done
}

files() { # MIB ROUNDS
    mib=$1 round=0
    [ "$mib" -eq 0 ] || for way in memory ours virtiofsd nine; do
        "$bench" write "/w/$way/large" "$mib" cached >/dev/null
    done
    while [ $round -lt "$2" ]; do
        [ "$mib" -eq 0 ] || large_files
        small_files
        round=$((round + 1))
    done
}

# What other mounts believe for a second they ask again.
told() { # TURNS
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
