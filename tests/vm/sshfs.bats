# Folders of the host by reverse-sshfs, in a Debian guest that installs sshfs when it boots, and in a
# guest that cannot have it.
load lib

setup_file() {
    setup_vm
    mkdir -p "$HOME/rw/inner" "$HOME/ro" "$HOME/a folder ü" "$HOME/beside"
    echo 'from the host' >"$HOME/ro/file"
    echo secret >"$HOME/beside/secret"
    cat >"$HOME/d.yaml" <<TEXT
images: [{location: "build:debian-12"}]
containerd: {system: false, user: false}
disk: 6GiB
mountType: reverse-sshfs
mountInotify: true
mounts:
- {location: $HOME/rw, mountPoint: /mnt/rw, writable: true, sshfs: {sftpDriver: builtin, cache: false}}
- {location: $HOME/ro, mountPoint: /mnt/ro, sshfs: {sftpDriver: builtin}}
- {location: "$HOME/a folder ü", mountPoint: "/mnt/a point ü", writable: true}
- {location: $HOME/ro, mountPoint: /mnt/rw/inner}
TEXT
    limactl start --tty=false --timeout=8m --name=d "$HOME/d.yaml" >"$HOME/d.log" 2>&1 || {
        cat "$HOME/d.log"
        show_logs
        return 1
    }
}

mounted() { # MOUNT_POINT
    limactl mount list --json d | grep -F "\"mountPoint\":\"$1\"" | grep -q '"state":"mounted"'
}

@test "all folders are mounted when the guest is ready, one in another" {
    for point in /mnt/rw /mnt/ro '/mnt/a point ü' /mnt/rw/inner; do
        mounted "$point" || fail "$point: $(limactl mount list d)"
    done
    [[ $(guest d cat /mnt/ro/file /mnt/rw/inner/file) == $'from the host\nfrom the host' ]]
    [[ $(limactl list --json d) == *'"errors":null'* || $(limactl list --json d) != *'cannot share'* ]]
}

@test "a writable folder is written from both sides, by the guest's user and by root" {
    guest d sh -ec 'cd /mnt/rw; echo "from the guest" >g; mkdir -p d/e; mv g d/e/g; ln d/e/g d/hard
        ln -s e d/link; [ "$(readlink d/link)" = e ]; [ "$(cat d/link/g)" = "from the guest" ]
        chmod 640 d/e/g; touch -d "2001-02-03 04:05:06" d/e/g; sudo touch d/roots
        [ "$(stat -c %u d/e/g d/roots)" = "$(id -u; id -u)" ]; truncate -s 5 d/hard'
    [[ $(stat -c %a:%h:%s:%u "$HOME/rw/d/e/g") == 640:2:5:$(id -u) ]]
    [[ $(stat -c %u "$HOME/rw/d/roots") == "$(id -u)" ]]
    echo 'changed on the host' >"$HOME/rw/d/e/g"
    eventually sh -c '[ "$(limactl shell --workdir / d cat /mnt/rw/d/e/g)" = "changed on the host" ]'
    guest d sh -c 'touch "/mnt/a point ü/x y"'
    [[ -e "$HOME/a folder ü/x y" ]]
    guest d rm -r /mnt/rw/d
    [[ ! -e $HOME/rw/d ]]
}

@test "changes made here are file events there, by the times of the files" {
    local watcher

    mkdir "$HOME/rw/deep"
    limactl copy "$WATCH_TOOL" d:/tmp/watch_tool
    guest d sh -c 'timeout 300 /tmp/watch_tool /mnt/rw .end >/tmp/events' 3>&- &
    watcher=$!
    eventually guest d grep -q READY /tmp/events
    echo one >"$HOME/rw/deep/f"
    eventually guest d grep -qx 'ATTRIB deep/f' /tmp/events
    echo two >"$HOME/rw/deep/f.tmp"
    mv "$HOME/rw/deep/f.tmp" "$HOME/rw/deep/g"
    eventually guest d grep -qx 'ATTRIB deep/g' /tmp/events
    : >"$HOME/rw/.end"
    wait "$watcher"
    rm -r "$HOME/rw/deep" "$HOME/rw/.end"
}

