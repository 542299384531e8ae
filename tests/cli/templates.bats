# The shipped templates, and locators (reference: cli section 4.2, config sections 9 and 11).
load lib

@test "every shipped template is valid" {
    for file in "$PREFIX"/share/lima/templates/*.yaml; do
        run --separate-stderr limactl validate "$file"
        assert_status 0
        [[ $stderr != *level=warning* ]]
    done
}

@test "templates are listed, those of LIMA_HOME first" {
    mkdir -p "$LIMA_HOME/_templates/own"
    cp "$(null_yaml x)" "$LIMA_HOME/_templates/own/box.yaml"
    cp "$(null_yaml x)" "$LIMA_HOME/_templates/_hidden.yaml"
    run --separate-stderr limactl start --list-templates
    assert_status 0
    for name in alpine debian-12 debian-local default micro own/box ubuntu-24.04; do
        grep -qx "$name" <<<"$output"
    done
    ! grep -q hidden <<<"$output"
}

@test "LIMA_TEMPLATES_PATH replaces the search path" {
    mkdir -p "$HOME/more"
    cp "$(null_yaml x)" "$HOME/more/only.yaml"
    LIMA_TEMPLATES_PATH=$HOME/more run --separate-stderr limactl create --list-templates
    assert_status 0
    assert_output only
}

@test "a template names the instance" {
    mkdir -p "$LIMA_HOME/_templates"
    cp "$(null_yaml x)" "$LIMA_HOME/_templates/Box.yaml"
    run --separate-stderr limactl create --tty=false template:Box
    assert_status 0
    [[ -e $LIMA_HOME/box/lima.yaml ]]
}

@test "unknown templates and schemes are refused" {
    run --separate-stderr limactl create --tty=false template:nope
    assert_status 1
    [[ $stderr == *'template `nope.yaml` not found'* ]]
    run --separate-stderr limactl create --tty=false template:../../etc/passwd
    assert_status 1
    [[ $stderr == *'must not contain `..`'* ]]
    run --separate-stderr limactl create --tty=false github:lima-vm/lima
    assert_status 1
    [[ $stderr == *'not supported'* ]]
}

@test "standard input needs a name" {
    run --separate-stderr limactl create --tty=false - <"$(null_yaml x)"
    assert_status 1
    [[ $stderr == *'must pass instance name with --name when reading template from stdin'* ]]
    run --separate-stderr limactl create --tty=false --name=piped - <"$(null_yaml x)"
    assert_status 0
    cmp "$LIMA_HOME/piped/lima.yaml" "$HOME/x.yaml"
}
