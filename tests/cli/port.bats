# limactl port list: what host agents tell of their forwards.
load lib

ports='{"ports": [
  {"rule": "portForwards[0]", "direction": "host-to-guest", "protocol": "tcp", "guestAddr": "[::1]:80",
   "hostProtocol": "tcp", "hostAddr": "127.0.0.1:8080", "via": "vsock", "state": "open",
   "connections": 2, "totalConnections": 9, "bytesToGuest": 2048, "bytesFromGuest": 0},
  {"rule": "portForwards[1]", "direction": "guest-to-host", "protocol": "unix", "guestAddr": "/run/x.sock",
   "hostProtocol": "unix", "hostAddr": "/tmp/x.sock", "via": "vsock", "state": "blocked", "error": "it is taken"},
  {"rule": "ssh", "direction": "host-to-guest", "protocol": "tcp", "guestAddr": "0.0.0.0:22\u001b[31m",
   "state": "not-forwarded"}]}'

row() { # NUMBER
    tr -s ' ' <<<"${lines[$1]}"
}

@test "a table has both ends, the state and what went through" {
    FAKE_AGENT_PORTS=$ports start x
    run --separate-stderr limactl port list
    assert_status 0
    [[ ${#lines[@]} -eq 4 ]]
    [[ $(row 0) == 'INSTANCE RULE PROTO GUEST HOST STATE CONNS TO GUEST FROM GUEST' ]]
    [[ $(row 1) == 'x portForwards[0] tcp [::1]:80 127.0.0.1:8080 open 2 2KiB 0B' ]]
    [[ $(row 2) == 'x portForwards[1] unix /run/x.sock (listens) /tmp/x.sock it is taken - - -' ]]
    [[ $(row 3) == 'x ssh tcp 0.0.0.0:22\x1b[31m - not-forwarded - - -' ]]
}

@test "JSON is a line for each forward, with the instance" {
    FAKE_AGENT_PORTS=$ports start x
    FAKE_AGENT_PORTS=$ports start y
    run --separate-stderr limactl port ls x --json
    assert_status 0
    [[ ${#lines[@]} -eq 3 ]]
    [[ ${lines[0]} == '{"instance":"x","rule":"portForwards[0]","direction":"host-to-guest",'* ]]
    run --separate-stderr limactl port list --json
    [[ ${#lines[@]} -eq 6 && ${lines[5]} == '{"instance":"y"'* ]]
}

@test "instances that do not run are left out, or are an error when they are named" {
    create x
    run --separate-stderr limactl port list
    assert_status 0
    [[ ${#lines[@]} -eq 1 ]]
    run --separate-stderr limactl port list x
    assert_status 1
    assert_fatal 'instance \"x\" is not running'
    run --separate-stderr limactl port list nothing
    assert_status 1
}

@test "a host agent that does not know the question is named" {
    FAKE_AGENT=old start x
    run --separate-stderr limactl port list x
    assert_status 1
    assert_fatal 'asking for the ports of instance \"x\": the host agent is of an older version'
}

@test "what a host agent cannot forward is among the errors of list" {
    FAKE_AGENT_INFO='{"sshLocalPort": 60022, "errors": ["port forward: 127.0.0.1:80 is taken"]}' start x
    run --separate-stderr limactl list --json x
    assert_status 0
    [[ $output == *'"errors":["port forward: 127.0.0.1:80 is taken"]'* ]]
    [[ $(status_of x) == Running ]]
    run --separate-stderr limactl start x
    assert_status 0
}
