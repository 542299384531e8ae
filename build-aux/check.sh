#!/bin/sh
# Every suite but bench, quick ones first. Argument: the build directory of `make`.
set -eu
cd "$(dirname "$0")/.."
build=$1

step() {
    printf '\n== %s (%s s so far)\n' "$1" "$(($(date +%s) - start))"
}
start=$(date +%s)

step 'gcc: unit, golden, style, fuzz-replay'
meson test -C "$build" --no-rebuild --timeout-multiplier 4 --print-errorlogs \
    --suite unit --suite golden --suite style --suite fuzz-replay

step 'clang: builds without a warning'
[ -f _build-clang/build.ninja ] || CC='ccache clang' meson setup _build-clang --buildtype=debug -Dguest_archs= >/dev/null
ninja -C _build-clang --quiet

step 'address and undefined behaviour sanitizers: unit, golden, fuzz-replay'
[ -f _build-asan/build.ninja ] || CC='ccache gcc' meson setup _build-asan --buildtype=debug -Dguest_archs= \
    -Db_sanitize=address,undefined >/dev/null
ninja -C _build-asan --quiet
ASAN_OPTIONS=abort_on_error=1 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
    meson test -C _build-asan --no-rebuild --timeout-multiplier 4 --print-errorlogs --suite unit --suite golden --suite fuzz-replay

step 'command line, with the null driver and fakes'
meson test -C "$build" --no-rebuild --timeout-multiplier 4 --print-errorlogs --suite cli

step 'virtual machines: micro'
meson test -C "$build" --no-rebuild --timeout-multiplier 4 --print-errorlogs --num-processes 1 --suite vm

step 'virtual machines: stock images'
meson test -C "$build" --no-rebuild --timeout-multiplier 4 --print-errorlogs --num-processes 1 --suite vm-stock

step 'all suites passed'
