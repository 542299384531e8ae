# template:debian-local: built here, booted directly, the guest agent as its first program.
load lib

# Of mounts of one device `df` shows that with the shortest path alone.
LONG_POINT=/srv/a/rather/long/path/longer/than/any/of/ours/that/are/hidden

setup_file() {
    setup_vm
    sed 's/^cpus:.*//' "$REAL_PREFIX/share/lima/templates/debian-local.yaml" >"$HOME/d.yaml"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=trusted \
        -keyout /dev/null -out "$HOME/authority.pem" 2>/dev/null
    echo "caCerts: {files: [$HOME/authority.pem]}" >>"$HOME/d.yaml"
    limactl disk create data --size 64MiB
    limactl disk create scratch --size 64MiB
    cat >>"$HOME/d.yaml" <<'TEXT'
disk: 6GiB
additionalDisks: [{name: data}, {name: scratch, fsType: swap}]
timezone: Asia/Tokyo
env: {GREETING: "hello you"}
user: {comment: "A Person"}
provision:
- {mode: system, script: "#!/bin/sh\necho system >>/var/log/ran"}
- {mode: user, script: "#!/bin/sh\nid -un >>~/ran-user"}
- {mode: dependency, script: "#!/bin/sh\necho dependency >>/var/log/ran"}
- {mode: boot, script: "#!/bin/sh\necho boot >>/var/log/ran"}
- {mode: data, path: /etc/made, content: "of {{.Name}}\n", permissions: "640"}
TEXT
    mkdir "$HOME/one" "$HOME/two"
    printf '%s\n' 'mounts:' "- {location: $HOME/one, mountPoint: $LONG_POINT/one, writable: true}" \
        "- {location: $HOME/two, mountPoint: $LONG_POINT/two}" >>"$HOME/d.yaml"
    limactl start --tty=false --timeout=6m --name=d "$HOME/d.yaml" >"$HOME/d.log" 2>&1 || {
        cat "$HOME/d.log"
        show_logs
        return 1
    }
}

@test "df shows the host's folders, to everybody" {
    run guest d df --output=target -t virtiofs
    assert_output "$(printf '%s\n' 'Mounted on' "$LONG_POINT"/{one,two})"
    run guest d sudo df --output=target -t virtiofs
    assert_output "$(printf '%s\n' 'Mounted on' "$LONG_POINT"/{one,two})"
}

@test "systemd runs, no unit has failed, what Debian has is there" {
    eventually is_running
    run guest d systemctl --failed --no-legend
    assert_output ''
    run guest d systemctl is-active systemd-journald systemd-resolved systemd-logind ssh
    assert_output $'active\nactive\nactive\nactive'
    guest d sh -c 'command -v apt-get sudo ip'
}

@test "the guest agent weighs against the slices, not inside of one" {
    [[ $(guest d sh -c 'cat "/proc/$(pidof lima-guestagent)/cgroup"') == 0::/lima-guestagent.service ]]
    [[ $(guest d cat /sys/fs/cgroup/lima-guestagent.service/cpu.weight) == 1000 ]]
}

is_running() {
    [[ $(guest d systemctl is-system-running) == running ]]
}

@test "user, names, time zone, environment and network are as configured" {
    local name

    name=$(field d Config.User.Name)
    [[ $(guest d getent passwd "$name") == "$name:"*":A Person:/home/$name.guest:/bin/bash" ]]
    [[ $(guest d sudo id -u) == 0 && $(guest d hostname) == lima-d ]]
    [[ $(guest d date +%Z) == JST ]]
    [[ $(guest d sh -c 'echo "$GREETING"') == 'hello you' ]]
    [[ $(COLORTERM=truecolor guest d sh -c 'echo "$COLORTERM"') == truecolor ]]
    guest d ip -4 -br address show eth0 | grep -q 192.168.5.15
    guest d getent hosts host.lima.internal
    [[ $(guest d df -k --output=size / | tail -n 1) -gt 5000000 ]]
}

@test "additional disks are formatted and mounted" {
    [[ $(guest d findmnt -no FSTYPE,LABEL /mnt/lima-data) == ext4*lima-data ]]
    [[ $(guest d swapon --noheadings --show=NAME) == /dev/vdc1 ]]
    guest d sudo sh -c 'echo kept >/mnt/lima-data/file; sync'
    [[ $(limactl disk list data) == *'  d' ]]
}

@test "an authority of the configuration is trusted" {
    guest d grep -qxF "$(sed -n 2p "$HOME/authority.pem")" /etc/ssl/certs/ca-certificates.crt
}

@test "provision scripts ran once, and again at the next boot" {
    [[ $(guest d cat /var/log/ran | xargs) == 'boot dependency system' ]]
    [[ $(guest d sh -c 'cat ~/ran-user') == "$(field d Config.User.Name)" ]]
    [[ $(guest d sudo cat /etc/made) == 'of d' ]]
    limactl restart d
    [[ $(guest d grep -c system /var/log/ran) == 2 ]]
    [[ $(guest d sh -c 'wc -l <~/ran-user') == 2 ]]
}

