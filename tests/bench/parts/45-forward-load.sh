# shellcheck shell=bash disable=SC2154 # limactl, prefix, here, build and the functions are run.sh's
# Connections, listeners and mishaps in numbers that show leaks: forward_load.py fails when descriptors
# or memory grow, when something stalls or does not come back.
printf '%s\n' 'images: [{location: "build:micro"}]' 'cpus: 1' 'memory: 1GiB' 'disk: 4GiB' \
    'containerd: {system: false, user: false}' >"$LIMA_HOME/load.yaml"
"$limactl" start --tty=false --name=load "$LIMA_HOME/load.yaml" >/dev/null 2>&1
verdict=0
PATH=$prefix/bin:$PATH "$here/../vm/forward_load.py" load "$build/../vm/port_tool" "$build/stream_peer" 23000 \
    "${BENCH_LOAD:-full}" | sed 's/^/    /' || verdict=1
row 'forwards under load and mishaps: failures' $verdict 0 ''
"$limactl" delete --force load >/dev/null 2>&1