@test "a tree goes through unharmed" {
    mkdir "$HOME/tree"
    tar -C "$REAL_PREFIX/share" -cf - . | tar -C "$HOME/tree" -xf -
    tar -C "$HOME/tree" -cf "$HOME/rw/tree.tar" .
    guest d sh -ec 'mkdir /mnt/rw/tree; tar -C /mnt/rw/tree -xf /mnt/rw/tree.tar; rm /mnt/rw/tree.tar'
    diff -r "$HOME/tree" "$HOME/rw/tree"
    guest d rm -r /mnt/rw/tree
}

@test "a read-only folder stays so" {
    run guest d sudo sh -c 'echo x >/mnt/ro/new'
    [[ $status -ne 0 && $output == *'Read-only file system'* ]]
    guest d sudo mount -o remount,rw /mnt/ro || true
    for command in 'touch /mnt/ro/new' 'rm /mnt/ro/file' 'mkdir /mnt/ro/dir' 'chmod 777 /mnt/ro/file' \
        'mv /mnt/ro/file /mnt/ro/other' 'ln -s x /mnt/ro/link' 'truncate -s 0 /mnt/ro/file'; do
        run guest d sudo sh -c "$command"
        [[ $status -ne 0 ]] || fail "$command was possible"
    done
    [[ $(ls "$HOME/ro") == file && $(cat "$HOME/ro/file") == 'from the host' ]]
}

@test "a lost connection is made anew" {
    local pid

    pid=$(pgrep -P "$(pid_of d ha)" -f -- "--sftp .* $HOME/rw\$")
    kill -KILL "$pid"
    eventually is_gone "$pid"
    eventually mounted /mnt/rw
    guest d touch /mnt/rw/anew
    [[ -e $HOME/rw/anew ]]
}

@test "a folder is added, in use, and removed" {
    mkdir "$HOME/hot"
    guest d sudo mkdir /mnt/hot
    limactl mount add d "$HOME/hot" /mnt/hot --type reverse-sshfs --writable
    guest d sh -c 'echo hot >/mnt/hot/x; cd /mnt/hot && (sleep 1000 >/dev/null 2>&1 </dev/null &)'
    [[ $(cat "$HOME/hot/x") == hot ]]
    run limactl mount remove d /mnt/hot
    [[ $status -ne 0 && $output == *'in use by sleep'* ]]
    [[ $(guest d cat /mnt/hot/x) == hot ]]
    limactl mount remove --force d /mnt/hot
    [[ $(limactl mount list --json d) != *'/mnt/hot'* ]]
    run guest d ls /mnt/hot
    assert_output ''
    [[ -z $(pgrep -P "$(pid_of d ha)" -f -- " $HOME/hot\$") ]]
}

@test "mounts come back with the next host agent, and end with the instance" {
    local boot

    boot=$(boot_id d)
    kill -KILL "$(pid_of d ha)"
    eventually is_gone "$(pid_of d ha)"
    limactl start --tty=false d
    [[ $(boot_id d) == "$boot" && $(guest d cat /mnt/ro/file) == 'from the host' ]]
    limactl stop d
    [[ -z $(pgrep -f -- "exporter --sftp .* $HOME/") ]]
    limactl delete --force d
}

@test "a guest that cannot have sshfs says which package it lacks, and what works" {
    start_micro m 'mountType: reverse-sshfs' "mounts: [{location: $HOME/ro, mountPoint: /mnt/ro}]" || true
    [[ $(limactl list --json m) == *'the guest has no sshfs (hint: install its package'*'mountType virtiofs'* ]]
    limactl delete --force m
}
