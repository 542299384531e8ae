# shellcheck shell=bash disable=SC2154 # limactl, build and the functions are run.sh's
# From `limactl start` to READY, against the same QEMU started by hand until its ssh port answers, and until
# the guest is done.
declare -A ready
for image in ${BENCH_IMAGES:-micro debian-12}; do
    printf '%s\n' "images: [{location: \"build:$image\"}]" 'cpus: 1' 'memory: 1GiB' 'disk: 4GiB' \
        'containerd: {system: false, user: false}' \
        'provision: [{mode: system, script: "#!/bin/sh\necho BENCH-DONE >/dev/ttyS0"}]' >"$LIMA_HOME/$image.yaml"
    "$limactl" start --tty=false --name="$image" "$LIMA_HOME/$image.yaml" >/dev/null 2>&1
    "$limactl" stop "$image" >/dev/null 2>&1
    read -r ready_ms banner_ms done_ms < <("$here/boot_bench.py" "$limactl" "$image" "$rounds")
    ready[$image]=$ready_ms
    case $image in micro) limit=1.3 ;; *) limit=1.1 ;; esac
    row "$image: start to READY, times its bare boot" "$(ratio "$ready_ms" "$banner_ms")" $limit ''
    row "$image: own share of the start" "$((ready_ms - done_ms))" 150 ms
done
[[ -z ${ready[micro]-} || -z ${ready[debian-12]-} ]] ||
    row 'debian-12: start to READY, times micro' "$(ratio "${ready[debian-12]}" "${ready[micro]}")" 3.5 ''
