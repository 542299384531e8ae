#!/bin/sh
# The style check itself: each violation below is found, and the clean file is not blamed.
set -eu
check=$1
top=$(mktemp -d)
trap 'rm -rf "$top"' EXIT

mkdir -p "$top/src" "$top/tests" "$top/data"
printf '%s\n' '#include <string.h>' '/* no strcpy(x) */' 'int my_system(int x);' >"$top/src/clean.c"
sh "$check" "$top"

# found TEXT FILE LINE...: a file with these lines fails the check, with the text.
found() {
    text=$1 file=$top/$2
    shift 2
    printf '%s\n' "$@" >"$file"
    if out=$(sh "$check" "$top"); then
        echo "not found: $text in $*"
        exit 1
    fi
    rm "$file"
    case $out in
    *"$text"*) ;;
    *) echo "want: $text, got: $out" && exit 1 ;;
    esac
}

for call in 'strcpy(to, from)' 'strcpy("a", b)' 'strcat (to, from)' 'sleep(1)' 'atoi(text)' 'system(line)'; do
    found 'banned call' src/bad.c "    (void)$call;"
    found 'banned call' tests/bad.c "    $call;"
done
found 'leftover mark' src/bad.c "/* TO""DO */"
found 'line of 120 characters' tests/bad.c "$(printf '%120s' x)"
found 'the name says nothing' src/util.c ''
found 'the include guard must be BAD_H' src/bad.h '/* x */' '#ifndef OTHER_H'
found 'not in the list "programs"' src/meson.build "executable('x', 'main.c', install: true)"
