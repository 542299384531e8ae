# Changes made on the host as file events in a guest: what a watcher prints there is what one prints here.
load lib

setup_file() {
    setup_vm
    mkdir -p "$HOME/rw/sub" "$HOME/ro"
    start_micro m 'mountInotify: true' 'mounts:' \
        "- {location: $HOME/rw, mountPoint: /mnt/rw, writable: true}" \
        "- {location: $HOME/ro, mountPoint: /mnt/ro}"
    limactl copy "$WATCH_TOOL" m:/tmp/watch_tool
    limactl copy "$NAMESPACE_TOOL" m:/tmp/namespace_tool
}

# Runs COMMAND (of bash, in the folder) between watchers on both sides; leaves what they print in
# $HOME/host.txt and $HOME/guest.txt.
watch_both() { # FOLDER COMMAND
    local here=$HOME/$1 end events guest_pid host_pid

    rm -f "$HOME"/{host,guest}.txt
    end=$(cd "$here" && mktemp -u .end.XXXXXX)
    events=$(guest m mktemp)
    guest m sh -c "timeout 300 /tmp/watch_tool /mnt/$1 $end >$events" 3>&- &
    guest_pid=$!
    timeout 300 "$WATCH_TOOL" "$here" "$end" >"$HOME/host.txt" 3>&- &
    host_pid=$!
    eventually guest m grep -q READY "$events"
    eventually grep -q READY "$HOME/host.txt"
    (cd "$here" && eval "$2")
    : >"$here/$end"
    wait "$host_pid" "$guest_pid"
    guest m cat "$events" >"$HOME/guest.txt"
}

# Those of files and folders themselves are left out: `devices` may keep a removed folder open for a
# while, and then its event comes late on the host.
same_events() { # FOLDER COMMAND
    watch_both "$@"
    diff <(grep -v '_SELF ' "$HOME/host.txt") <(grep -v '_SELF ' "$HOME/guest.txt") >"$HOME/diff.txt" || {
        head -n 40 "$HOME/diff.txt"
        return 1
    }
}

# Time for the guest's watcher to look into a new folder: one that comes late misses what came before,
# there and here.
settle() {
    read -r -t 0.7 <> <(:) || true
}

@test "files are made, written, given other attributes, moved and removed" {
    same_events rw 'echo one >f; settle; echo two >>f; chmod 600 f; settle; mv f g; touch g; settle
        echo three >g; : >empty; ln -s g link; mkfifo pipe; settle; rm g empty link pipe'
    grep -q '^MOVED_FROM#1 f$' "$HOME/guest.txt"
    grep -q '^MOVED_TO#1 g$' "$HOME/guest.txt"
}

@test "folders are made, filled, moved and removed" {
    same_events rw 'mkdir -p d; settle; mkdir d/e; settle; echo x >d/e/x; echo y >y; mv y d/y; settle
        mv d/e e; settle; mv d/y sub/z; echo w >sub/w; settle; rm sub/z sub/w; rm e/x; settle; rmdir e; settle
        rmdir d; settle'
    grep -q '^DELETE_SELF d$' "$HOME/guest.txt"
}

@test "a folder is watched also when the guest has dropped its name" {
    mkdir -p "$HOME/rw/sub/deep"
    same_events rw 'guest m sudo sh -c "echo 2 >/proc/sys/vm/drop_caches"; echo x >sub/f; settle
        echo y >sub/deep/f; settle; rm sub/f sub/deep/f; rmdir sub/deep; settle'
    grep -q '^CREATE sub/f$' "$HOME/guest.txt"
    grep -q '^DELETE sub/deep/f$' "$HOME/guest.txt"
}

@test "what happens in a folder that is gone by the time it is told is told whole" {
    mkdir -p "$HOME"/rw/gone{1..8}/in
    same_events rw 'for i in {1..8}; do
        echo a >gone$i/in/f; echo b >gone$i/in/g; mv gone$i/in/f gone$i/h; rm gone$i/h gone$i/in/g
        rmdir gone$i/in gone$i; done'
    [[ $(grep -c '^MOVED_TO#. gone./h$' "$HOME/guest.txt") -eq 8 ]]
}

@test "what moves in and out is one half of a move" {
    mkdir -p "$HOME/outside"
    echo a >"$HOME/outside/in"
    same_events rw "mv '$HOME/outside/in' in; settle; mv in '$HOME/outside/out'; settle"
    grep -q '^MOVED_TO#1 in$' "$HOME/guest.txt"
    grep -q '^MOVED_FROM#2 in$' "$HOME/guest.txt"
}

