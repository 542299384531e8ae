#!/bin/sh
# Compiles every header alone: each must be self-contained. Arguments: compiler, flags.
set -eu
cd "$(dirname "$0")/.."
failed=0
for header in $(find src -name '*.h' | sort); do
    printf '#include "%s"\n' "${header#src/}" |
        "$@" -std=gnu17 -D_GNU_SOURCE -DCLIMA_VERSION='"0"' -DLIMA_VERSION='"0"' -iquote src -Wall -Wextra \
            -Wno-unused-function -fsyntax-only -x c - || {
        printf '%s: not self-contained\n' "$header"
        failed=1
    }
done
exit $failed
