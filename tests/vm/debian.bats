# template:debian-local: built here, booted directly, the guest agent as its first program.
load lib

setup_file() {
    setup_vm
    sed 's/^cpus:.*//' "$REAL_PREFIX/share/lima/templates/debian-local.yaml" >"$HOME/d.yaml"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=trusted \
        -keyout /dev/null -out "$HOME/authority.pem" 2>/dev/null
    echo "caCerts: {files: [$HOME/authority.pem]}" >>"$HOME/d.yaml"
    cat >>"$HOME/d.yaml" <<'TEXT'
disk: 6GiB
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
    limactl start --tty=false --timeout=6m --name=d "$HOME/d.yaml" >"$HOME/d.log" 2>&1 || {
        cat "$HOME/d.log"
        show_logs
        return 1
    }
}

@test "systemd runs, no unit has failed, what Debian has is there" {
    eventually is_running
    run guest d systemctl --failed --no-legend
    assert_output ''
    run guest d systemctl is-active systemd-journald systemd-resolved systemd-logind ssh
    assert_output $'active\nactive\nactive\nactive'
    guest d sh -c 'command -v apt-get sudo ip'
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
    guest d ip -4 -br address show eth0 | grep -q 192.168.5.15
    guest d getent hosts host.lima.internal
    [[ $(guest d df -k --output=size / | tail -n 1) -gt 5000000 ]]
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

@test "the file system is clean after stop and kill" {
    limactl stop --force d
    limactl start --tty=false d
    run guest d sudo dmesg
    [[ $output != *'EXT4-fs error'* ]]
    limactl delete --force d
}
