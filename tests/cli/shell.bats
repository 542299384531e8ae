# limactl shell, show-ssh and copy (reference: cli sections 7 to 9) with a stand-in for ssh, which runs the
# command on this host.
load lib

setup() {
    setup_cli
    export FAKE_SSH_LOG=$BATS_TEST_TMPDIR/argv FAKE_SSH_HOME=$BATS_TEST_TMPDIR
}

# The last argument given to ssh: the script.
script() {
    tail -n 1 "$FAKE_SSH_LOG"
}

@test "status and output of the command pass through" {
    start x
    run --separate-stderr limactl shell x sh -c 'echo out; echo err >&2; exit 7'
    assert_status 7
    assert_output out
    [[ $stderr == err ]]
    run bash -c 'echo in | limactl shell x cat'
    assert_output in
}

@test "words arrive as they were typed" {
    start x
    run --separate-stderr limactl shell x printf '<%s>' 'a  b' '$HOME' '' "it's" '*' '&&'
    assert_output "<a  b><\$HOME><><it's><*><&&>"
    run --separate-stderr limactl shell x FOO='a b' printenv FOO
    assert_output 'a b'
    run --separate-stderr limactl shell x -- echo -- -n
    assert_output '-- -n'
    run --separate-stderr limactl shell x echo --workdir --debug
    assert_output '--workdir --debug'
}

@test "ssh gets the options of the reference" {
    start x
    limactl shell x true
    local got
    got=$(grep -vE '^(-o|GSSAPI|Ciphers)' "$FAKE_SSH_LOG" | tr '\n' ' ')
    [[ $got == "-F /dev/null IdentityFile=\"$LIMA_HOME/_config/user\" StrictHostKeyChecking=no UserKnownHostsFile=/dev/null NoHostAuthenticationForLocalhost=yes PreferredAuthentications=publickey Compression=no BatchMode=yes IdentitiesOnly=yes User="*" ControlMaster=auto ControlPath=\"$LIMA_HOME/x/ssh.sock\" ControlPersist=yes SendEnv=COLORTERM LogLevel=ERROR -p 60022 127.0.0.1 -- "* ]]
    ! grep -qx -- -t "$FAKE_SSH_LOG"
}

@test "the working directory" {
    start x
    run --separate-stderr limactl shell --workdir / x pwd
    assert_output /
    run --separate-stderr limactl shell --workdir /does/not/exist x pwd
    assert_status 1
    limactl shell x true
    [[ $(script) == 'false ; exec '* ]]
}

@test "--shell and --instance" {
    start x
    limactl shell --shell /bin/sh --instance x -- true
    [[ $(script) == *'exec /bin/sh -l -c true' ]]
    run --separate-stderr limactl shell --instance x printf '%s' x
    assert_output x
}

@test "--preserve-env hands over what is not blocked" {
    start x
    MINE='a b' SSH_X=1 run --separate-stderr limactl shell --preserve-env x printenv MINE
    assert_output 'a b'
    [[ $(script) == *"exec env "*"'MINE=a b' "* && $(script) != *SSH_X=* ]]
    LIMA_SHELLENV_BLOCK=+MINE MINE=1 run --separate-stderr limactl shell --preserve-env x true
    [[ $(script) != *MINE=* ]]
    LIMA_SHELLENV_BLOCK='A-B' run --separate-stderr limactl shell --preserve-env x true
    assert_status 1
    assert_fatal 'Invalid LIMA_SHELLENV_BLOCK pattern: pattern `A-B` contains invalid character `-` at position 1'
}

@test "a stopped instance is started on request only" {
    create x
    run --separate-stderr limactl shell x true
    assert_status 1
    assert_fatal 'instance `x` is stopped, run `limactl start x` to start the instance'
    run --separate-stderr limactl shell --start x echo up
    assert_status 0
    assert_output up
    refute_log READY
}

@test "a missing instance and a missing name" {
    run --separate-stderr limactl shell x true
    assert_status 1
    assert_fatal 'instance `x` does not exist, run `limactl create x` to create a new instance'
    run --separate-stderr limactl shell
    assert_status 1
    assert_fatal 'requires instance name as first argument'
}

@test "a verb as command is probably a mix-up" {
    start x
    run --separate-stderr limactl shell x start
    [[ $stderr == *'Perhaps you meant `limactl start'* ]]
}

@test "--sync is refused by name" {
    start x
    run --separate-stderr limactl shell --sync . x true
    assert_status 1
    [[ $stderr == *'`--sync` is not supported by this version'* ]]
}

@test "lima is the shell of the default instance" {
    start default
    run --separate-stderr lima echo hello
    assert_status 0
    assert_output hello
    LIMA_INSTANCE=x run --separate-stderr lima true
    assert_status 1
}

@test "show-ssh has four formats" {
    start x
    run --separate-stderr limactl show-ssh x
    assert_status 0
    [[ $stderr == *'is deprecated'* && $output == "ssh -o 'IdentityFile=\"$LIMA_HOME/_config/user\"' -o "*' -o Hostname=127.0.0.1 -o Port=60022 lima-x' ]]
    run --separate-stderr limactl show-ssh --format=args x
    [[ $output == '-o '*'-o Port=60022' ]]
    run --separate-stderr limactl show-ssh --format=options x
    [[ ${lines[-1]} == Port=60022 && ${lines[0]} == 'IdentityFile="'* ]]
    run --separate-stderr limactl show-ssh --format=config x
    [[ ${lines[0]} == 'Host lima-x' && ${lines[-1]} == '  Port 60022' ]]
    run --separate-stderr limactl show-ssh --format=x x
    assert_status 1
    assert_fatal 'unknown format: `x`'
}

@test "copy runs scp" {
    start x
    printf '#!/bin/sh\nprintf "%%s\\n" "$@" >"$FAKE_SSH_LOG"\nexit 3\n' >"$BATS_TEST_TMPDIR/scp"
    chmod +x "$BATS_TEST_TMPDIR/scp"
    PATH=$BATS_TEST_TMPDIR:$PATH run --separate-stderr limactl copy -r a x:b x:/c
    assert_status 3
    [[ $(tail -n 7 "$FAKE_SSH_LOG" | tr '\n' ' ') =~ ^-q\ -r\ -3\ --\ a\ scp://[a-z0-9]+@127\.0\.0\.1:60022/b\ scp://[a-z0-9]+@127\.0\.0\.1:60022//c\ $ ]]
    run --separate-stderr limactl copy --backend=x a x:b
    assert_status 1
    assert_fatal 'invalid backend `x`, must be one of: scp, rsync, auto'
    run --separate-stderr limactl copy a
    assert_status 1
}

@test "a variable SSH that cannot be split is ignored" {
    start x
    SSH="ssh 'open" run --separate-stderr limactl shell x echo in
    assert_status 0
    assert_output in
    assert_log warning "The variable SSH is ignored: unterminated quote in \\\"ssh 'open\\\""
}

@test "show-ssh quotes a quote in the path" {
    local -a words

    export LIMA_HOME="$BATS_TEST_TMPDIR/it's"
    create x
    run --separate-stderr limactl show-ssh --format=args x
    assert_status 0
    eval "words=($output)"
    [[ ${words[1]} == "IdentityFile=\"$LIMA_HOME/_config/user\"" ]]
}
