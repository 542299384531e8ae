#!/bin/sh
# host.lima.internal is the host as the guest sees it.
[ -n "$LIMA_CIDATA_SLIRP_GATEWAY" ] || exit 0

wanted="$LIMA_CIDATA_SLIRP_GATEWAY host.lima.internal"
text=
found=
stale=
while IFS= read -r line || [ -n "$line" ]; do
    case $line in
    "$wanted") found=1 ;;
    *[!0-9a-zA-Z.-]host.lima.internal | *[!0-9a-zA-Z.-]host.lima.internal[!0-9a-zA-Z.-]*)
        stale=1
        continue
        ;;
    esac
    text="$text$line
"
done </etc/hosts
if [ -n "$found" ] && [ -z "$stale" ]; then
    exit 0
fi
[ -z "$found" ] || wanted=
printf '%s%s%s' "$text" "$wanted" "${wanted:+
}" >/etc/hosts
