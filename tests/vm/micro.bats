# A guest of the micro image through its life.
load lib

@test "it starts and is READY" {
    run --separate-stderr limactl start --tty=false --name=x "$(micro_yaml x \
        'env: {GREETING: "hello you"}' 'user: {shell: /bin/sh}' 'timezone: Asia/Tokyo')"
    assert_status 0
    assert_log info 'READY. Run `limactl shell x` to open the shell.'
    [[ $(field x Status) == Running ]]
}

@test "the exit status of a command is the shell's" {
    run limactl shell x sh -c 'exit 7'
    assert_status 7
    run limactl shell x true
    assert_status 0
    run -127 limactl shell x nosuchcommand
}

@test "output, errors and input pass through, with every byte" {
    head -c 100000 /dev/urandom >"$HOME/bytes"
    guest x cat <"$HOME/bytes" | cmp - "$HOME/bytes"
    run --separate-stderr guest x sh -c 'echo out; echo err >&2'
    assert_output out
    [[ $stderr == *err* ]]
    run guest x printf '%s|' 'a b' "c'd" '$HOME' '' '*'
    assert_output "a b|c'd|\$HOME||*|"
}

@test "a connection that is opened anew is so in silence" {
    for ((i = 0; i < 2; i++)); do
        run --separate-stderr limactl shell --reconnect x true
        assert_status 0
        [[ -z $stderr ]] || fail "$stderr"
    done
}

@test "list --json has the keys in their order" {
    limactl list --json x | python3 -c '
import json, sys
order = ["name", "hostname", "status", "dir", "vmType", "arch", "cpus", "memory", "disk", "message",
         "additionalDisks", "network", "sshLocalPort", "sshConfigFile", "hostAgentPID", "driverPID", "errors",
         "config", "sshAddress", "protected", "limaVersion", "param", "autoStartedIdentifier", "HostOS",
         "HostArch", "LimaHome", "IdentityFile"]
inst = json.loads(sys.stdin.read())
keys = list(inst)
assert keys == [k for k in order if k in keys], keys
assert set(order[:9]) <= set(keys) and inst["status"] == "Running" and inst["cpus"] == 1, inst
assert inst["memory"] == 512 << 20 and inst["disk"] == 4 << 30, inst
assert inst["hostAgentPID"] > 0 and inst["driverPID"] > 0 and inst["sshLocalPort"] > 0, inst'
}

@test "the user, the name and the environment are those of the configuration" {
    local uid name

    name=$(field x Config.User.Name)
    uid=$(field x Config.User.UID)
    [[ $(guest x id -un) == "$name" && $(guest x id -u) == "$uid" ]]
    [[ $(guest x hostname) == lima-x ]]
    [[ $(guest x pwd) == / && $(limactl shell x sh -c 'echo $HOME') == "/home/$name.guest" ]]
    [[ $(guest x sudo id -u) == 0 ]]
    [[ $(guest x sh -c 'echo "$GREETING"') == 'hello you' ]]
    [[ $(guest x date +%Z) == JST || ! -e /usr/share/zoneinfo/Asia/Tokyo ]]
}

@test "an emulated guest copies memory without string instructions" {
    guest x sh -c '! grep -q "QEMU TCG CPU" /proc/cpuinfo || ! grep -qwE "rep_good|erms|fsrm" /proc/cpuinfo'
}

@test "the root file system has grown to the disk" {
    eventually grown
}

grown() {
    [[ $(guest x df -k / | awk 'NR == 2 { print $2 }') -gt 3500000 ]]
}

@test "the network reaches the host, and ssh works without limactl" {
    guest x sudo ping -c 1 -W 5 192.168.5.2
    [[ $(ssh -F "$LIMA_HOME/x/ssh.config" lima-x hostname) == lima-x ]]
}

@test "the serial log shows the boot, the clock is the host's" {
    local drift

    [[ -e $LIMA_HOME/x/serial.log ]]
    drift=$(($(guest x date +%s) - $(date +%s)))
    [[ ${drift#-} -le 2 ]]
}

@test "a second start says that it runs" {
    run --separate-stderr limactl start --tty=false x
    assert_status 0
    [[ $stderr == *'is already running'* ]]
}

@test "protected, it is not deleted" {
    limactl protect x
    run --separate-stderr limactl delete --force x
    assert_status 1
    [[ -e $LIMA_HOME/x/disk ]]
    limactl unprotect x
}

@test "what was written survives a restart" {
    guest x sh -c 'echo kept >~/file && sync'
    limactl restart x
    [[ $(guest x sh -c 'cat ~/file') == kept ]]
    [[ $(field x Status) == Running ]]
}

@test "factory-reset forgets it" {
    limactl stop x
    limactl factory-reset x
    [[ ! -e $LIMA_HOME/x/disk && -e $LIMA_HOME/x/lima.yaml ]]
    limactl start --tty=false x
    run guest x sh -c 'cat ~/file'
    assert_status 1
}

@test "stopped and deleted, no process and no file is left" {
    local pids

    pids="$(pid_of x ha) $(pid_of x qemu) $(pid_of x devices)"
    limactl stop x
    [[ $(field x Status) == Stopped ]]
    for pid in $pids; do
        eventually is_gone "$pid"
    done
    limactl delete x
    [[ ! -e $LIMA_HOME/x ]]
    assert_no_processes
}
