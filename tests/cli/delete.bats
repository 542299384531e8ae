# limactl delete, protect, unprotect, factory-reset (reference: cli sections 5.5, 5.8, 5.9).
load lib

@test "a stopped instance is deleted with all its files" {
    create x
    mkdir -p "$LIMA_HOME/x/sock/deep"
    run --separate-stderr limactl delete x
    assert_status 0
    assert_output ''
    assert_log info "Deleted \`x\` (\`$LIMA_HOME/x\`)"
    [[ -z $(find "$LIMA_HOME" -mindepth 1 -maxdepth 1 ! -name _config) ]]
}

@test "a missing instance is ignored" {
    run --separate-stderr limactl delete x
    assert_status 0
    assert_log warning 'Ignoring non-existent instance `x`'
}

@test "a running instance needs force" {
    start x
    run --separate-stderr limactl rm x
    assert_status 1
    assert_fatal 'failed to delete instance `x`: expected status `Stopped`, got `Running`'
    run --separate-stderr limactl remove -f x
    assert_status 0
    assert_no_processes
    [[ ! -e $LIMA_HOME/x ]]
}

@test "a directory without lima.yaml is kept and the others are deleted" {
    create x
    mkdir "$LIMA_HOME/odd"
    run --separate-stderr limactl delete odd x
    assert_status 1
    [[ $stderr == *'instance `odd` directory'* && -d $LIMA_HOME/odd && ! -e $LIMA_HOME/x ]]
}

@test "an instance with a bad configuration can be deleted by force" {
    create x
    echo 'cpus: [' >>"$LIMA_HOME/x/lima.yaml"
    run --separate-stderr limactl delete -f x
    assert_status 0
    [[ ! -e $LIMA_HOME/x ]]
}

@test "an instance that is being started is not deleted" {
    create x
    exec 8<"$LIMA_HOME/x"
    flock 8
    run --separate-stderr limactl delete -f x
    exec 8<&-
    assert_status 1
    [[ $stderr == *'another limactl is working on it'* && -f $LIMA_HOME/x/lima.yaml ]]
}

@test "no name is an error" {
    run --separate-stderr limactl delete
    assert_status 1
    [[ $stderr == *'`limactl delete` requires at least 1 arg(s), only received 0.\nSee `limactl delete --help`.'* ]]
}

@test "protection keeps an instance" {
    create x
    run --separate-stderr limactl protect x
    assert_status 0
    assert_log info 'Protected `x`'
    run --separate-stderr limactl protect x
    assert_log warning 'Instance `x` is already protected. Skipping.'
    run --separate-stderr limactl delete -f x
    assert_status 1
    assert_fatal 'failed to delete instance `x`: instance is protected to prohibit accidental removal (Hint: use `limactl unprotect`)'
    run --separate-stderr limactl factory-reset x
    assert_status 1
    [[ -f $LIMA_HOME/x/disk ]]
    run --separate-stderr limactl unprotect x
    assert_log info 'Unprotected `x`'
    run --separate-stderr limactl unprotect x
    assert_status 0
    assert_log warning "Instance \`x\` isn't protected. Skipping."
}

@test "protect handles all names before it fails" {
    create x
    run --separate-stderr limactl protect missing x
    assert_status 1
    [[ $stderr == *"failed to inspect instance \`missing\`: open $LIMA_HOME/missing/lima.yaml: no such file or directory"* ]]
    [[ -e $LIMA_HOME/x/protected ]]
}

@test "factory-reset keeps the configuration only" {
    start x
    run --separate-stderr limactl factory-reset x
    assert_status 0
    assert_log info 'Instance `x` has been factory reset'
    assert_no_processes
    [[ $(cd "$LIMA_HOME/x" && echo *) == 'lima-version lima.yaml' ]]
    run --separate-stderr limactl start x
    assert_status 0
}

@test "factory-reset of a missing instance succeeds" {
    run --separate-stderr limactl factory-reset x
    assert_status 0
    assert_log info 'Instance `x` not found'
}

# Runs a command that finds LIMA_HOME on a read-only file system.
read_only() { # COMMAND...
    # shellcheck disable=SC2016 # expanded by the inner shell
    unshare --user --map-root-user --mount sh -c '
        mount --bind "$LIMA_HOME" "$LIMA_HOME" && mount -o remount,bind,ro "$LIMA_HOME" && exec "$@"' sh "$@"
}

@test "nothing that has to write succeeds on a read-only file system" {
    unshare --user --map-root-user --mount true || skip 'no user namespaces'
    create x
    local verb
    for verb in factory-reset 'delete -f' protect 'edit --cpus=3'; do
        # shellcheck disable=SC2086 # words
        run --separate-stderr read_only limactl --tty=false $verb x
        [[ $status -eq 1 && $stderr == *level=fatal*'Read-only file system'* ]] || fail "$verb: $status $stderr"
    done
    [[ -f $LIMA_HOME/x/disk && ! -e $LIMA_HOME/x/protected && $(status_of x) == Stopped ]]
}
