# shellcheck shell=bash disable=SC2154 # limactl, build and the functions are run.sh's
# From `limactl start` to READY, against the same QEMU started by hand until its ssh port answers, and until
# the guest is done.
declare -A ready
for image in ${BENCH_TEMPLATES:-micro debian-local}; do
    "$limactl" start --tty=false --name="$image" --set '.provision = [{
        "mode": "system", "script": "#!/bin/sh\necho BENCH-DONE >/dev/ttyS0"}]' \
        "template:$image" >/dev/null 2>&1
    "$limactl" stop "$image" >/dev/null 2>&1
    read -r ready_ms banner_ms done_ms < <("$here/boot_bench.py" "$limactl" "$image" "$rounds")
    ready[$image]=$ready_ms
    case $image in micro) limit=1.3 ;; *) limit=1.1 ;; esac
    row "$image: start to READY, times its bare boot to ssh" "$(ratio "$ready_ms" "$banner_ms")" $limit ''
    row "$image: start to READY, times its bare boot" "$(ratio "$ready_ms" "$done_ms")" 1.1 ''
    row "$image: own share of the start" "$((ready_ms - done_ms))" 150 ms
done
[[ -z ${ready[micro]-} || -z ${ready[debian-local]-} ]] ||
    row 'debian-local: start to READY, times micro' "$(ratio "${ready[debian-local]}" "${ready[micro]}")" 3.5 ''
