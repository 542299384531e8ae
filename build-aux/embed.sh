#!/bin/sh
# embed.sh SYMBOL TYPE HEADER ROOT FILE...: prints C source with the contents of the files.
# "TYPE SYMBOL[]" gets a row { path behind ROOT/, bytes, size } for each, and an empty last row. The
# bytes are followed by a NUL that does not count.
set -eu
symbol=$1
type=$2
header=$3
root=$4
shift 4

printf '/* Made by build-aux/embed.sh. */\n#include <stddef.h>\n\n#include "%s"\n\n' "$header"
i=0
for file in "$@"; do
    printf 'static const unsigned char bytes_%d[] = {\n' "$i"
    od -An -v -tu1 "$file" | sed 's/  */ /g; s/\([0-9]\) /\1, /g; s/$/,/'
    printf '    0,\n};\n'
    i=$((i + 1))
done
printf '\nconst %s %s[] = {\n' "$type" "$symbol"
i=0
for file in "$@"; do
    printf '    { "%s", bytes_%d, sizeof(bytes_%d) - 1 },\n' "${file##*"$root"/}" "$i" "$i"
    i=$((i + 1))
done
printf '    { NULL, NULL, 0 },\n};\n'
