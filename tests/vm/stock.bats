# An image as distributions publish them: GPT, EFI system partition, boot loader, cloud-init.
load lib

setup_file() {
    setup_vm
    export STOCK_IMAGE
    STOCK_IMAGE=$(stock_image)
    cat >"$HOME/stock.yaml" <<TEXT
images: [{location: "$STOCK_IMAGE"}]
memory: 1GiB
disk: 6GiB
timezone: Asia/Tokyo
containerd: {system: false, user: false}
env: {GREETING: "hello you"}
user: {comment: "A Person"}
provision:
- {mode: system, script: "#!/bin/sh\necho system >>/var/log/ran"}
- {mode: user, script: "#!/bin/sh\nid -un >>~/ran-user"}
- {mode: boot, script: "echo boot >>/var/log/ran"}
- {mode: dependency, script: "#!/bin/sh\necho dependency >>/var/log/ran"}
- {mode: data, path: /etc/made, content: "of {{.Name}}\n", permissions: "640"}
probes:
- {description: "the user script ran", script: "#!/bin/sh\ntest -s ~/ran-user"}
TEXT
    limactl start --tty=false --timeout=6m --name=st "$HOME/stock.yaml" >"$HOME/st.log" 2>&1 || {
        cat "$HOME/st.log"
        show_logs
        return 1
    }
}

# The path of the built image, made once for each version of the script.
stock_image() {
    local script=$BATS_TEST_DIRNAME/build_stock_image.sh dir=$VM_CACHE/clima-test key

    key=$(sha256sum <"$script" | cut -c1-16)
    mkdir -p "$dir"
    (
        flock 9
        if [[ ! -e $dir/stock-$key.raw ]]; then
            rm -rf "$dir"/stock-*
            # mmdebstrap's helpers are scripts, which know no descriptor above 9.
            "$script" "$dir/stock.tmp" "$dir/work" >"$HOME/build.log" 2>&1 \
                3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&- || { cat "$HOME/build.log" >&2 && exit 1; }
            mv "$dir/stock.tmp" "$dir/stock-$key.raw"
        fi
    ) 9>"$dir/lock" || return 1
    printf '%s\n' "$dir/stock-$key.raw"
}

@test "it has booted through the firmware" {
    guest st test -d /sys/firmware/efi
    grep -q BdsDxe "$LIMA_HOME/st/serial.log"
}

@test "user, home, keys, sudo, names, time zone and environment are as configured" {
    local name

    name=$(field st Config.User.Name)
    [[ $(guest st id -un) == "$name" && $(guest st id -u) == "$(field st Config.User.UID)" ]]
    [[ $(guest st getent passwd "$name") == "$name:"*":A Person:/home/$name.guest:/bin/bash" ]]
    [[ $(guest st sudo id -u) == 0 ]]
    [[ $(guest st hostname) == lima-st ]]
    [[ $(guest st date +%Z) == JST ]]
    [[ $(guest st sh -c 'echo "$GREETING"') == 'hello you' ]]
    guest st ip -4 -br address show eth0 | grep -q 192.168.5.15
}

@test "each provision script ran once, in its order and as its user" {
    [[ $(guest st cat /var/log/ran | xargs) == 'boot dependency system' ]]
    [[ $(guest st sh -c 'cat ~/ran-user') == "$(field st Config.User.Name)" ]]
    [[ $(guest st sudo cat /etc/made) == 'of st' ]]
    [[ $(guest st stat -c '%a %U' /etc/made) == '640 root' ]]
}

@test "the root file system has grown" {
    [[ $(guest st df -k --output=size / | tail -n 1) -gt 5000000 ]]
}

@test "the guest agent is a service and reports through vsock" {
    [[ $(guest st systemctl is-active lima-guestagent) == active ]]
    grep -q '\[guest\] hello: 2' "$LIMA_HOME/st/ha.stderr.log"
}

@test "no unit has failed" {
    run guest st systemctl --failed --no-legend
    assert_output ''
}

@test "a host agent of another version pushes its guest agent" {
    local before

    before=$(guest st sha256sum /usr/local/bin/lima-guestagent)
    guest st sudo sh -c 'cp /usr/local/bin/lima-guestagent /tmp/a && sed s/2.2.0+clima/2.1.0+clima/g /tmp/a >/tmp/b &&
        install -m 755 /tmp/b /usr/local/bin/lima-guestagent && systemctl restart lima-guestagent'
    eventually pushed "$before"
}

pushed() {
    [[ $(guest st sha256sum /usr/local/bin/lima-guestagent) == "$1" ]]
}

@test "after three restarts all is as before, and scripts ran at each boot" {
    local i

    for i in 1 2 3; do
        limactl restart st
    done
    [[ $(guest st grep -c system /var/log/ran) == 4 ]]
    [[ $(guest st grep -c boot /var/log/ran) == 4 ]]
    [[ $(guest st grep -c dependency /var/log/ran) == 4 ]]
    [[ $(guest st sh -c 'wc -l <~/ran-user') == 4 ]]
    [[ $(guest st hostname) == lima-st ]]
    run guest st systemctl --failed --no-legend
    assert_output ''
}

@test "stopped and deleted, nothing is left" {
    limactl stop st
    limactl delete st
    [[ ! -e $LIMA_HOME/st ]]
    assert_no_processes
}
