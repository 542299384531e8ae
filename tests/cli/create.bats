# limactl create (reference: cli section 5.1).
load lib

@test "an instance is made of a file and has its name" {
    run --separate-stderr limactl create --tty=false "$(null_yaml x)"
    assert_status 0
    assert_output ''
    assert_log info 'Terminal is not available, proceeding without opening an editor'
    assert_log info 'Run `limactl start x` to start the instance.'
    [[ $(stat -c %a "$LIMA_HOME/x") == 700 && $(stat -c %a "$LIMA_HOME/x/lima.yaml") == 644 ]]
    cmp "$HOME/x.yaml" "$LIMA_HOME/x/lima.yaml"
    [[ $(<"$LIMA_HOME/x/lima-version") == *clima* && -s $LIMA_HOME/_config/user.pub ]]
    [[ -f $LIMA_HOME/x/disk && $(status_of x) == Stopped ]]
}

@test "--name and standard input" {
    null_yaml x >/dev/null
    run --separate-stderr bash -c "limactl create --name=y - <'$HOME/x.yaml'"
    assert_status 0
    [[ -f $LIMA_HOME/y/lima.yaml ]]
    run --separate-stderr bash -c "limactl create - <'$HOME/x.yaml'"
    assert_status 1
    assert_fatal 'must pass instance name with --name when reading template from stdin'
    run --separate-stderr bash -c "limactl create --tty=true --name=z - <'$HOME/x.yaml'"
    assert_fatal 'cannot use --tty=true when reading template from stdin'
}

@test "a taken name is refused" {
    create x
    run --separate-stderr limactl create --tty=false --name=x "$HOME/x.yaml"
    assert_status 1
    assert_fatal 'instance `x` already exists'
    run --separate-stderr limactl create x
    assert_fatal 'instance `x` already exists'
}

@test "bad names are refused" {
    run --separate-stderr limactl create --tty=false --name='x!' "$(null_yaml x)"
    assert_status 1
    assert_fatal 'instance name `x!` is not a valid identifier: identifier `x!` must match ^[A-Za-z0-9]+(?:[._-](?:[A-Za-z0-9]+))*$'
    run --separate-stderr limactl create a --name=b
    assert_fatal 'instance name `a` and CLI flag --name=`b` cannot be specified together'
}

@test "a name whose sockets would not fit is refused" {
    local name
    name=$(printf 'n%.0s' {1..76})
    run --separate-stderr limactl create --tty=false --name="$name" "$(null_yaml x)"
    assert_status 1
    [[ $stderr == *"instance name \`$name\` too long"* ]]
    [[ ! -e $LIMA_HOME/$name ]]
}

@test "a bad configuration leaves nothing behind" {
    local line

    for line in 'bogus: [' 'cpus: "many"' $'\tcpus: 1' 'memory: lots'; do
        run --separate-stderr limactl create --tty=false "$(null_yaml x "$line")"
        assert_status 1
        [[ $stderr == *"level=fatal"* && ! -e $LIMA_HOME/x && ! -e lima.REJECTED.yaml ]]
    done
    : >"$HOME/empty.yaml"
    run --separate-stderr limactl create --tty=false "$HOME/empty.yaml"
    assert_status 1
    [[ ! -e $LIMA_HOME/empty ]]
    [[ -z $(find "$LIMA_HOME" -mindepth 1 -maxdepth 1 -name '.*') ]]
}

@test "a file that is too large is refused" {
    head -c 20000000 /dev/zero | tr '\0' '#' >"$HOME/big.yaml"
    run --separate-stderr limactl create --tty=false "$HOME/big.yaml"
    assert_status 1
    [[ ! -e $LIMA_HOME/big ]]
}

@test "a missing image is an error and the instance can still be deleted" {
    local yaml
    yaml=$(null_yaml x)
    rm "$HOME/image"
    run --separate-stderr limactl create --tty=false "$yaml"
    assert_status 1
    [[ $stderr == *"$HOME/image"* ]]
    run --separate-stderr limactl delete x
    assert_status 0
}

@test "LIMA_HOME may have blanks" {
    export LIMA_HOME="$BATS_TEST_TMPDIR/a b"
    create x
    [[ -f "$LIMA_HOME/x/disk" && $(status_of x) == Stopped ]]
}

@test "an abandoned creation is swept away by the next one" {
    mkdir -p "$LIMA_HOME/.clima-abandoned/x"
    create x
    [[ ! -e $LIMA_HOME/.clima-abandoned ]]
}

@test "drivers are listed" {
    run --separate-stderr limactl create --list-drivers
    assert_status 0
    assert_output qemu
}

@test "a driver of another system is refused with those there are" {
    local yaml

    yaml=$(null_yaml x)
    run --separate-stderr limactl create --tty=false --vm-type=vz "$yaml"
    assert_status 1
    assert_fatal 'failed to create driver instance: unknown or unsupported VM type: vz (hint: it is not for this host; `vmType` can be: qemu)'
    run --separate-stderr limactl create --tty=false --vm-type=krunkit "$yaml"
    assert_status 1
    assert_fatal 'vmType `krunkit` is not a registered driver'
    [[ ! -e $LIMA_HOME/x ]]
}

@test "a directory that cannot be written is named" {
    [[ $(id -u) != 0 ]] || skip "root may write anywhere"
    mkdir -m 500 "$LIMA_HOME"
    run --separate-stderr limactl create --tty=false "$(null_yaml x)"
    assert_status 1
    [[ $stderr == *"$LIMA_HOME"* ]]
}

@test "flags and expressions change what is created" {
    local yaml

    yaml=$(null_yaml x '# kept' 'cpus: 2')
    run --separate-stderr limactl create --tty=false --name y --port-forward 8080:80,static=true \
        --containerd none --plain=false --set '.cpus = 1 | .env.A = "b"' --set '.env.C = .env.A' "$yaml"
    assert_status 0
    tail -n +5 "$LIMA_HOME/y/lima.yaml" >created
    diff -u - created <<END
# kept
cpus: 1
env:
  A: b
  C: b
containerd:
  user: false
  system: false
portForwards:
- guestPort: "80"
  hostPort: "8080"
  static: true
END
    grep -qx 'plain: false' "$LIMA_HOME/y/lima.yaml"
}

@test "one of several images is chosen by its variant" {
    local yaml

    yaml=$(null_yaml x)
    sed -i "s|^- location.*|&\n  variant: a\n- location: $HOME/missing\n  variant: b|" "$yaml"
    run --separate-stderr limactl create --tty=false --image-variant a "$yaml"
    assert_status 0
    [[ $(grep -c location: "$LIMA_HOME/x/lima.yaml") == 1 ]]
}

@test "what a killed create left unfinished is swept by the next command that prepares the instance" {
    create x
    touch "$LIMA_HOME/x/kernel.AbCdEf.tmp"
    run --separate-stderr limactl start x
    assert_status 0
    [[ ! -e $LIMA_HOME/x/kernel.AbCdEf.tmp ]]
}
