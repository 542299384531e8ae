# shellcheck shell=bash disable=SC2154 # limactl, build and the functions are run.sh's
# Files of the host in one guest: ours against QEMU's 9p (Lima's defaults, and with its page cache) and
# against the C virtiofsd of QEMU 7.2, with the guest's own disk and memory beside them. Then what a
# mount costs. A round writes and reads BENCH_MIB (default 1024) of a large file, in 16 turns; 0 leaves it
# out. As root.
#
# What is shared lies in the host's memory; the guest's memory is locked, and the guest gives none of it
# back. A page that comes from a disk, or is new to the host, takes longer than what is compared here.
mib=$((${BENCH_MIB:-1024} / 16))
virtiofsd=${VIRTIOFSD:-/usr/lib/qemu/virtiofsd}
shares=$memory/shares

# virtiofsd has a descriptor for each file that the guest knows.
ulimit -n "$(ulimit -Hn)"
n_dirs=$(($(ulimit -n) > 21000 ? 200 : ($(ulimit -n) - 2000) / 101))

make_files() {
    local way d

    for way in ours virtiofsd nine; do
        for ((d = 0; d < n_dirs; d++)); do
            mkdir -p "$shares/$way/many/$d"
            (cd "$shares/$way/many/$d" && printf '%s\n' {0..99} | xargs touch)
        done
    done
    mkdir -p "$shares/tools/tree"
    for ((d = 0; d < 50; d++)); do
        mkdir "$shares/tools/tree/$d"
        for f in {0..99}; do
            printf '%1500s' "$d/$f" >"$shares/tools/tree/$d/$f"
        done
    done
    git -C "$shares/tools/tree" init -q
    git -C "$shares/tools/tree" add .
    git -C "$shares/tools/tree" -c user.name=b -c user.email=b@b commit -q -m tree
    git -C "$shares/tools/tree" gc -q
    tar -C "$shares/tools" -cf "$shares/tools/archive.tar" tree
    rm -r "$shares/tools/tree"
    ldd "$(command -v git)" | awk '$2 == "=>" { print $3 }' | xargs cp -t "$shares/tools"
    cp "$(command -v git)" "$build/files_bench" "$here/mounts_guest.sh" "$shares/tools"
    cp -L /lib64/ld-linux-x86-64.so.2 "$shares/tools/ld.so"
    printf '[safe]\n\tdirectory = *\n' >"$shares/tools/.gitconfig"
}

# Starts a guest that has all of them; further lines are of its configuration.
begin() { # NAME [LINE...]
    guest=$1
    shift
    "$virtiofsd" -f --socket-path="$LIMA_HOME/_fsd" -o source="$shares/virtiofsd" \
        -o announce_submounts >"$LIMA_HOME/_fsd.log" 2>&1 &
    virtiofsd_pid=$!
    printf '%s\n' '#!/bin/bash' '[[ "$*" == *vhost-user-fs-pci* ]] || exec qemu-system-x86_64 "$@"' \
        'exec qemu-system-x86_64 "${@/free-page-reporting=on/free-page-reporting=off}" -overcommit mem-lock=on \' \
        "-chardev socket,id=fsd,path=$LIMA_HOME/_fsd \\" \
        '-device vhost-user-fs-pci,queue-size=1024,chardev=fsd,tag=fsd \' \
        "-fsdev local,id=nine,path=$shares/nine,security_model=none \\" \
        '-device virtio-9p-pci,fsdev=nine,mount_tag=nine \' \
        "-fsdev local,id=loose,path=$shares/nine,security_model=none \\" \
        '-device virtio-9p-pci,fsdev=loose,mount_tag=loose' >"$LIMA_HOME/_qemu"
    chmod 755 "$LIMA_HOME/_qemu"
    printf '%s\n' "$@" 'images: [{location: "build:micro-generic"}]' 'cpus: 1' 'memory: 4GiB' 'disk: 16GiB' \
        'containerd: {system: false, user: false}' "mounts:" \
        "- {location: $shares/ours, mountPoint: /w/ours, writable: true}" >"$LIMA_HOME/_m.yaml"
    QEMU_SYSTEM_X86_64=$LIMA_HOME/_qemu "$limactl" start --tty=false --name="$guest" "$LIMA_HOME/_m.yaml" >/dev/null 2>"$LIMA_HOME/_start.log" ||
        cat "$LIMA_HOME/_start.log" >&2
    tar -C "$shares" -cf - tools | in_guest tar -C / -xf -
    in_guest sh -ec 'cd /w && mkdir virtiofsd nine loose disk memory
        mount -t virtiofs fsd virtiofsd
        o=trans=virtio,version=9p2000.L,msize=131072
        mount -t 9p -o $o,cache=mmap nine nine
        mount -t 9p -o $o,cache=loose loose loose
        mount -t tmpfs none memory
        cp -r ours/many disk'
}

# The programs on the other side of the mounts end by themselves.
end() {
    "$limactl" delete --force "$guest" >/dev/null 2>&1
    wait "$virtiofsd_pid" || true
}

in_guest() {
    "$limactl" shell --workdir / "$guest" sudo "$@"
}

declare -A seconds
race() { # WHAT...: of mounts_guest.sh
    local way what s

    while read -r way what s; do
        seconds[$way,$what]+="$s "
    done < <(in_guest env TOOLS=/tools sh /tools/mounts_guest.sh "$@")
}

of() { # WAY WHAT
    # shellcheck disable=SC2086 # words
    median ${seconds[$1,$2]}
}

