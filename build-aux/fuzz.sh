#!/bin/sh
# Runs each fuzz target under libFuzzer with sanitizers for FUZZ_SECONDS (default 600), as many at
# a time as there are CPUs. New findings land in _build-fuzz/findings. Arguments: target names
# (default: all).
set -eu
cd "$(dirname "$0")/.."
seconds=${FUZZ_SECONDS:-600}

[ -f _build-fuzz/build.ninja ] || CC='ccache clang' meson setup _build-fuzz --buildtype=debug -Dfuzz=true \
    -Dguest_archs= -Db_sanitize=address,undefined -Db_lundef=false >/dev/null
ninja -C _build-fuzz --quiet
mkdir -p _build-fuzz/findings

if [ $# -eq 0 ]; then
    for program in _build-fuzz/tests/fuzz/fuzz_*; do
        [ -f "$program" ] && [ -x "$program" ] && set -- "$@" "${program##*/fuzz_}"
    done
fi

for name in "$@"; do
    printf '%s\n' "$name"
done | xargs -P "$(nproc)" -I '{}' sh -c '
    mkdir -p "_build-fuzz/corpus/$1"
    if "_build-fuzz/tests/fuzz/fuzz_$1" -max_total_time="$2" -timeout=10 -rss_limit_mb=1024 \
        -artifact_prefix="_build-fuzz/findings/$1-" "_build-fuzz/corpus/$1" "tests/fuzz/corpus/$1" \
        >"_build-fuzz/$1.log" 2>&1; then
        echo "$1: clean, $(grep -c . "_build-fuzz/$1.log") log lines, $(grep -oE "^Done [0-9]+ runs" "_build-fuzz/$1.log")"
    else
        echo "$1: FINDING, see _build-fuzz/$1.log"; exit 255
    fi' sh '{}' "$seconds"
