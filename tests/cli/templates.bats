# The shipped templates, and locators (reference: cli section 4.2, config sections 9 and 11).
load lib

SERVE=$CLI_BUILD/tests/fake/http-serve

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

@test "files are named by paths and file: URLs, odd characters included" {
    mkdir -p "$HOME/d i r"
    cp "$(null_yaml x)" "$HOME/d i r/my: [file].yaml"
    run --separate-stderr limactl create --tty=false "./d i r/my: [file].yaml"
    assert_status 1
    [[ $stderr == *'filename `./d i r/my: [file].yaml` is invalid: identifier `my: [file]` must match'* ]]
    run --separate-stderr limactl create --tty=false --name=a "./d i r/my: [file].yaml"
    assert_status 0
    run --separate-stderr limactl create --tty=false --name=b "file://$HOME/d i r/my: [file].yaml"
    assert_status 0
    run --separate-stderr limactl create --tty=false --name=c '~/d i r/my: [file].yaml'
    assert_status 0
    cmp "$HOME/x.yaml" "$LIMA_HOME/b/lima.yaml"
}

@test "a template is fetched over HTTP" {
    null_yaml box
    run --separate-stderr "$SERVE" 200 box.yaml sh -c 'limactl create --tty=false "$HTTP_URL/My-Box.yaml?raw=1"'
    assert_status 0
    cmp box.yaml "$LIMA_HOME/my-box/lima.yaml"
    run --separate-stderr "$SERVE" 404 box.yaml sh -c 'limactl create --tty=false "$HTTP_URL/none.yaml"'
    assert_status 1
    [[ $stderr == *"unexpected HTTP status"* ]]
    [[ ! -e $LIMA_HOME/none ]]
}

@test "an image is a template" {
    null_yaml x
    cp image 'an image-20250101-x86_64.raw'
    run --separate-stderr limactl create --tty=false --vm-type=null --name=i './an image-20250101-x86_64.raw'
    assert_status 0
    grep -qx -- "- location: $HOME/an image-20250101-x86_64.raw" "$LIMA_HOME/i/lima.yaml"
    run --separate-stderr limactl create --tty=false --name=i image.raw
    assert_status 1
}

@test "a file whose name could be an instance's is not read, but told of" {
    null_yaml x
    cp image box.raw
    run --separate-stderr limactl create --tty=false --name=i box.raw
    assert_status 1
    [[ $stderr == *'instance name `box.raw` and CLI flag --name=`i` cannot be specified together (hint: ./box.raw '* ]]
}

@test "templates that build on others are refused" {
    null_yaml x 'base: template:default'
    run --separate-stderr limactl create --tty=false ./x.yaml
    assert_status 1
    [[ $stderr == *'field `base` must be empty for YAML validation'*'(hint: '* ]]
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
