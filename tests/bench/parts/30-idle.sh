# shellcheck shell=bash disable=SC2154 # limactl, build and the functions are run.sh's
# What our processes take while the guest does nothing, and how large the guest agents are.
"$limactl" start --tty=false micro >/dev/null 2>&1
wakeups() { # PID
    cat "/proc/$1/task"/*/status | awk '/^voluntary_ctxt_switches/ { n += $2 } END { print n }'
}
ha=$(<"$LIMA_HOME/micro/ha.pid")
devices=$(<"$LIMA_HOME/micro/devices.pid")
sleep 10
before_ha=$(wakeups "$ha") before_devices=$(wakeups "$devices")
sleep 30
row 'host agent, idle: wake-ups in 10 s' "$(ratio $(($(wakeups "$ha") - before_ha)) 3)" 1 ''
row 'devices, idle: wake-ups in 10 s' "$(ratio $(($(wakeups "$devices") - before_devices)) 3)" 1 ''
for name in ha devices; do
    pss=$(awk '/^Pss:/ { print $2 }' "/proc/${!name}/smaps_rollup")
    row "$name, idle: PSS" "$(ratio "$pss" 1024)" 10 MiB
done
for agent in "$prefix"/share/lima/lima-guestagent.*; do
    row "${agent##*/}: size" "$(ratio "$(stat -c %s "$agent")" 1048576)" 1 MiB
done
"$limactl" stop micro >/dev/null 2>&1
