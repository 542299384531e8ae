# limactl edit (reference: cli section 5.6). $EDITOR is a script that appends a line.
load lib

setup() {
    setup_cli
    EDIT=$BATS_TEST_TMPDIR/bin/edit
    mkdir "${EDIT%/*}"
}

# An editor that runs this shell text with the file as $1.
editor() {
    printf '#!/bin/sh\n%s\n' "$1" >"$EDIT"
    chmod +x "$EDIT"
    export EDITOR=$EDIT
}

@test "without a terminal nothing is edited" {
    create x
    run --separate-stderr limactl edit --tty=false x
    assert_status 0
    assert_log info 'Aborting, as requested by saving the file with empty content'
}

@test "what the editor saves becomes the configuration" {
    create x
    editor 'echo "cpus: 1" >>"$1"'
    run --separate-stderr limactl edit --tty --start=false x
    assert_status 0
    assert_log info 'Instance `x` configuration edited'
    [[ $(tail -n 1 "$LIMA_HOME/x/lima.yaml") == 'cpus: 1' ]]
    ! grep -q 'Please edit' "$LIMA_HOME/x/lima.yaml"
}

@test "an unchanged or empty file aborts" {
    create x
    editor ':'
    run --separate-stderr limactl edit --tty --start=false x
    assert_status 0
    assert_log info 'Aborting, no changes made to the instance'
    editor ': >"$1"'
    run --separate-stderr limactl edit --tty --start=false x
    assert_status 0
    assert_log info 'Aborting, as requested by saving the file with empty content'
    cmp "$HOME/x.yaml" "$LIMA_HOME/x/lima.yaml"
}

@test "a bad configuration is saved and refused" {
    create x
    editor 'echo "cpus: [" >>"$1"'
    run --separate-stderr limactl edit --tty --start=false x
    assert_status 1
    [[ $stderr == *'the YAML is invalid, saved the buffer as `lima.REJECTED.yaml`: '* ]]
    [[ $(tail -n 1 lima.REJECTED.yaml) == 'cpus: [' ]]
    cmp "$HOME/x.yaml" "$LIMA_HOME/x/lima.yaml"
}

@test "the disk cannot shrink" {
    create x 'disk: 10GiB'
    editor 'sed -i "s/disk: 10GiB/disk: 5GiB/" "$1"'
    run --separate-stderr limactl edit --tty --start=false x
    assert_status 1
    [[ $stderr == *'field `disk`: shrinking the disk (10GiB --> 5GiB) is not supported'* ]]
}

@test "a running instance is not edited" {
    start x
    run --separate-stderr limactl edit --tty=false x
    assert_status 1
    [[ $stderr == *'cannot edit a running instance'* ]]
}

@test "a missing instance is an error" {
    run --separate-stderr limactl edit x
    assert_status 1
    assert_fatal 'instance `x` not found'
}

@test "an editor that fails changes nothing" {
    create x
    editor 'echo "cpus: 1" >>"$1"; exit 3'
    run --separate-stderr limactl edit --tty x
    assert_status 1
    [[ $stderr == *'could not execute the editor'* ]]
    cmp "$HOME/x.yaml" "$LIMA_HOME/x/lima.yaml"
}

@test "--start starts afterwards" {
    create x
    editor 'echo "cpus: 1" >>"$1"'
    run --separate-stderr limactl edit --tty --start x
    assert_status 0
    [[ $(status_of x) == Running ]]
}

@test "a file can be edited" {
    local yaml
    yaml=$(null_yaml t)
    editor 'echo "cpus: 1" >>"$1"'
    run --separate-stderr limactl edit --tty "$yaml"
    assert_status 0
    [[ $(tail -n 1 "$yaml") == 'cpus: 1' ]]
}
