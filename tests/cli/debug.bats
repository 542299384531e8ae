# limactl debug dns: the DNS server by itself.
load lib

teardown() {
    [[ -z ${dns_pid-} ]] || kill "$dns_pid"
    teardown_cli
}

# Sets dns_pid, udp_port and tcp_port.
serve() { # ARGUMENT...
    : >"$BATS_TEST_TMPDIR/log"
    limactl debug dns "$@" 2>"$BATS_TEST_TMPDIR/log" 3>&- &
    dns_pid=$!
    until grep -q 'TCP port' "$BATS_TEST_TMPDIR/log"; do
        kill -0 "$dns_pid" || fail "it has ended: $(<"$BATS_TEST_TMPDIR/log")"
        sleep 0.05
    done
    [[ $(<"$BATS_TEST_TMPDIR/log") =~ UDP\ port\ ([0-9]+),\ TCP\ port\ ([0-9]+) ]]
    udp_port=${BASH_REMATCH[1]} tcp_port=${BASH_REMATCH[2]}
}

# Prints the answer in hexadecimal, from its flags on.
ask() { # udp|tcp PORT TYPE NAME
    python3 - "$@" <<'END'
import socket, struct, sys
kind, port, number, name = sys.argv[1:]
labels = b"".join(bytes([len(word)]) + word.encode() for word in name.split("."))
query = struct.pack(">6H", 7, 0x100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">2H", int(number), 1)
with socket.socket(type=socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM) as sock:
    sock.settimeout(20)
    sock.connect(("127.0.0.1", int(port)))
    if kind == "udp":
        sock.send(query)
        answer = sock.recv(65535)
    else:
        sock.sendall(struct.pack(">H", len(query)) + query)
        sock.shutdown(socket.SHUT_WR)
        stream = b"".join(iter(lambda: sock.recv(65535), b""))
        assert len(stream) == 2 + struct.unpack(">H", stream[:2])[0], stream
        answer = stream[2:]
assert answer[:2] == query[:2], answer
print(answer[2:].hex())
END
}

@test "addresses of the host's hosts file are answered over UDP and TCP" {
    serve 0 0
    for kind in udp tcp; do
        port=${kind}_port
        run --separate-stderr ask "$kind" "${!port}" 1 localhost
        assert_status 0
        [[ $output == *00047f000001* ]] || fail "$kind: $output" # an address of four bytes
    done
    kill -0 "$dns_pid"
}

@test "IPv6 addresses are answered when they are wanted" {
    serve 0
    run --separate-stderr ask udp "$udp_port" 28 ip6-localhost
    [[ $output != *001000000000000000000000000000000001* ]]
    kill "$dns_pid"
    wait "$dns_pid" || true
    serve 0 --ipv6
    run --separate-stderr ask udp "$udp_port" 28 ip6-localhost
    if grep -Eq '^::1.*ip6-localhost' /etc/hosts; then
        [[ $output == *001000000000000000000000000000000001* ]] || fail "$output"
    fi
}

@test "it ends by a signal, and with status 0" {
    serve 0
    kill -INT "$dns_pid"
    wait "$dns_pid"
    dns_pid=
}

@test "ports are checked" {
    serve 0
    run --separate-stderr limactl debug dns "$udp_port"
    assert_status 1
    [[ $stderr == *"cannot bind UDP port $udp_port"* ]]
    run --separate-stderr limactl debug dns 70000
    assert_status 1
    assert_fatal 'invalid port: \"70000\"'
    run --separate-stderr limactl debug dns
    assert_status 1
}

@test "it is hidden" {
    [[ $(limactl --help | grep -c '^  debug') -eq 0 ]]
    run limactl debug dns --help
    assert_status 0
    [[ $output == *'UDPPORT [TCPPORT]'* ]]
}
