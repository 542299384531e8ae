# limactl start (reference: cli section 5.2) with a stand-in for the host agent.
load lib

@test "a new instance starts and is READY" {
    run --separate-stderr limactl start --tty=false "$(null_yaml x)"
    assert_status 0
    assert_output ''
    assert_log info 'Starting the instance `x` with internal VM driver `null`'
    assert_log info '[hostagent] serving x'
    assert_log info 'SSH Local Port: 60022'
    assert_log info "READY. Run \`ssh -F $LIMA_HOME/x/ssh.config lima-x\` to open the shell."
    [[ $(status_of x) == Running ]]
}

@test "the message of the template follows READY" {
    run --separate-stderr limactl start --tty=false "$(null_yaml x 'message: "hello"')"
    assert_status 0
    [[ $stderr == *'msg="Message from the instance `x`:"'*$'\nhello' ]]
}

@test "starting a running instance succeeds" {
    start x
    run --separate-stderr limactl start x
    assert_status 0
    assert_log info 'Using the existing instance `x`'
    assert_log info 'The instance `x` is already running. Run `limactl shell x` to open the shell.'
}

@test "debug is handed on to the host agent" {
    create x
    run --separate-stderr limactl --debug start x
    assert_status 0
    assert_log debug '[hostagent] debug line'
    tr '\0' ' ' <"/proc/$(<"$LIMA_HOME/x/ha.pid")/cmdline" | grep -q -- '--debug'
}

@test "the host agent's failure is an error" {
    create x
    FAKE_AGENT=die run --separate-stderr limactl start x
    assert_status 1
    assert_log error '[hostagent] no machine today'
    assert_log error 'no machine today'
    assert_fatal "exiting, status=exiting (hint: see \\\"$LIMA_HOME/x/ha.stderr.log\\\")"
    FAKE_AGENT=late run --separate-stderr limactl start x
    assert_status 1
    assert_log error '[hostagent] no machine today'
    FAKE_AGENT=crash run --separate-stderr limactl start x
    assert_status 1
    assert_fatal "host agent process has exited: exit status 3 (hint: see \\\"$LIMA_HOME/x/ha.stderr.log\\\")"
    assert_no_processes
    run --separate-stderr limactl start x
    assert_status 0
}

@test "a degraded instance is an error and keeps running" {
    create x
    FAKE_AGENT=degraded run --separate-stderr limactl start x
    assert_status 1
    assert_log error 'the guest agent is silent'
    [[ $stderr == *'level=warning msg="DEGRADED.'* ]]
    assert_fatal 'degraded, status=running'
    [[ $(status_of x) == Running ]]
}

is_running() {
    [[ $(status_of x) == Running ]]
}

@test "--timeout ends the wait, not the instance" {
    create x
    FAKE_AGENT=hang run --separate-stderr limactl start --timeout=1s x
    assert_status 1
    [[ $stderr == *'msg="did not receive an event with the `running` status (hint: see '* ]]
    eventually is_running # the host agent may still be about to start
    run --separate-stderr limactl start --timeout=5 x
    assert_fatal 'invalid argument \"5\" for \"--timeout\" flag: time: missing unit in duration \"5\"'
}

@test "--progress shows cloud-init and waits for its end" {
    create x
    run --separate-stderr limactl start --progress x
    assert_status 0
    assert_log info '[cloud-init] cloud-init is at work'
    assert_log info '[cloud-init] done'
}

@test "a second start waits for the first one" {
    create x
    export FAKE_AGENT_GO=$BATS_TEST_TMPDIR/go
    FAKE_AGENT=slow limactl start x 2>"$BATS_TEST_TMPDIR/first" &
    local first=$!
    eventually test -S "$LIMA_HOME/x/ha.sock"
    limactl start x 2>"$BATS_TEST_TMPDIR/second" &
    local second=$!
    eventually grep -q 'Another limactl is working on the instance' "$BATS_TEST_TMPDIR/second"
    touch "$FAKE_AGENT_GO"
    wait "$first"
    wait "$second"
    grep -q 'READY' "$BATS_TEST_TMPDIR/first"
    grep -q 'is already running' "$BATS_TEST_TMPDIR/second"
}

@test "a killed start does no harm: the next one joins the host agent" {
    create x
    export FAKE_AGENT_GO=$BATS_TEST_TMPDIR/go
    FAKE_AGENT=slow limactl start x 2>/dev/null &
    local first=$!
    eventually test -S "$LIMA_HOME/x/ha.sock"
    kill -9 "$first"
    wait "$first" || true
    limactl start x 2>"$BATS_TEST_TMPDIR/second" &
    local second=$!
    eventually grep -q 'is being started already, waiting for it' "$BATS_TEST_TMPDIR/second"
    touch "$FAKE_AGENT_GO"
    wait "$second"
    grep -q 'READY' "$BATS_TEST_TMPDIR/second"
    [[ $(status_of x) == Running ]]
    # One host agent and its machine.
    local found
    found=$(grep -lz -- "$LIMA_HOME/x/ha.pid" /proc/[0-9]*/cmdline 2>/dev/null || true)
    [[ $(wc -l <<<"$found") -eq 2 ]]
}

@test "a machine that lost its host agent is adopted" {
    start x
    local machine
    machine=$(<"$LIMA_HOME/x/null.pid")
    kill -9 "$(<"$LIMA_HOME/x/ha.pid")"
    eventually broken x
    run --separate-stderr limactl start x
    assert_status 0
    assert_log info "[hostagent] adopted $machine"
    [[ $(<"$LIMA_HOME/x/null.pid") == "$machine" && $(status_of x) == Running ]]
}

broken() {
    [[ $(status_of "$1") == Broken ]]
}

@test "stale pid files and sockets do not matter" {
    create x
    echo 999999 | tee "$LIMA_HOME/x/ha.pid" "$LIMA_HOME/x/null.pid" >/dev/null
    : >"$LIMA_HOME/x/ha.sock"
    [[ $(status_of x) == Stopped ]]
    run --separate-stderr limactl start x
    assert_status 0
}

@test "an instance with a bad configuration is not started" {
    create x
    echo 'cpus: [' >>"$LIMA_HOME/x/lima.yaml"
    run --separate-stderr limactl start x
    assert_status 1
    [[ $stderr == *"$LIMA_HOME/x/lima.yaml"* && ! -e $LIMA_HOME/x/ha.pid ]]
}

@test "the instance is gone without a trace after stop and delete" {
    start x
    limactl stop x 2>/dev/null
    limactl delete x 2>/dev/null
    assert_no_processes
    [[ -z $(find "$LIMA_HOME" -mindepth 1 -maxdepth 1 ! -name _config) ]]
}

@test "--foreground becomes the host agent" {
    create x
    limactl start --foreground x </dev/null 2>/dev/null &
    local pid=$!
    eventually test -S "$LIMA_HOME/x/ha.sock"
    [[ $(<"$LIMA_HOME/x/ha.pid") == "$pid" ]]
    eventually grep -q running "$LIMA_HOME/x/ha.stdout.log"
    kill -INT "$pid"
    wait "$pid"
    [[ $(status_of x) == Stopped ]]
}
