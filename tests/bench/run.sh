#!/bin/bash
# Measures an installed tree and prints a table: ratios against something measured in the same run, as
# machines differ. Nothing fails when a limit is missed; the table says so. Argument: the prefix.
# BENCH_ROUNDS (default 3) boots are measured of each kind; BENCH_TEMPLATES (default "micro debian-local")
# says of which templates; BENCH_PARTS (default all) is a pattern of the parts to run, such as '4*';
# BENCH_LOAD=small makes the load on forwards a twentieth. On a busy machine run it under `chrt -r 5`.
set -euo pipefail
prefix=$(realpath "$1")
here=$(realpath "$(dirname "$0")")
# shellcheck disable=SC2034 # for the parts
build=${BUILD:-$here/../../_build}/tests/bench
# shellcheck disable=SC2034 # likewise
rounds=${BENCH_ROUNDS:-3}
limactl=$prefix/bin/limactl

LIMA_HOME=$(mktemp -d /tmp/bench-XXXXXX)
# For what is not to wait for a disk.
memory=$(mktemp -d /dev/shm/bench-XXXXXX)
export LIMA_HOME

finish() {
    for dir in "$LIMA_HOME"/*/; do
        name=$(basename "$dir")
        [[ $name == _* || $name == '*' ]] || "$limactl" delete --force "$name" >/dev/null 2>&1 || true
    done
    rm -rf "$LIMA_HOME" "$memory"
}
trap finish EXIT

below() { # NUMBER LIMIT
    awk -v n="$1" -v l="$2" 'BEGIN { exit !(n < l) }'
}

# row NAME MEASURED LIMIT UNIT: the limit is an upper one; row_least: a lower one, with a remark.
row() {
    local verdict=ok

    ! below "$3" "$2" || verdict=MISSED
    printf '%-52s %10s %-4s %10s  %s\n' "$1" "$2" "$4" "<= $3" "$verdict"
}

row_least() { # NAME MEASURED LIMIT UNIT [REMARK]
    local verdict=ok

    ! below "$2" "$3" || verdict=MISSED
    printf '%-52s %10s %-4s %10s  %s\n' "$1" "$2" "$4" ">= $3" "$verdict${5:+ ($5)}"
}

# row_level NAME MEASURED LOW HIGH: no less than 1. What is less by a percent or two, and as may well be
# only by chance (95 % lie from LOW to HIGH), is called equal.
row_level() {
    local verdict=ok

    if below "$2" 1; then
        verdict=MISSED
        below "${4:-0}" 1 || below "$3" 0.97 || verdict=equal
    fi
    printf '%-52s %10s %-4s %10s  %s\n' "$1" "$2" '' '>= 1' "$verdict${4:+ ($3 to $4)}"
}

# A figure without a limit.
note() { # NAME MEASURED UNIT
    printf '%-52s %10s %-4s\n' "$1" "$2" "$3"
}

median() { # NUMBER...
    printf '%s\n' "$@" | sort -g | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

# Who else uses the machine can only make things slower: of measurements that took turns, the best are
# nearest to what is to be compared.
least() { # NUMBER...
    printf '%s\n' "$@" | sort -g | head -n 1
}

most() { # NUMBER...
    printf '%s\n' "$@" | sort -g | tail -n 1
}

ratio() {
    awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a / b }'
}

printf '%-52s %10s %-4s %10s\n' 'what' 'measured' '' 'limit'
for part in "$here"/parts/${BENCH_PARTS:-*}.sh; do
    # shellcheck source=/dev/null
    source "$part"
done
