# shellcheck shell=bash disable=SC2154 # limactl, build and the functions are run.sh's
# TCP forwards against an ssh tunnel and QEMU's own hostfwd, all to one program of one guest and in
# turn; the CPU time of both sides; and what 100 forwarded ports cost while nothing happens.
port=25800 # ours; +1 hostfwd, +2 ssh; from +100 on: idle ones
declare -A words=([send]=from [take]=to)
declare -A via=([ours]=$port [hostfwd]=$((port + 1)) [ssh]=$((port + 2)))

forwards_begin() {
    printf '%s\n' '#!/bin/bash' \
        'for word; do shift' \
        "    [[ \$word == user,*hostfwd=* ]] && word+=,hostfwd=tcp:127.0.0.1:${via[hostfwd]}-:$port" \
        '    set -- "$@" "$word"' 'done' 'exec qemu-system-x86_64 "$@"' >"$LIMA_HOME/qemu"
    chmod 755 "$LIMA_HOME/qemu"
    printf '%s\n' 'images: [{location: "build:micro"}]' 'cpus: 1' 'memory: 1GiB' 'disk: 4GiB' \
        'containerd: {system: false, user: false}' >"$LIMA_HOME/f.yaml"
    QEMU_SYSTEM_X86_64=$LIMA_HOME/qemu "$limactl" start --tty=false --name=f "$LIMA_HOME/f.yaml" >/dev/null 2>&1
    "$limactl" shell --workdir / f sh -c 'cat >/tmp/peer && chmod 755 /tmp/peer' <"$build/stream_peer"
    peer "$port" 1
    ssh -F "$LIMA_HOME/f/ssh.config" -S none -o ControlMaster=no -N -L "${via[ssh]}:127.0.0.1:$port" lima-f \
        >/dev/null 2>&1 &
    ssh_pid=$!
    until answers "${via[ours]}" && answers "${via[hostfwd]}" && answers "${via[ssh]}"; do sleep 0.2; done
}

peer() { # FIRST_PORT COUNT
    "$limactl" shell --workdir / f sh -c "setsid /tmp/peer $1 $2 </dev/null >/dev/null 2>&1 &"
}

answers() { # PORT
    "$build/forward_bench" "$1" connect 1 1 >/dev/null 2>&1
}

# CPU ticks of the threads of a process: of all, or of the first or all but the first of them.
ticks() { # PID [first|rest]
    local stat

    for stat in "/proc/$1/task"/*/stat; do
        [[ ${2-} != first || $stat == */"$1"/stat ]] || continue
        [[ ${2-} != rest || $stat != */"$1"/stat ]] || continue
        cat "$stat"
    done 2>/dev/null | sed 's/.*) //' | awk '{ n += $12 + $13 } END { print n + 0 }'
}

host_ticks() {
    echo $(($(ticks "$ha") + $(ticks "$devices") + $(ticks "$qemu" first)))
}

wakeups_of() { # PID
    cat "/proc/$1/task"/*/status | awk '/^voluntary_ctxt_switches/ { n += $2 } END { print n }'
}

# Rates of each of the ways into rate_WAY, in turn. The turns are short and many: the machine's speed
# changes.
race() { # AMOUNT OF_SSH WORD...
    local amount=$1 of_ssh=$2 rounds=$((rounds * 4)) way n i

    [[ $3 != connect ]] || rounds=$((rounds * 2)) # they are the shortest
    rate_ours=() rate_hostfwd=() rate_ssh=()
    for ((i = 0; i < rounds; i++)); do
        for way in "${ways[@]}"; do
            n=$amount
            [[ $way != ssh ]] || n=$of_ssh
            local -n rates=rate_$way
            rates+=("$(awk -v n="$n" -v s="$("$build/forward_bench" "${via[$way]}" "${@:3}" "$n")" 'BEGIN { print n / s }')")
            unset -n rates
        done
    done
}

verdicts() { # NAME UNIT LEAST_HOSTFWD LEAST_SSH
    local ours

    ours=$(most "${rate_ours[@]}")
    note "$1" "$(ratio "$ours" 1)" "$2"
    [[ -z ${rate_hostfwd[*]} ]] ||
        row_least "$1, times hostfwd" "$(ratio "$ours" "$(most "${rate_hostfwd[@]}")")" "$3" ''
    row_least "$1, times ssh -L" "$(ratio "$ours" "$(most "${rate_ssh[@]}")")" "$4" ''
}

forwards_begin
ha=$(<"$LIMA_HOME/f/ha.pid") devices=$(<"$LIMA_HOME/f/devices.pid") qemu=$(<"$LIMA_HOME/f/qemu.pid")
ways=(ours hostfwd ssh)
for streams in 1 8; do
    race $((24 + 8 * streams)) 8 send $streams
    verdicts "forward, guest to host, $streams stream(s)" MiB/s 1.5 3
    race $((24 + 8 * streams)) 8 take $streams
    verdicts "forward, host to guest, $streams stream(s)" MiB/s 1 3
done
race 100 100 connect 1
verdicts 'forward, connections one after the other' /s 0.3 2
ways=(ours ssh) # QEMU resets connections that come together
race 200 200 connect 8
verdicts 'forward, connections, eight at once' /s 0.3 2
for way in ours hostfwd ssh; do
    for what in send take; do
        mib=256
        [[ $way != ssh ]] || mib=32
        before_host=$(host_ticks) before_guest=$(ticks "$qemu" rest) before_ssh=$(ticks "$ssh_pid")
        "$build/forward_bench" "${via[$way]}" $what 1 $mib >/dev/null
        spent=$(($(host_ticks) - before_host + $(ticks "$ssh_pid") - before_ssh))
        note "$way, ${words[$what]} the guest: host CPU per GB" "$(ratio "$((spent * 1024))" "$((mib * 100))")" s
        note "$way, ${words[$what]} the guest: guest CPU per GB" \
            "$(ratio "$((($(ticks "$qemu" rest) - before_guest) * 1024))" "$((mib * 100))")" s
    done
done
kill "$ssh_pid"
wait "$ssh_pid" 2>/dev/null || true

peer $((port + 100)) 100
until answers $((port + 199)); do sleep 0.2; done
agent_switches() {
    "$limactl" shell --workdir / f sh -c 'grep -h ^voluntary "/proc/$(pidof lima-guestagent)/status"' | awk '{ print $2 }'
}
sleep 10
# The clock is set every five minutes: of two whiles, the quieter.
wakeups_ha=() wakeups_devices=() wakeups_agent=()
for ((i = 0; i < 2; i++)); do
    before_agent=$(agent_switches) before_ha=$(wakeups_of "$ha") before_devices=$(wakeups_of "$devices")
    sleep 30
    wakeups_ha+=($(($(wakeups_of "$ha") - before_ha)))
    wakeups_devices+=($(($(wakeups_of "$devices") - before_devices)))
    wakeups_agent+=($(($(agent_switches) - before_agent)))
done
row 'host agent, 100 idle ports: wake-ups in 10 s' "$(ratio "$(least "${wakeups_ha[@]}")" 3)" 1 ''
row 'devices, 100 idle ports: wake-ups in 10 s' "$(ratio "$(least "${wakeups_devices[@]}")" 3)" 1 ''
row 'guest agent, 100 idle ports: wake-ups in 30 s' "$(least "${wakeups_agent[@]}")" 0 ''
