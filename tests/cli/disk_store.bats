# limactl disk create, list, delete, resize, import, unlock.
load lib

# attach DISK INSTANCE: as the host agent does it at start.
attach() {
    ln -s "$LIMA_HOME/$2" "$LIMA_HOME/_disks/$1/in_use_by"
}

@test "a disk is made, listed, grown, and deleted" {
    run --separate-stderr limactl disk create data --size 10MiB
    assert_status 0
    assert_log info 'Creating qcow2 disk \"data\" with size 10MiB'
    limactl disk create plain --size 1000 --format raw
    [[ $(stat -c %s "$LIMA_HOME/_disks/plain/datadisk") -eq 1024 ]]
    [[ $(stat -c %a "$LIMA_HOME/_disks/data") == 700 ]]
    run --separate-stderr limactl disk list
    [[ ${lines[0]} == 'NAME     SIZE     FORMAT    DIR '*' IN-USE-BY' ]]
    [[ ${lines[1]} == "data     10MiB    qcow2     $LIMA_HOME/_disks/data "* ]]
    [[ ${lines[2]} == "plain    1KiB     raw       $LIMA_HOME/_disks/plain    " ]]
    limactl disk resize data --size 20MiB
    run --separate-stderr limactl disk list data --json
    assert_output '{"name":"data","size":20971520,"format":"qcow2","dir":"'"$LIMA_HOME"'/_disks/data","instance":"","instanceDir":"","mountPoint":"/mnt/lima-data","fsType":""}'
    run --separate-stderr limactl disk resize data --size 5MiB
    assert_status 1
    assert_fatal 'specified size `5MiB` is less than the current disk size `20MiB`. Disk shrinking is currently unavailable'
    run --separate-stderr limactl disk delete data plain
    assert_status 0
    assert_log info 'Deleted `data` (`'"$LIMA_HOME"'/_disks/data`)'
    [[ -z $(ls -A "$LIMA_HOME/_disks") ]]
}

@test "what disk create refuses leaves nothing behind" {
    run --separate-stderr limactl disk create data
    assert_status 1
    assert_fatal 'required flag(s) \"size\" not set'
    run --separate-stderr limactl disk create data --size 1GiB --format vdi
    assert_status 1
    assert_fatal 'disk format `vdi` not supported, use `qcow2` or `raw` instead'
    run --separate-stderr limactl disk create ../data --size 1GiB
    assert_status 1
    [[ ! -e $LIMA_HOME/_disks ]]
    limactl disk create data --size 1GiB
    run --separate-stderr limactl disk create data --size 1GiB
    assert_status 1
    assert_fatal 'disk `data` already exists (`'"$LIMA_HOME"'/_disks/data`)'
    printf '#!/bin/sh\necho no space >&2\nexit 1\n' >"$HOME/qemu-img"
    chmod +x "$HOME/qemu-img"
    PATH=$HOME:$PATH run --separate-stderr limactl disk create other --size 1GiB
    assert_status 1
    [[ $stderr == *'no space'* ]]
    [[ $(ls -A "$LIMA_HOME/_disks") == data ]]
}

@test "no disks, and disks that do not exist" {
    run --separate-stderr limactl disk list
    assert_status 0
    assert_output 'NAME    SIZE    FORMAT    DIR    IN-USE-BY'
    assert_log warning 'No disk found. Run `limactl disk create DISK --size SIZE` to create a disk.'
    run --separate-stderr limactl disk list nothing
    assert_status 0
    assert_log warning 'No disk matching nothing found.'
    run --separate-stderr limactl disk delete nothing
    assert_status 0
    run --separate-stderr limactl disk unlock nothing
    assert_status 0
    run --separate-stderr limactl disk resize nothing --size 1GiB
    assert_status 1
    assert_fatal 'disk `nothing` does not exists'
}

@test "a disk in use is neither deleted, nor grown while its instance runs" {
    limactl disk create data --size 1MiB
    start x
    attach data x
    run --separate-stderr limactl disk list data
    [[ $output == *"$LIMA_HOME/_disks/data    x" ]]
    run --separate-stderr limactl disk delete data
    assert_status 1
    assert_fatal 'cannot delete disk `data` in use by instance `x`'
    run --separate-stderr limactl disk resize data --size 2MiB
    assert_status 1
    [[ $stderr == *'used by running instance `x`'* ]]
    run --separate-stderr limactl disk unlock data
    assert_status 0
    [[ -L $LIMA_HOME/_disks/data/in_use_by ]]
    limactl stop x
    attach data x 2>/dev/null || true
    run --separate-stderr limactl disk unlock data
    assert_status 0
    [[ ! -L $LIMA_HOME/_disks/data/in_use_by ]]
    limactl disk resize data --size 2MiB
}

@test "a disk that a configuration names is deleted by force only" {
    limactl disk create data --size 1MiB
    limactl create --tty=false "$(null_yaml x 'additionalDisks: [{name: data, fsType: swap}]')" --name x
    run --separate-stderr limactl disk delete data
    assert_status 0
    [[ $stderr == *'refers to it: x'* && $stderr == *'limactl disk delete --force data'* ]]
    [[ -e $LIMA_HOME/_disks/data ]]
    attach data x
    run --separate-stderr limactl disk list --json
    [[ $output == *'"instance":"x","instanceDir":"'"$LIMA_HOME"'/x","mountPoint":"[SWAP]","fsType":"swap"}' ]]
    limactl disk delete --force data
    [[ ! -e $LIMA_HOME/_disks/data ]]
}

@test "images are imported as they are, unless they lead to other files" {
    qemu-img create -q -f qcow2 a.qcow2 3M
    truncate -s 1M b.raw
    limactl disk import a a.qcow2
    limactl disk import b b.raw
    run --separate-stderr limactl disk list
    [[ $output == *'a       3MiB    qcow2 '* && $output == *'b       1MiB    raw '* ]]
    cmp a.qcow2 "$LIMA_HOME/_disks/a/datadisk"
    qemu-img create -q -f qcow2 -F raw -b "$HOME/b.raw" evil.qcow2
    run --separate-stderr limactl disk import c evil.qcow2
    assert_status 1
    [[ $stderr == *'backing file'* ]]
    run --separate-stderr limactl disk import c nothing.img
    assert_status 1
    run --separate-stderr limactl disk import c /dev/null
    assert_status 1
    [[ ! -e $LIMA_HOME/_disks/c ]]
}

@test "a disk without its image is listed, and can be deleted" {
    mkdir -p "$LIMA_HOME/_disks/torn"
    run --separate-stderr limactl disk list
    assert_status 0
    [[ $output == *'torn    0B '* && $stderr == *'disk \"torn\": cannot open'* ]]
    limactl disk delete torn
    [[ ! -e $LIMA_HOME/_disks/torn ]]
}
