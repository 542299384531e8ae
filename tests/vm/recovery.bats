# Processes killed at the worst moment, two commands at once, and what a crash of the host leaves.
load lib

setup_file() {
    setup_vm
    start_micro r
}

@test "a killed host agent is replaced, the guest goes on" {
    local qemu ha before

    qemu=$(pid_of r qemu)
    ha=$(pid_of r ha)
    before=$(boot_id r)
    kill -9 "$ha"
    eventually is_gone "$ha"
    run --separate-stderr limactl start --tty=false r
    assert_status 0
    [[ $(field r Status) == Running ]]
    [[ $(pid_of r qemu) == "$qemu" && $(pid_of r ha) != "$ha" ]]
    [[ $(boot_id r) == "$before" ]]
}

@test "stop ends a guest whose host agent was killed" {
    local qemu

    qemu=$(pid_of r qemu)
    kill -9 "$(pid_of r ha)"
    limactl stop --force r
    eventually is_gone "$qemu"
    limactl start --tty=false r
    assert_boots r
}

@test "a killed QEMU is noticed, the next start works" {
    local ha

    ha=$(pid_of r ha)
    kill -9 "$(pid_of r qemu)"
    eventually is_gone "$ha"
    [[ $(field r Status) == Stopped ]]
    limactl start --tty=false r
    assert_boots r
}

@test "killed devices are replaced while the guest runs" {
    local devices boot

    devices=$(pid_of r devices)
    boot=$(boot_id r)
    kill -9 "$devices"
    eventually grep -q 'The guest has its devices again' "$LIMA_HOME/r/ha.stderr.log"
    [[ $(pid_of r devices) != "$devices" && -e /proc/$(pid_of r devices) ]]
    eventually has_greeted_again
    [[ $(boot_id r) == "$boot" ]]
    # Both die at once: the next host agent replaces the devices.
    devices=$(pid_of r devices)
    kill -9 "$(pid_of r ha)" "$devices"
    eventually is_gone "$devices"
    limactl start --tty=false r
    eventually grep -q 'The guest has its devices again' "$LIMA_HOME/r/ha.stderr.log"
    eventually has_greeted_again
    [[ $(boot_id r) == "$boot" ]]
}

has_greeted_again() {
    sed -n '/has its link again/,$p' "$LIMA_HOME/r/ha.stderr.log" | grep -q '\[guest\] hello'
}

@test "after a crash of the host stale files are no hindrance" {
    local pids pid

    pids="$(pid_of r ha) $(pid_of r qemu) $(pid_of r devices)"
    # shellcheck disable=SC2086 # three words
    kill -9 $pids
    for pid in $pids; do
        eventually is_gone "$pid"
    done
    # The ids belong to someone else now, who is younger than the files.
    sleep 1000 3>&- &
    pid=$!
    echo "$pid" | tee "$LIMA_HOME/r/ha.pid" >"$LIMA_HOME/r/qemu.pid"
    touch -d '1 hour ago' "$LIMA_HOME"/r/{ha,qemu}.pid
    [[ $(field r Status) != Running ]]
    limactl start --tty=false r
    assert_boots r
    [[ $(field r Status) == Running ]]
    kill "$pid"
}

@test "limactl start, killed while it waits, is taken up by the next" {
    local qemu first

    limactl stop r
    limactl start --tty=false r 2>/dev/null &
    first=$!
    eventually test -e "$LIMA_HOME/r/qemu.pid"
    kill -9 "$first"
    qemu=$(pid_of r qemu)
    limactl start --tty=false r
    [[ $(pid_of r qemu) == "$qemu" ]]
    assert_boots r
}

@test "limactl start, killed before the host agent runs, leaves nothing in the way" {
    local first

    limactl stop r
    limactl start --tty=false r 2>/dev/null &
    first=$!
    kill -9 "$first"
    wait "$first" || true
    limactl start --tty=false r
    assert_boots r
}

@test "of two starts at once both end well, with one guest" {
    local first second

    limactl stop r
    limactl start --tty=false r 2>"$HOME/first" &
    first=$!
    limactl start --tty=false r 2>"$HOME/second" &
    second=$!
    wait "$first"
    wait "$second"
    assert_boots r
    [[ $(grep -lz -- "$LIMA_HOME/r/qemu[.]pid" /proc/[0-9]*/cmdline 2>/dev/null | wc -l) -eq 1 ]]
}

@test "Ctrl-C while it waits stops the command, not more" {
    local first

    limactl stop r
    limactl start --tty=false r 2>"$HOME/interrupted" &
    first=$!
    eventually test -e "$LIMA_HOME/r/qemu.pid"
    kill -INT "$first"
    run wait "$first"
    limactl start --tty=false r
    assert_boots r
}

@test "a guest that is never ready runs into --timeout" {
    run --separate-stderr limactl start --tty=false --timeout=20s --name=never "$(micro_yaml never \
        'probes: [{script: "#!/bin/sh\nexit 1", description: "never true"}]')"
    assert_status 1
    [[ $stderr == *'did not receive an event with the `running` status'* ]]
    limactl stop --force never
    limactl delete never
}

@test "QEMU that exits at once is reported with what it said" {
    cat >"$HOME/qemu" <<'TEXT'
#!/bin/sh
case $* in *'-name lima-'*) echo broken hardware >&2; exit 3 ;; esac
exec qemu-system-x86_64 "$@"
TEXT
    chmod +x "$HOME/qemu"
    QEMU_SYSTEM_X86_64=$HOME/qemu run --separate-stderr limactl start --tty=false --name=dead "$(micro_yaml dead)"
    assert_status 1
    [[ $stderr == *'broken hardware'* ]]
    [[ $(field dead Status) == Stopped ]]
    limactl delete dead
}

@test "without QEMU it says which package to install" {
    QEMU_SYSTEM_X86_64=$HOME/nosuch run --separate-stderr limactl start --tty=false --name=noqemu "$(micro_yaml noqemu)"
    assert_status 1
    [[ $stderr == *nosuch* ]]
    [[ ! -e $LIMA_HOME/noqemu/disk ]]
    limactl delete --force noqemu
}

@test "delete --force removes a running instance" {
    local pids pid

    pids="$(pid_of r ha) $(pid_of r qemu) $(pid_of r devices)"
    limactl delete --force r
    for pid in $pids; do
        eventually is_gone "$pid"
    done
    [[ ! -e $LIMA_HOME/r ]]
    assert_no_processes
}
