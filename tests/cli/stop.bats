# limactl stop and restart (reference: cli sections 5.3, 5.4).
load lib

@test "a running instance stops" {
    start x
    run --separate-stderr limactl stop x
    assert_status 0
    assert_output ''
    [[ $stderr == *'msg="Sending SIGINT to hostagent process '* ]]
    [[ $(status_of x) == Stopped ]]
    assert_no_processes
}

@test "a stopped instance cannot be stopped" {
    create x
    run --separate-stderr limactl stop x
    assert_status 1
    assert_fatal 'expected status `Running`, got `Stopped` (maybe use `limactl stop -f`?)'
}

@test "an unknown instance is an error" {
    run --separate-stderr limactl stop
    assert_status 1
    assert_fatal "open $LIMA_HOME/default/lima.yaml: no such file or directory"
}

@test "force kills, cleans up and never fails" {
    start x
    run --separate-stderr limactl stop -f x
    assert_status 0
    [[ $stderr == *'msg="Sending SIGKILL to the null driver process '* ]]
    assert_no_processes
    [[ -z $(find "$LIMA_HOME/x" -name '*.pid' -o -name '*.sock') && $(status_of x) == Stopped ]]
    run --separate-stderr limactl stop --force x
    assert_status 0
}

@test "force ends a machine without a host agent" {
    start x
    kill -9 "$(<"$LIMA_HOME/x/ha.pid")"
    run --separate-stderr limactl stop -f x
    assert_status 0
    assert_no_processes
}

@test "restart stops and starts" {
    start x
    local before
    before=$(<"$LIMA_HOME/x/ha.pid")
    run --separate-stderr limactl restart x
    assert_status 0
    [[ $(status_of x) == Running && $(<"$LIMA_HOME/x/ha.pid") != "$before" ]]
    run --separate-stderr limactl restart -f x
    assert_status 0
    [[ $(status_of x) == Running ]]
}

@test "restart of a stopped instance warns and starts" {
    create x
    run --separate-stderr limactl restart x
    assert_status 0
    assert_log warning 'expected status `Running`, got `Stopped`'
    [[ $(status_of x) == Running ]]
}
