# exporter --sftp: OpenSSH's client talks to it directly, without ssh, through both servers.
load lib

setup() {
    setup_cli
    command -v sftp >/dev/null || skip 'no sftp'
    unshare -Ur true 2>/dev/null || skip 'no user namespaces'
    EXPORTER=$PREFIX/libexec/lima/exporter
    SHARE="$HOME/a share"
    mkdir -p "$SHARE/sub" "$HOME/beside"
    echo content >"$SHARE/file"
    echo secret >"$HOME/beside/secret"
    echo mine >"$HOME/mine"
}

# Blanks of the folder's name are escaped: the client splits the command.
client() { # OPTIONS LINE...
    local options=$1

    printf '%s\n' "${@:2}" >"$HOME/batch"
    run sftp -b "$HOME/batch" -D "$EXPORTER --sftp $options ${SHARE/ /\\ }"
}

server_of_openssh() {
    local place

    for place in /usr/libexec/sftp-server /usr/libexec/openssh/sftp-server /usr/lib/sftp-server \
        /usr/lib/openssh/sftp-server /usr/lib/ssh/sftp-server; do
        [[ -x $place ]] && echo "--server $place" && return
    done
    skip "no sftp-server"
}

check_use() { # OPTIONS
    client "$1" "get file $HOME/got" "put $HOME/mine sub/new" 'mkdir d' 'rename sub/new d/moved' \
        'ln -s moved d/link' 'ln d/moved d/hard' 'chmod 600 d/moved' 'df' 'ls -l d' 'rm d/link'
    assert_status 0
    [[ $(cat "$HOME/got") == content && $(cat "$SHARE/d/hard") == mine ]]
    [[ $(stat -c %a:%h "$SHARE/d/moved") == 600:2 && ! -e $SHARE/d/link ]]
}

check_read_only() { # OPTIONS
    client "$1 --read-only" "get file $HOME/got" "-put $HOME/mine new" '-mkdir d' '-rm file' '-rename file f' \
        '-chmod 777 file' '-ln file hard' '-ln -s file link'
    assert_status 0
    [[ $(ls "$SHARE") == $'file\nsub' && $(cat "$HOME/got") == content ]]
    [[ $(stat -c %a:%h "$SHARE/file") == "$(stat -c %a:%h "$HOME/mine")" ]]
}

# Nothing of the host is there but the folder, by whatever way.
check_outside() { # OPTIONS
    ln -s ../beside "$SHARE/out"
    ln -s "$HOME/beside/secret" "$SHARE/abs"
    client "$1" "-get $HOME/beside/secret $HOME/got1" "-get ../beside/secret $HOME/got2" \
        "-get out/secret $HOME/got3" "-get abs $HOME/got4" "-put $HOME/mine $HOME/beside/new" \
        "-put $HOME/mine out/new" "-rm $HOME/beside/secret" "-ls $HOME" "-get /proc/self/environ $HOME/got5" \
        "-get /etc/shadow $HOME/got6"
    assert_status 0
    [[ $output != *"$HOME/mine"$'\n'* ]]
    [[ -z $(find "$HOME" -maxdepth 1 -name 'got*' -size +0) ]]
    [[ $(ls "$HOME/beside") == secret ]]
}

@test "our server: a folder is used" {
    check_use ''
}

@test "our server: a read-only folder stays as it is" {
    check_read_only ''
}

@test "our server: what is outside does not exist" {
    check_outside ''
    [[ $output == *'not found'* ]]
}

@test "OpenSSH's server: a folder is used" {
    check_use "$(server_of_openssh)"
}

@test "OpenSSH's server: a read-only folder stays as it is" {
    check_read_only "$(server_of_openssh)"
}

@test "OpenSSH's server: what is outside does not exist" {
    check_outside "$(server_of_openssh)"
}

@test "files belong to the id that the client is told" {
    client '--id 4711' 'ls -ln file'
    [[ $output == *' 4711 '* ]]
}

@test "the process has no root, no capabilities and a filter" {
    local pid

    mkfifo "$HOME/in"
    "$EXPORTER" --sftp "$SHARE" <>"$HOME/in" >/dev/null &
    pid=$!
    eventually grep -q '^Seccomp:[[:space:]]*2' "/proc/$pid/status"
    grep -q '^CapEff:[[:space:]]*0*$' "/proc/$pid/status"
    grep -q '^CapBnd:[[:space:]]*0*$' "/proc/$pid/status"
    [[ -z $(ls -A "/proc/$pid/root/") ]]
    kill "$pid"
}

@test "a folder that is not there, and wrong arguments" {
    run "$EXPORTER" --sftp "$HOME/none" </dev/null
    assert_status 1
    [[ $output == *"cannot share $HOME/none: No such file or directory"* ]]
    run "$EXPORTER" --sftp
    assert_status 1
    run "$EXPORTER" --follow-links --reply-fd 9 /tmp
    assert_status 1
    [[ $output == *'go with --sftp'* ]]
}