# How many times ours a way takes, and, if there are enough of them, within what that lies with 95 %. Of
# what had its turns beside ours, each is compared with ours at that time, and the middle of these ratios
# counts: the machine's speed changes by more than the difference.
of_ours() { # WAY WHAT
    local -a theirs ours
    local i

    read -ra theirs <<<"${seconds[$1,$2]}"
    read -ra ours <<<"${seconds[ours,$2]}"
    if ((${#theirs[@]} != ${#ours[@]})); then
        theirs=("$(of "$1" "$2")") ours=("$(of ours "$2")")
    fi
    for i in "${!ours[@]}"; do
        ratio "${theirs[i]}" "${ours[i]}" && echo
    done | sort -g | awk '{ v[NR] = $1 } END {
        low = int((NR + 1) / 2)
        high = NR + 1 - low
        off = int(0.98 * sqrt(NR))
        printf "%.2f %s\n", (v[low] + v[high]) / 2, NR < 6 ? "" : v[low - off] " to " v[high + off] }'
}

times() { # WHAT NAME OTHER LEAST
    local measured within

    read -r measured within < <(of_ours "$3" "$1")
    row_least "$2, times $3" "$measured" "$4" '' "$within"
}

better() { # WHAT NAME OTHER...: at least equal to the better of them
    local measured low high

    read -r measured low _ high < <(for other in "${@:3}"; do of_ours "$other" "$1"; done | sort -g)
    row_level "$2, times the better of ${*:3}" "$measured" "$low" "$high"
}

large_verdicts() {
    local what

    for what in write-direct read-direct random-direct; do
        better $what "mount, $what" nine virtiofsd
    done
    for what in write-cached read-cached random-cached; do
        better $what "mount, $what" loose virtiofsd
    done
    times read-again 'mount, second read' memory 1
    for what in write read; do
        note "mount, $what-cached" "$(ratio "$mib" "$(of ours $what-cached)")" MiB/s
        note "mount, $what-direct" "$(ratio "$mib" "$(of ours $what-direct)")" MiB/s
    done
}

small_verdicts() {
    local what

    note "mount, $((n_dirs * 100)) files looked at" "$(ratio "$((n_dirs * 100))" "$(of ours walk)")" /s
    times walk "mount, $((n_dirs * 100)) files looked at" nine 8
    times walk "mount, $((n_dirs * 100)) files looked at" virtiofsd 1
    times walk "mount, $((n_dirs * 100)) files looked at" disk 0
    for what in untar status status-again slurp remove; do
        note "mount, 5,000 files: $what" "$(of ours $what)" s
        times $what "mount, 5,000 files: $what" nine 3
        times $what "mount, 5,000 files: $what" virtiofsd 1.2
        times $what "mount, 5,000 files: $what" disk 0
    done
}

# With mountInotify the guest believes what it knows until it is told otherwise.
told_race() {
    local way

    for way in ours virtiofsd; do
        mkdir "$shares/$way/u"
        tar -C "$shares/$way/u" -xf "$shares/tools/archive.tar"
    done
    race told $((rounds * 4))
    times status-told 'mountInotify, 5,000 files: status-again' virtiofsd 1.2
}

ms() {
    echo $(($(date +%s%N) / 1000000))
}

memory_of() { # PID: anonymous, in KiB
    awk '/^RssAnon/ { print $2 }' "/proc/$1/status"
}

wakeups_of() { # PID
    cat "/proc/$1/task"/*/status | awk '/^voluntary_ctxt_switches/ { n += $2 } END { print n }'
}

# The guest's own time is that of its program which mounts: measured on the last of the mounts.
costs() {
    local devices ha i began own before name took=()

    devices=$(<"$LIMA_HOME/$guest/devices.pid") ha=$(<"$LIMA_HOME/$guest/ha.pid")
    in_guest /tools/files_bench drop
    for i in {1..9}; do
        began=$(ms)
        "$limactl" mount add --mount-point "/w/hot$i" "$guest" "$shares/tools" >/dev/null 2>&1
        took+=($(($(ms) - began)))
    done
    name=$(jq -r '.mounts[-1].name' "$LIMA_HOME/$guest/hot-mounts.json")
    own=$(in_guest sh -ec 'umount /w/hot9
        agent=$(readlink "/proc/$(pidof lima-guestagent | cut -d" " -f1)/exe")
        /tools/files_bench run "$agent" mount --name '"$name"' --mount-point /w/hot9')
    row 'mount add, without what the guest takes' \
        "$(ratio "$(($(median "${took[@]}") * 1000 - $(awk -v s="$own" 'BEGIN { print int(s * 1e6) }')))" 1000)" 100 ms
    row 'devices, 10 mounts: anonymous memory' "$(ratio "$(memory_of "$devices")" 1024)" 4 MiB
    in_guest /tools/files_bench walk /w/ours/many >/dev/null
    row "devices, $((n_dirs * 100)) known files: anonymous memory" "$(ratio "$(memory_of "$devices")" 1024)" 20 MiB
    row "devices, $((n_dirs * 100)) known files: descriptors" "$(find "/proc/$devices/fd" | wc -l)" 300 ''
    sleep 10
    before=$(($(wakeups_of "$devices") + $(wakeups_of "$ha")))
    sleep 30
    row 'devices and host agent, 10 mounts: wake-ups in 10 s' \
        "$(ratio $(($(wakeups_of "$devices") + $(wakeups_of "$ha") - before)) 3)" 1 ''
}

make_files
begin m
costs
race files "$mib" "$rounds"
((mib == 0)) || large_verdicts
small_verdicts
end
rm -rf "$shares"/{ours,virtiofsd}/u
begin e 'mountInotify: true'
told_race
end
