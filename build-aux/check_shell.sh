#!/bin/sh
# Runs shellcheck over every shell script of the tree.
set -eu
cd "${1:-$(dirname "$0")/..}"
scripts=$(git ls-files 2>/dev/null | while IFS= read -r file; do
    case $file in
    *.sh | *.bash) printf '%s\n' "$file" ;;
    *.bats | *.c | *.h | *.md | *.yaml | *.build) ;;
    *) if [ -f "$file" ] && head -c 64 "$file" | head -n 1 | grep -qaE '^#! ?/.*\b(sh|bash)$'; then printf '%s\n' "$file"; fi ;;
    esac
done)
[ -n "$scripts" ] || exit 0
# The cloud-init templates are expanded before they run; what remains is plain shell.
printf '%s\n' "$scripts" | xargs shellcheck -S warning
