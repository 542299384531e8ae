# shellcheck shell=bash disable=SC2154 # limactl, prefix, here, build and the functions are run.sh's
# From listen() in the guest to the host's port, and from close() to its end.
for image in ${BENCH_TEMPLATES:-micro debian-local}; do
    "$limactl" start --tty=false --name="d-$image" "template:$image" >/dev/null 2>&1
    read -r opened gone < <(PATH=$prefix/bin:$PATH "$here/discovery.py" "d-$image" "$build/../vm/port_tool" 24000 10)
    row "$image: listen() to the host's port open" "$opened" 50 ms
    row "$image: close() to the host's port gone" "$gone" 200 ms
    "$limactl" delete --force "d-$image" >/dev/null 2>&1
done
