#!/bin/sh
# Style rules that a compiler does not know: banned calls, guard names, file length, file names,
# line length, leftovers. Prints every violation; exit 1 if any.
set -eu
cd "${1:-$(dirname "$0")/..}"
failed=0

report() {
    printf '%s\n' "$1"
    failed=1
}

sources=$(find src tests -name '*.[ch]' | sort)

# Calls that hide overflow, a shell or a wait.
banned=$(grep -HnE '\b(strcpy|strcat|sprintf|vsprintf|strtok|atoi|atol|system|popen|usleep|sleep|gets|alloca)[[:space:]]*\(' \
    $sources | grep -vE '^[^:]*:[0-9]+:[[:space:]]*(\*|/\*|//)' || true)
[ -z "$banned" ] || report "banned call:
$banned"

for file in $sources; do
    lines=$(wc -l < "$file")
    [ "$lines" -le 700 ] || report "$file: $lines lines, split it by topic (limit 700)"
    case $(basename "$file") in utils.* | util.* | helpers.* | misc.* | common.*)
        report "$file: the name says nothing" ;;
    esac
done

for header in $(find src -name '*.h' | sort); do
    guard=$(printf '%s' "${header#src/}" | tr 'a-z/.' 'A-Z__' | tr -c 'A-Z0-9_' '_')
    grep -q "^#ifndef $guard\$" "$header" || report "$header: the include guard must be $guard"
    head -n 1 "$header" | grep -q '^/\*' || report "$header: the header must open with a comment"
done

for file in $(find src -name '*.c' | sort); do
    own=${file#src/}
    own=${own%.c}.h
    [ -f "src/$own" ] || continue
    first=$(grep -m1 -E '^[[:space:]]*#[[:space:]]*include' "$file" || true)
    [ "$first" = "#include \"$own\"" ] || report "$file: must include \"$own\" first"
done

leftovers=$(grep -nE '\b(TODO|FIXME|XXX|HACK)\b' $sources || true)
[ -z "$leftovers" ] || report "leftover mark:
$leftovers"

long=$(awk 'length($0) > 110 { print FILENAME ":" FNR ": line of " length($0) " characters" }' $sources)
[ -z "$long" ] || report "$long"

# `make` builds and installs the target "programs" alone.
unlisted=
for file in $(find src data -name meson.build | sort); do
    ! grep -q 'install: true' "$file" || grep -q 'programs +=' "$file" || unlisted="$unlisted $file"
done
[ -z "$unlisted" ] || report "installed, but not in the list \"programs\":$unlisted"

exit $failed
