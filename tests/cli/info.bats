# limactl info and validate (reference: cli sections 10.1, 10.5).
load lib

@test "info is JSON with the keys that clients read" {
    run --separate-stderr limactl info
    assert_status 0
    printf '%s' "$output" | python3 -c '
import json, os, sys
info = json.load(sys.stdin)
want = ["version", "templates", "defaultTemplate", "limaHome", "vmTypes", "vmTypesEx", "guestAgents",
        "shellEnvBlock", "hostOS", "hostArch", "identityFile", "plugins", "libexecPaths", "sharePaths"]
assert list(info)[:len(want)] == want, list(info)
assert info["limaHome"] == os.environ["LIMA_HOME"]
assert info["version"].startswith("2.")
assert info["vmTypes"] == ["qemu"] and info["vmTypesEx"] == {"qemu": {"location": "internal"}}
assert "SSH_*" in info["shellEnvBlock"]
assert info["identityFile"] == info["limaHome"] + "/_config/user"'
    [[ ${lines[1]} == '    "version": "'* ]]
}

@test "info stays parseable with --debug" {
    limactl --debug info 2>/dev/null | python3 -m json.tool >/dev/null
}

@test "a good template is OK" {
    run --separate-stderr limactl validate "$(null_yaml x)"
    assert_status 0
    assert_output ''
    assert_log info "\`$HOME/x.yaml\`: OK"
    [[ ! -e $LIMA_HOME/x ]]
}

@test "an unknown key is warned of" {
    run --separate-stderr limactl validate "$(null_yaml x 'cpuz: 2')"
    assert_status 0
    [[ $stderr == *'level=warning msg="Non-strict YAML detected; please check for typos"'*cpuz* ]]
}

@test "--fill prints the defaults" {
    run --separate-stderr limactl validate --fill "$(null_yaml x)"
    assert_status 0
    [[ $output == *'cpus: '* && $output == *'disk: 100GiB'* && $output != '---'* ]]
    run --separate-stderr limactl validate --fill "$(null_yaml x)" "$(null_yaml y)"
    [[ $(grep -c '^---$' <<<"$output") -eq 2 && $(grep -c '^\.\.\.$' <<<"$output") -eq 2 ]]
}

@test "a bad template is named with line and key" {
    run --separate-stderr limactl validate "$(null_yaml good)" "$(null_yaml x 'cpus: many')"
    assert_status 1
    assert_log info "\`$HOME/good.yaml\`: OK"
    [[ $stderr == *"failed to validate YAML file \`$HOME/x.yaml\`: "*cpus* ]]
    run --separate-stderr limactl validate /does/not/exist.yaml
    assert_status 1
}