@test "an editor's save is seen as one, and what is read then is new" {
    local i

    echo v0 >"$HOME/rw/doc"
    same_events rw 'for i in 1 2 3 4 5; do echo "v$i" >doc.tmp; mv doc.tmp doc; done; settle
        cp doc doc~; echo v6 >doc; rm doc~'
    [[ $(guest m cat /mnt/rw/doc) == v6 ]]
    for i in {1..20}; do
        printf 'n%03d' "$i" >"$HOME/rw/doc"
        eventually guest_reads "n$(printf %03d "$i")"
    done
}

guest_reads() { # TEXT
    [[ $(guest m cat /mnt/rw/doc) == "$1" ]]
}

@test "a checkout of 2,000 files is seen whole and in order" {
    same_events rw 'mkdir src; settle; for i in $(seq 2000); do echo "$i" >"src/f$i"; done'
    same_events rw 'for i in $(seq 2000); do rm "src/f$i"; echo "new $i" >"src/f$i"; done'
    [[ $(guest m sh -c 'cat /mnt/rw/src/f* | sort | md5sum') == $(cat "$HOME"/rw/src/f* | sort | md5sum) ]]
    watch_both rw 'rm -r src'
    # In which order a listing comes is one thing; that every file goes, another.
    [[ $(grep -c '^DELETE src/f' "$HOME/guest.txt") -eq 2000 ]]
    grep -q '^DELETE,ISDIR src$' "$HOME/guest.txt"
}

@test "a read-only folder has events, and stays read-only" {
    same_events ro 'echo one >f; settle; mv f g; mkdir d; settle; echo x >d/x; settle; rm -r d g'
    run guest m sudo sh -c 'mount -o remount,rw /mnt/ro; touch /mnt/ro/no'
    [[ $output == *'Read-only file system'* && ! -e $HOME/ro/no ]]
    run in_whole m touch /run/lima-mounts/all/x
    [[ $status -eq 1 && $output == *'Read-only file system'* ]]
}

@test "what the guest does is not repeated" {
    watch_both rw "limactl shell --workdir / m sh -c 'cd /mnt/rw; echo a >own; mv own own2; mkdir o; rmdir o; rm own2'; settle"
    [[ $(grep -c '^CREATE own$' "$HOME/guest.txt") -eq 1 ]]
    [[ $(grep -c '^MOVED_FROM' "$HOME/guest.txt") -eq 1 && $(grep -c '^DELETE own2$' "$HOME/guest.txt") -eq 1 ]]
    [[ $(grep -c 'ISDIR o$' "$HOME/guest.txt") -eq 2 ]]
}

# What has happened to each name of a writer, one name after the other: across names the kernel of the
# host itself gives no order.
by_name() { # FILE PREFIX
    sed -nE "s/^(CREATE|DELETE|MOVED_FROM|MOVED_TO)(#[0-9]+)? (stress\/([12]\/)?$2[0-9]+)\$/\1 \3/p" "$1" | sort -s -k 2
}

same_by_name() { # PREFIX
    diff <(by_name "$HOME/$1.txt" "$1") <(by_name "$HOME/guest.txt" "$1") >"$HOME/diff.txt" || {
        head -n 20 "$HOME/diff.txt"
        return 1
    }
}

@test "two writers here, one there, and readers: every event of a name comes, once and in order" {
    mkdir -p "$HOME/rw/stress/1" "$HOME/rw/stress/2"
    watch_both rw '
        limactl shell --workdir / m sh -c "
            cd /mnt/rw/stress; (for i in \$(seq 30); do ls -lR . >/dev/null 2>&1; cat a* 1/b* 2>/dev/null; done) >/dev/null &
            for i in \$(seq 150); do echo \$i >c\$i; mv c\$i 1/c\$i; rm 1/c\$i; done; wait" 3>&- &
        "$VM_TESTS/change_writer.py" . stress a 600 1 >"$HOME/a.txt" &
        "$VM_TESTS/change_writer.py" . stress b 600 2 >"$HOME/b.txt" &
        wait'
    same_by_name a
    same_by_name b
    for i in {1..150}; do
        printf 'CREATE stress/c%s\nMOVED_FROM stress/c%s\nMOVED_TO stress/1/c%s\nDELETE stress/1/c%s\n' "$i" "$i" "$i" "$i"
    done >"$HOME/c.txt"
    same_by_name c
    [[ $(guest m sh -c 'cd /mnt/rw/stress && find . | sort') == $(cd "$HOME/rw/stress" && find . | sort) ]]
}

