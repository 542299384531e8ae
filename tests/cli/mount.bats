# limactl mount: what the host agent is asked for, and what its answers look like.
load lib

mounts='[
  {"id": "/mnt/a", "hostPath": "/home/u/a", "mountPoint": "/mnt/a", "type": "virtiofs", "writable": true,
   "configured": true, "state": "mounted", "warning": "not on the host any more"},
  {"id": "/mnt/b", "hostPath": "/home/u/b", "mountPoint": "/mnt/b", "type": "virtiofs", "writable": false,
   "configured": true, "state": "failed", "error": "no such\u001b folder"}]'

setup() {
    setup_cli
    export FAKE_AGENT_LOG=$HOME/asked
}

row() { # NUMBER
    tr -s ' ' <<<"${lines[$1]}"
}

@test "list shows a table, or a line of JSON each" {
    FAKE_AGENT_MOUNTS=$mounts start x
    run --separate-stderr limactl mount list x
    assert_status 0
    [[ $(row 0) == 'MOUNTPOINT TYPE WRITABLE HOSTPATH STATE' ]]
    [[ $(row 1) == '/mnt/a virtiofs true /home/u/a mounted (not on the host any more)' ]]
    [[ $(row 2) == '/mnt/b virtiofs false /home/u/b no such\x1b folder' ]]
    run --separate-stderr limactl mount ls --json x
    [[ ${#lines[@]} -eq 2 && ${lines[0]} == '{"id":"/mnt/a",'* ]]
}

@test "add sends absolute paths" {
    start x
    mkdir "$HOME/folder"
    cd "$HOME"
    limactl mount add x folder
    limactl mount add x ./folder /mnt/there --writable
    limactl mount add --mount-point /mnt/else --type 9p x "$HOME/folder"
    [[ $(sed -n 1p asked) == "POST {\"hostPath\":\"$HOME/folder\",\"mountPoint\":\"$HOME/folder\",\"type\":\"virtiofs\",\"writable\":false}" ]]
    [[ $(sed -n 2p asked) == *'"mountPoint":"/mnt/there","type":"virtiofs","writable":true}' ]]
    [[ $(sed -n 3p asked) == *'"mountPoint":"/mnt/else","type":"9p","writable":false}' ]]
    run --separate-stderr limactl mount add x "$HOME/missing"
    assert_status 1
    [[ $stderr == *"cannot share $HOME/missing: No such file or directory"* ]]
    run --separate-stderr limactl mount add x folder /a --mount-point /b
    assert_status 1
    [[ $stderr == *'given twice'* ]]
}

@test "paths are not empty" {
    start x
    for args in "add x ''" "add x / ''" "add --mount-point= x /" "remove x ''"; do
        eval "run --separate-stderr limactl mount $args"
        assert_status 1
        [[ $stderr == *'is empty'* ]]
    done
    [[ ! -e asked ]]
}

@test "remove takes paths of this directory, as add does" {
    start x
    mkdir -p "$HOME/folder"
    ln -s folder "$HOME/link"
    cd "$HOME"
    limactl mount remove x folder
    limactl mount remove x ./link/
    limactl mount remove x gone/../away
    limactl mount remove x /mnt/there
    [[ $(sed -n 1p asked) == "DELETE {\"mountPoint\":\"$HOME/folder\",\"force\":false}" ]]
    [[ $(sed -n 2p asked) == *"\"$HOME/folder\""* ]]
    [[ $(sed -n 3p asked) == *"\"$HOME/away\""* ]]
    [[ $(sed -n 4p asked) == *'"/mnt/there"'* ]]
}

@test "paths that are not UTF-8 are refused by name" {
    start x
    mkdir "$HOME/"$'f\377'
    run --separate-stderr limactl mount add x "$HOME/"$'f\377' /mnt/f
    assert_status 1
    [[ $stderr == *'f\\xff is not UTF-8 and cannot be given to the host agent'* ]]
    run --separate-stderr limactl mount remove x $'/mnt/f\377'
    assert_status 1
    [[ $stderr == *'/mnt/f\\xff is not UTF-8'* ]]
    [[ ! -e $FAKE_AGENT_LOG ]]
}

@test "remove has other names, and says who is in the way" {
    FAKE_AGENT=busy start x
    run --separate-stderr limactl mount rm x /mnt
    assert_status 1
    [[ $stderr == *'/mnt is in use by vi (7)'* ]]
    run --separate-stderr limactl mount unmount --force x /mnt
    [[ $(tail -n 1 "$FAKE_AGENT_LOG") == 'DELETE {"mountPoint":"/mnt","force":true}' ]]
}

@test "the instance must run, and its host agent must know mounts" {
    run --separate-stderr limactl mount list x
    assert_status 1
    [[ $stderr == *'does not exist'* ]]
    FAKE_AGENT=old start x
    run --separate-stderr limactl mount list x
    assert_status 1
    [[ $stderr == *'older version'* ]]
    limactl stop x
    run --separate-stderr limactl mount list x
    assert_status 1
    [[ $stderr == *'is not running'* ]]
}
