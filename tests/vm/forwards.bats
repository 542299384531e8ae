# Port forwards of a real guest.
load lib

base=21000

@test "each rule, address family, protocol and direction does what it should" {
    start_micro f "$("$VM_TESTS/forward_matrix.py" rules $base)"
    run "$VM_TESTS/forward_matrix.py" run $base f "$PORT_TOOL"
    assert_status 0
    [[ $output =~ ^([0-9]+)\ cases,\ 0\ failed$ && ${BASH_REMATCH[1]} -ge 120 ]]
}

answers() { # PORT
    curl --silent --fail --max-time 5 "http://127.0.0.1:$1/" | grep -qx hello
}

is_closed() { # PORT
    ! (: <>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

@test "a web server of the guest is reached, and events tell of it" {
    guest f sh -c "mkdir -p /tmp/w && echo hello >/tmp/w/index.html &&
        busybox httpd -p 127.0.0.1:$((base + 800)) -h /tmp/w"
    eventually answers $((base + 800))
    grep -q "\"portForward\":{\"type\":\"forwarding\",\"protocol\":\"tcp\",\"guestAddr\":\"127.0.0.1:$((base + 800))\"" \
        "$LIMA_HOME/f/ha.stdout.log"
    [[ $(limactl port list f) == *default*tcp*"127.0.0.1:$((base + 800))"*open* ]]
}

@test "forwards come back after the host agent was killed" {
    kill -9 "$(pid_of f ha)"
    eventually is_closed $((base + 800))
    limactl start f 2>/dev/null
    eventually answers $((base + 800))
}

@test "forwards come back after the guest agent was killed" {
    guest f sudo sh -c 'pid=$(pidof lima-guestagent) && kill -9 $pid' || skip "the guest agent is init"
    eventually answers $((base + 800))
}

@test "a port that another instance has is named, and taken over when it is free" {
    local port=$((base + 800))

    start_micro g
    guest g sh -c "mkdir -p /tmp/w && echo hello >/tmp/w/index.html && busybox httpd -p 0.0.0.0:$port -h /tmp/w"
    eventually grep -q "is in use by the instance" "$LIMA_HOME/g/ha.stdout.log"
    grep -q 'in use by the instance \\"f\\"' "$LIMA_HOME/g/ha.stdout.log"
    limactl list --json g | grep -q 'in use by the instance'
    limactl stop f 2>/dev/null
    eventually answers $port
    [[ $(limactl list --json g) != *'in use by the instance'* ]]
}

@test "a stopped instance leaves no port and no socket behind" {
    limactl stop g 2>/dev/null
    is_closed $((base + 800))
    [[ -z $(ls "$LIMA_HOME"/f/sock "$LIMA_HOME"/g/sock 2>/dev/null | grep sock$) ]]
    limactl delete -f f g 2>/dev/null
}

# With its libraries: the guest has none of them.
iperf_server() { # INSTANCE PORT
    local dir=$BATS_TEST_TMPDIR/iperf

    mkdir "$dir"
    cp "$(command -v iperf3)" "$dir"
    ldd "$dir/iperf3" | awk '$2 == "=>" { print $3 }' | xargs cp -Lt "$dir"
    cp -L /lib64/ld-linux-x86-64.so.2 "$dir/ld.so"
    tar -C "$dir" -cf - . | guest "$1" sh -ec "mkdir /tmp/iperf; cd /tmp/iperf; tar -xf -
        setsid ./ld.so --library-path . ./iperf3 -s -p $2 </dev/null >/dev/null 2>&1 &"
}

# Between two clients the server does not listen for a moment.
iperf_moves() { # PORT OPTION...
    iperf3 --client 127.0.0.1 --port "$1" --time 1 --json "${@:2}" |
        jq -e '(.end.sum_received // .end.sum).bytes > 100000' >/dev/null
}

@test "iperf3 measures TCP and UDP, both ways" {
    local port=$((base + 810)) i

    start_micro i "portForwards: [{guestPort: $port, hostPort: $port, proto: any, static: true}]"
    iperf_server i $port
    for i in '' --reverse '--udp --bitrate 2M' '--udp --bitrate 2M --reverse'; do
        # shellcheck disable=SC2086 # options
        eventually iperf_moves $port $i
    done
    limactl delete -f i 2>/dev/null
}

@test "ssh forwards where it is asked to, and in plain mode" {
    local http="mkdir -p /tmp/w && echo hello >/tmp/w/index.html && busybox httpd -h /tmp/w -p"

    LIMA_SSH_PORT_FORWARDER=true start_micro s "portForwards: [{guestPort: 80, hostPort: $((base + 801))},
        {guestPort: 81, hostSocket: web.sock}]"
    guest s sudo sh -c "$http 127.0.0.1:80; $http 127.0.0.1:81; $http '[::1]:$((base + 802))'"
    eventually answers $((base + 801))
    eventually answers $((base + 802))
    eventually curl --silent --fail --unix-socket "$LIMA_HOME/s/sock/web.sock" http://x/
    limactl port list --json s | grep -q '"via":"ssh"'
    limactl stop s 2>/dev/null
    is_closed $((base + 801))
    [[ ! -e $LIMA_HOME/s/sock/web.sock ]]
    limactl delete -f s 2>/dev/null

    start_micro p 'plain: true' "portForwards: [{guestPort: 80, hostPort: $((base + 803)), static: true}]"
    guest p sudo sh -c "$http 127.0.0.1:80"
    eventually answers $((base + 803))
    limactl delete -f p 2>/dev/null
}

@test "ssh goes through vsock with ssh.overVsock" {
    start_micro v 'ssh: {overVsock: true}'
    assert_boots v
    [[ $(limactl port list v) == *ssh.overVsock* ]]
    [[ $(guest v sudo ip link set eth0 down && guest v echo alive) == alive ]]
    limactl delete -f v 2>/dev/null
}

@test "load and mishaps leave nothing behind and keep nothing away" {
    start_micro l
    run "$VM_TESTS/forward_load.py" l "$PORT_TOOL" "$STREAM_PEER" $((base + 2000)) small
    assert_status 0
    limactl delete -f l 2>/dev/null
}
