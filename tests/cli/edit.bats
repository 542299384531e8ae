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

@test "flags change the file and keep its comments" {
    create x '# how many' 'cpus: 1   # few' 'mounts:' "- location: $HOME" 'disk: "10GiB"'
    run --separate-stderr limactl edit x --tty=false --cpus 2 --memory 1.5 --disk 20 --mount-writable \
        --mount-type 9p --dns 1.1.1.1,9.9.9.9 --dns 1.1.1.1 --ssh-port 60022 --video \
        --shell /bin/sh --set '.env.A = "x\(.cpus)"'
    assert_status 0
    tail -n +5 "$LIMA_HOME/x/lima.yaml" >edited
    diff -u - edited <<END
# how many
cpus: 2  # few
mounts:
- location: $HOME
  writable: true
disk: "20GiB"
dns:
- 1.1.1.1
- 9.9.9.9
hostResolver:
  enabled: false
memory: 1.5GiB
mountType: 9p
env:
  A: x2
video:
  display: default
ssh:
  localPort: 60022
user:
  shell: /bin/sh
END
}

@test "mounts go in front, instead, or away" {
    local file=$LIMA_HOME/x/lima.yaml

    create x 'mounts:' '- location: /a'
    limactl edit x --tty=false --mount /b:w,/c 2>/dev/null
    grep location: "$file" | tail -n 3 >found
    diff -u - found <<<$'- location: /c\n- location: /b\n- location: /a'
    limactl edit x --tty=false --mount-only /d 2>/dev/null
    [[ $(grep -c location: "$file") == 2 ]]
    limactl edit x --tty=false --mount-none 2>/dev/null
    grep -qx 'mounts: null' "$file"
}

@test "parameters must exist" {
    create x 'param:' '  url: a' 'message: "{{.Param.url}}"' 'probes:' '- script: "#!{{.Param.url}}"'
    run --separate-stderr limactl edit x --tty=false --param url=b=c
    assert_status 0
    grep -qx '  url: b=c' "$LIMA_HOME/x/lima.yaml"
    run --separate-stderr limactl edit x --tty=false --param other=1
    assert_status 1
    [[ $stderr == *'template does not define param `other`'* ]]
}

@test "an expression that is wrong changes nothing and is named with its place" {
    create x
    run --separate-stderr limactl edit x --tty=false --set '.cpus = '
    assert_status 1
    [[ $stderr == *'expression, line 1, column 9: expected a value, found the end'* ]]
    run --separate-stderr limactl edit x --tty=false --cpus 1 --set '.env.A = env(HOME)'
    assert_status 1
    [[ $stderr == *'env operations have been disabled'* ]]
    run --separate-stderr limactl edit x --tty=false --set '.cpus = now'
    assert_status 1
    [[ $stderr == *'the function `now` is not available in expressions'* ]]
    cmp "$HOME/x.yaml" "$LIMA_HOME/x/lima.yaml"
}

@test "a file that is no YAML is named with the place in it, and left alone" {
    create x
    echo 'cpus: [' >"$LIMA_HOME/x/lima.yaml"
    for verb in edit start; do
        run --separate-stderr limactl $verb --cpus 2 x
        assert_status 1
        [[ $stderr == *"failed to unmarshal YAML (main file \`$LIMA_HOME/x/lima.yaml\`): line 2, column 1: "* ]]
    done
    [[ $(<"$LIMA_HOME/x/lima.yaml") == 'cpus: [' ]]
}