# What container engines do to publish a port: a rule, and a listener in a network namespace.
publish() { # IPTABLES NAME NETWORK PORT
    guest d sudo sh -e -c "
        ip netns add $2 && ip link add v$2 type veth peer name eth0 netns $2
        ip addr add $3.1/24 dev v$2 && ip link set v$2 up
        ip -n $2 addr add $3.2/24 dev eth0 && ip -n $2 link set eth0 up
        ip -n $2 link set lo up && ip -n $2 route add default via $3.1
        sysctl -qw net.ipv4.ip_forward=1
        mkfifo /tmp/$2 && { ip netns exec $2 /tmp/port_tool </tmp/$2 >/dev/null 2>&1 & }
        exec 3>/tmp/$2 && echo listen tcp 0.0.0.0 80 >&3 && { setsid sleep 600 </dev/null >/dev/null 2>&1 & }
        $1 -t nat -N $2
        $1 -t nat -A PREROUTING -m addrtype --dst-type LOCAL -j $2
        $1 -t nat -A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j $2
        $1 -t nat -A $2 ! -i v$2 -p tcp --dport $4 -j DNAT --to-destination $3.2:80"
}

is_published() { # PORT
    [[ $(python3 -c 'import socket, sys
sock = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 5)
sock.shutdown(socket.SHUT_WR)
print(sock.recv(100).decode())' "$1" 2>/dev/null) == "tcp 80 " ]]
}

@test "ports that container engines publish are forwarded" {
    guest d sh -c 'cat >/tmp/port_tool && chmod 755 /tmp/port_tool' <"$PORT_TOOL"
    publish iptables-legacy a 172.30.1 26080
    eventually is_published 26080
    publish iptables-nft b 172.30.2 26081
    eventually is_published 26081
    [[ $(limactl port list d) == *0.0.0.0:26080*0.0.0.0:26081* ]]
    guest d sudo iptables-legacy -t nat -F a
    guest d sudo iptables-nft -t nat -F b
    eventually eval '[[ $(limactl port list d) != *:2608[01]* ]]'
}

@test "a folder comes by reverse-sshfs where the others come another way" {
    mkdir "$HOME/hot"
    limactl mount add d "$HOME/hot" /mnt/hot --type reverse-sshfs --writable
    guest d sh -c 'echo hot >/mnt/hot/x; sudo cat /mnt/hot/x'
    [[ $(cat "$HOME/hot/x") == hot ]]
    limactl mount remove d /mnt/hot
    run limactl mount add d "$HOME/hot" /mnt/hot --type 9p
    [[ $status -ne 0 && $output == *'has no 9p'*mountType* ]]
}

# Linux before 5.2, as it looks to the guest agent.
@test "where a mount cannot be handed from one namespace to another the folders are mounted all the same" {
    local name agent=(sudo systemd-run --quiet --wait --pipe -p 'SystemCallFilter=~open_tree'
        -p SystemCallErrorNumber=ENOSYS)

    name=$(guest d awk -v point=$LONG_POINT/one '$5 == point { print substr($4, 2) }' /proc/self/mountinfo)
    agent+=("$(guest d sh -c 'sudo readlink "/proc/$(pidof lima-guestagent | cut -d" " -f1)/exe"')")
    guest d sudo umount $LONG_POINT/{one,two} /run/lima-mounts/namespace/mnt
    guest d "${agent[@]}" mount --name "$name" --mount-point $LONG_POINT/one
    [[ $(guest d cat /proc/mounts) == *' /run/lima-mounts/all virtiofs '* ]]
    guest d touch $LONG_POINT/one/file
    [[ -e $HOME/one/file ]]
    run guest d ls /run/lima-mounts/all
    [[ $output == *'Permission denied'* ]]
    guest d "${agent[@]}" unmount --name "$name" --mount-point $LONG_POINT/one
    [[ -z $(guest d ls $LONG_POINT/one) ]]
}

@test "the clock is right again after the guest stood still" {
    local qemu drift

    qemu=$(pid_of d qemu)
    kill -STOP "$qemu"
    read -rt 20 <> <(:) || true
    kill -CONT "$qemu"
    eventually clock_is_right
}

clock_is_right() {
    local drift

    drift=$(($(guest d date +%s) - $(date +%s)))
    [[ ${drift#-} -le 1 ]]
}

@test "after stop and kill file systems are clean, and a disk can have grown" {
    limactl stop --force d
    limactl disk resize data --size 256MiB
    limactl start --tty=false d
    run guest d sudo dmesg
    [[ $output != *'EXT4-fs error'* ]]
    [[ $(guest d cat /mnt/lima-data/file) == kept ]]
    [[ $(guest d df -k --output=size /mnt/lima-data | tail -n 1) -gt 200000 ]]
    [[ $(guest d swapon --noheadings --show=NAME) == /dev/vdc1 ]]
    limactl delete --force d
}
