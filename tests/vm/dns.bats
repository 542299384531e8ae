# The name server of a real guest; the host's name servers are played by name_server.py.
load lib

setup_file() {
    setup_vm
    start_name_server office <<'TEXT'
www.example.test A 10.9.0.1
www.example.test AAAA 2001:db8::1
www.example.test MX 10 mail.example.test
www.example.test NS ns.example.test
www.example.test TXT hello world
www.example.test TYPE65300 01020304
alias.example.test CNAME www.example.test
_web._tcp.example.test SRV 1 2 80 www.example.test
1.0.9.10.in-addr.arpa PTR www.example.test
db.office.test A 10.9.0.2
TEXT
    start_name_server vpn < <(
        echo 'www.example.test A 172.16.0.1'
        for i in {1..60}; do echo "many.example.test A 10.8.0.$i"; done
    )
    use_name_server office 'search office.test'
    export CLIMA_RESOLV_CONF=$HOME/resolv.conf
    start_micro n 'hostResolver: {ipv6: true, hosts: {db.test: 10.7.0.1, web.test: www.example.test}}'
    guest n sh -c 'cat >/tmp/dns_tool && chmod +x /tmp/dns_tool' <"$DNS_TOOL"
}

teardown_file() {
    local file

    for file in "$HOME"/*.ns.pid; do
        kill "$(<"$file")"
    done
    teardown_cli
}

start_name_server() { # NAME, its zone on standard input
    cat >"$HOME/$1.zone"
    "$VM_TESTS/name_server.py" "$HOME/$1.zone" "$HOME/$1.port" 3>&- &
    echo $! >"$HOME/$1.ns.pid"
    eventually test -e "$HOME/$1.port"
}

# Makes it the host's, as a program that replaces resolv.conf does.
use_name_server() { # NAME [LINE]
    printf '%s\n' "nameserver [127.0.0.1]:$(<"$HOME/$1.port")" "${@:2}" >"$HOME/resolv.conf.new"
    mv "$HOME/resolv.conf.new" "$HOME/resolv.conf"
}

ask() { # udp|tcp NAME TYPE [SIZE]
    guest n /tmp/dns_tool "$1" 192.168.5.3 "${@:2}"
}

# Over UDP and over TCP.
expect() { # NAME TYPE LINE...
    local proto

    for proto in udp tcp; do
        run ask $proto "$1" "$2"
        assert_status 0
        assert_output "$(printf '%s\n' "${@:3}")"
    done
}

@test "programs of the guest resolve names without being told how" {
    [[ $(guest n cat /etc/resolv.conf) == *'nameserver 192.168.5.3'* ]]
    [[ $(guest n nslookup www.example.test) == *'Address: 10.9.0.1'* ]]
    [[ $(guest n nslookup host.lima.internal 192.168.5.3) == *'Address: 192.168.5.2'* ]]
    guest n sudo ping -c 1 -W 5 host.lima.internal
}

@test "every type of record comes from the host's name server" {
    expect www.example.test 1 'rcode 0 1' 'www.example.test. 1M IN A 10.9.0.1'
    expect www.example.test 28 'rcode 0 1' 'www.example.test. 1M IN AAAA 2001:db8::1'
    expect alias.example.test 5 'rcode 0 1' 'alias.example.test. 1M IN CNAME www.example.test.'
    expect www.example.test 15 'rcode 0 1' 'www.example.test. 1M IN MX 10 mail.example.test.'
    expect www.example.test 2 'rcode 0 1' 'www.example.test. 1M IN NS ns.example.test.'
    expect _web._tcp.example.test 33 'rcode 0 1' '_web._tcp.example.test. 1M IN SRV 1 2 80 www.example.test.'
    expect www.example.test 16 'rcode 0 1' 'www.example.test. 1M IN TXT "hello" "world"'
    expect 1.0.9.10.in-addr.arpa 12 'rcode 0 1' '1.0.9.10.in-addr.arpa. 1M IN PTR www.example.test.'
    [[ $(ask udp www.example.test 65300) == 'rcode 0 1'*65300* ]]
    expect nothing.example.test 1 'rcode 3 0'
}

@test "names of the configuration and of the instance are known" {
    expect db.test 1 'rcode 0 1' 'db.test. 5S IN A 10.7.0.1'
    expect DB.Test 1 'rcode 0 1' 'DB.Test. 5S IN A 10.7.0.1'
    expect web.test 1 'rcode 0 2' 'web.test. 5S IN CNAME www.example.test.' \
        'www.example.test. 1M IN A 10.9.0.1'
    expect host.lima.internal 1 'rcode 0 1' 'host.lima.internal. 5S IN A 192.168.5.2'
    expect lima-n 1 'rcode 0 1' 'lima-n. 5S IN A 192.168.5.15'
    expect lima-n.internal 1 'rcode 0 1' 'lima-n.internal. 5S IN A 192.168.5.15'
    expect 2.5.168.192.in-addr.arpa 12 'rcode 0 1' '2.5.168.192.in-addr.arpa. 5S IN PTR host.lima.internal.'
}

@test "search domains are those of the host" {
    expect db 1 'rcode 0 2' 'db. 5S IN CNAME db.office.test.' 'db.office.test. 1M IN A 10.9.0.2'
}

@test "a resolver that changes while the guest runs is followed" {
    use_name_server vpn
    expect www.example.test 1 'rcode 0 1' 'www.example.test. 1M IN A 172.16.0.1'
    expect db 1 'rcode 3 0'
    use_name_server office 'search office.test'
    expect www.example.test 1 'rcode 0 1' 'www.example.test. 1M IN A 10.9.0.1'
}

@test "a long answer is whole over TCP, and cut for those who cannot take it" {
    use_name_server vpn
    [[ $(ask tcp many.example.test 1 | wc -l) -eq 61 ]]
    [[ $(ask tcp many.example.test 1 | tail -n 1) == *' A 10.8.0.60' ]]
    [[ $(ask udp many.example.test 1 | head -n 1) == 'rcode 0 tc '* ]]
    [[ $(ask udp many.example.test 1 4096 | wc -l) -eq 61 ]]
    use_name_server office 'search office.test'
}

@test "many ask at once" {
    guest n sh -c 'for i in $(seq 100); do /tmp/dns_tool udp 192.168.5.3 www.example.test 1 & done; wait' >"$HOME/many"
    [[ $(grep -c '10.9.0.1$' "$HOME/many") -eq 100 ]]
}

@test "it answers again after the host agent was killed" {
    kill -9 "$(pid_of n ha)"
    limactl start n 2>/dev/null
    eventually is_answered
}

is_answered() {
    [[ $(ask tcp db.test 1) == *' A 10.7.0.1' ]]
}

@test "hostResolver.ipv6 and hostResolver.enabled are heeded" {
    limactl stop n 2>/dev/null
    limactl edit --tty=false --set '.hostResolver.ipv6 = false' n
    limactl start --tty=false n 2>/dev/null
    guest n sh -c 'cat >/tmp/dns_tool && chmod +x /tmp/dns_tool' <"$DNS_TOOL"
    expect www.example.test 28 'rcode 0 0'
    expect www.example.test 1 'rcode 0 1' 'www.example.test. 1M IN A 10.9.0.1'

    limactl stop n 2>/dev/null
    limactl edit --tty=false --set '.hostResolver.enabled = false' n
    limactl start --tty=false n 2>/dev/null
    [[ $(guest n ip addr show eth0) != *192.168.5.3* ]]
    limactl delete -f n 2>/dev/null
}
