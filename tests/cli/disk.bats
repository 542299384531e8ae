# limactl disk attach, detach, attached, limactl sudoers and --block-device: what is said without a machine.
load lib

@test "disks are those of an instance that runs" {
    create x
    for command in 'attach x /dev/x' 'detach x /dev/x' 'attached x'; do
        # shellcheck disable=SC2086 # words
        run --separate-stderr limactl disk $command
        assert_status 1
        assert_fatal 'instance \"x\" is not running'
    done
    run --separate-stderr limactl disk attach nothing /dev/x
    assert_status 1
    assert_fatal 'instance `nothing` does not exist, run `limactl create nothing` to create a new instance'
    run --separate-stderr limactl disk attach x
    assert_status 1
    [[ $stderr == *'accepts 2 arg(s), received 1'* ]]
}

@test "a host agent that does not know disks is named" {
    FAKE_AGENT=old start x
    run --separate-stderr limactl disk attached x
    assert_status 1
    assert_fatal 'instance \"x\": the host agent is of an older version'
}

@test "a driver without block devices refuses them" {
    run --separate-stderr limactl start --tty=false "$(null_yaml x 'blockDevices: [/dev/null]')"
    assert_status 1
    [[ $stderr == *'field `blockDevices`: driver null cannot attach block devices of the host'* ]]
}

@test "--block-device adds to the list, each device once" {
    create x
    limactl edit --tty=false --block-device=/dev/a,/dev/b --block-device=/dev/a x 2>/dev/null
    limactl edit --tty=false --block-device=/dev/c,/dev/b x 2>/dev/null
    run --separate-stderr limactl list --yq '.config.blockDevices | join(",")' x
    assert_output /dev/a,/dev/b,/dev/c
    run --separate-stderr limactl create --tty=false --block-device=relative "$(null_yaml y)"
    assert_status 1
    [[ $stderr == *'field `blockDevices[0]` must be an absolute path, got `relative`'* ]]
    run --separate-stderr limactl create --tty=false "$(null_yaml z 'blockDevices: [/dev/b, /dev/b]')"
    assert_status 1
    [[ $stderr == *'field `blockDevices[1]` is there twice: /dev/b'* ]]
}

@test "sudoers needs to know the devices" {
    run --separate-stderr limactl sudoers
    assert_status 1
    assert_fatal 'no rule is needed on this system but for block devices (hint: name them: --block-device=DEVICE)'
    run --separate-stderr limactl sudoers file
    assert_status 1
    assert_fatal 'the file argument can be specified only for --check mode'
}

@test "no rule for a program that others than root can change" {
    local open=$BATS_TEST_TMPDIR/open

    mkdir -m 777 "$open"
    cp -r "$PREFIX" "$open/p"
    run --separate-stderr "$open/p/bin/limactl" sudoers --block-device=/dev/null
    assert_status 1
    [[ $stderr == *'/libexec/lima/privileged would be run as root, which others than root must not be able to change:'* ]]
    [[ -z $output ]]
}

@test "rules are printed for this user, and found again" {
    local top rule

    [[ $EUID -eq 0 ]] || skip 'needs a prefix where only root can write'
    top=$(mktemp -d /var/lib/clima-test.XXXXXX)
    chmod 755 "$top"
    cp -r "$PREFIX" "$top/p"
    chmod -R u=rwX,go=rX "$top/p"
    rule="ALL=(root:root) NOPASSWD:NOSETENV: $top/p/libexec/lima/privileged block-device"
    run --separate-stderr "$top/p/bin/limactl" sudoers --block-device=/dev/null,/dev/zero
    limactl_status=$status rules=$output
    mkdir "$HOME/bin"
    ln -s /bin/false "$HOME/bin/sudo"
    PATH=$HOME/bin:$PATH "$top/p/bin/limactl" sudoers --check --block-device=/dev/null /etc/hostname 2>"$HOME/missing" && limactl_status=9
    printf '%s\n' "$rules" >"$HOME/sudoers"
    "$top/p/bin/limactl" sudoers --check --block-device=/dev/zero "$HOME/sudoers" 2>"$HOME/found" || limactl_status=9
    "$top/p/bin/limactl" sudoers --block-device=/dev/clima-nosuch 2>"$HOME/nosuch" && limactl_status=9
    chmod go+w "$top/p/libexec/lima"
    "$top/p/bin/limactl" sudoers --block-device=/dev/null 2>"$HOME/writable" && limactl_status=9
    SUDO_UID=0 SUDO_GID=0 "$top/p/libexec/lima/privileged" block-device /dev/null </dev/null \
        2>"$HOME/refusal" && limactl_status=9
    rm -rf "$top"
    [[ $limactl_status -eq 0 ]]
    [[ $rules == "root $rule /dev/null"$'\n'"root $rule /dev/zero" ]]
    grep -qF '`/etc/hostname` does not have the rule for /dev/null' "$HOME/missing"
    grep -qF 'limactl sudoers --block-device=/dev/null | sudo tee -a /etc/hostname' "$HOME/missing"
    grep -qF "is up-to-date (or sudo doesn't require a password)" "$HOME/found"
    grep -qF 'block device /dev/clima-nosuch does not exist' "$HOME/nosuch"
    grep -qF '/p/libexec/lima can be written by others than root' "$HOME/writable"
    grep -qF 'privileged: this program must be root'"'"'s alone' "$HOME/refusal"
}