lists_are_alike() {
    [[ $(guest m sh -c 'cd /mnt/rw/list && ls -A; ls -A') == "$(ls -A "$HOME/rw/list")"$'\n'"$(ls -A "$HOME/rw/list")" ]]
}

@test "a list of names that the guest keeps is right after each change" {
    local change

    mkdir -p "$HOME/rw/list/sub"
    touch "$HOME"/rw/list/{a,b,c}
    lists_are_alike
    for change in 'touch d' 'rm a' 'mv b e' 'mv c sub/c' 'mv sub/c f' 'rmdir sub' 'mkdir sub' 'ln d g' \
        'touch {1..200}' 'rm {1..199}' 'cd .. && mv list was && mkdir list && touch list/new'; do
        (cd "$HOME/rw/list" && eval "$change")
        eventually lists_are_alike
    done
    guest m sh -c 'cd /mnt/rw/list && touch own && rm new'
    lists_are_alike
}

@test "a program that was just installed can be executed" {
    local i

    for i in {1..10}; do
        cp /bin/true "$HOME/rw/tool.new"
        mv "$HOME/rw/tool.new" "$HOME/rw/tool"
    done
    for i in {1..10}; do
        printf '#!/bin/sh\necho %s\n' "$i" >"$HOME/rw/script"
        chmod 755 "$HOME/rw/script"
        [[ $(guest m /mnt/rw/script) == "$i" ]] || settle
    done
    eventually sh -c '[ "$(limactl shell --workdir / m /mnt/rw/script)" = 10 ]'
}

@test "a folder on which the guest has something mounted stays mounted" {
    mkdir -p "$HOME/rw/point"
    guest m sudo mount -t tmpfs none /mnt/rw/point
    mv "$HOME/rw/point" "$HOME/rw/moved"
    mkdir "$HOME/rw/point"
    touch "$HOME/rw/point/below"
    settle
    guest m grep -q ' /mnt/rw/point tmpfs' /proc/mounts
    guest m sudo umount /mnt/rw/point
    rm -r "$HOME/rw/point" "$HOME/rw/moved"
}

@test "hot mounts have events, too, and can be removed" {
    mkdir -p "$HOME/hot"
    limactl mount add --writable --mount-point /mnt/hot m "$HOME/hot"
    same_events hot 'echo x >f; settle; rm f'
    limactl mount remove m /mnt/hot
}

# The process that repeats changes and those that mount the folders begin again at the same time.
@test "with a new devices process the mounts are back, each time" {
    start_micro n 'mountInotify: true' 'mounts:' "- {location: $HOME/ro, mountPoint: /mnt/ro}" \
        "- {location: $HOME/rw/sub, mountPoint: /mnt/sub, writable: true}"
    for round in 1 2 3 4 5 6; do
        # The process knows folders, also such that are gone.
        mkdir "$HOME/rw/sub/$round"
        settle
        ((round > 3)) || rmdir "$HOME/rw/sub/$round"
        settle
        : >"$LIMA_HOME/n/ha.stderr.log"
        kill -KILL "$(pid_of n devices)"
        eventually grep -q 'The guest has its devices again' "$LIMA_HOME/n/ha.stderr.log"
        eventually guest n sh -c 'echo x >/mnt/sub/after && ls /mnt/ro && rm /mnt/sub/after'
        [[ $(limactl mount list --json n | grep -vc '"state":"mounted"') -eq 0 ]]
    done
    limactl delete --force n
    rmdir "$HOME"/rw/sub/[456]
}

@test "events go on without the host agent, and when the agent of the guest was killed" {
    kill -KILL "$(pid_of m ha)"
    eventually is_gone "$(pid_of m ha)"
    limactl start --tty=false m
    same_events rw 'echo x >f; settle; rm f'
    # shellcheck disable=SC2016 # for the guest's shell
    guest m sudo sh -c 'for p in /proc/[0-9]*; do
        [ "$(tr "\\0" " " <$p/cmdline 2>/dev/null)" = "/proc/self/exe echo " ] && kill -9 ${p#/proc/}; done; true'
    settle
    same_events rw 'echo x >f; settle; rm f'
    limactl delete --force m
}
