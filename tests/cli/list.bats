# limactl list (reference: cli section 6).
load lib

@test "nothing there prints nothing and succeeds" {
    local format

    for format in table json yaml; do
        run --separate-stderr limactl list --format=$format
        assert_status 0
        assert_output ''
        assert_log warning 'No instance found. Run `limactl create` to create an instance.'
    done
}

@test "the table shows all columns when it is no terminal" {
    create b
    create a
    run --separate-stderr limactl ls
    assert_status 0
    [[ ${lines[0]} =~ ^NAME\ +STATUS\ +SSH\ +VMTYPE\ +ARCH\ +CPUS\ +MEMORY\ +DISK\ +DIR$ ]]
    [[ ${lines[1]} =~ ^a\ +Stopped\ +127\.0\.0\.1:0\ +null\ +[a-z0-9_]+\ +[0-9]+\ +[0-9.]+GiB\ +100GiB\ +/ ]]
    [[ ${lines[2]} == b* ]]
}

@test "the home directory is a tilde" {
    export LIMA_HOME=$HOME/.lima
    create a
    run --separate-stderr limactl ls
    [[ ${lines[1]} == *'~/.lima/a' ]]
}

@test "names select, in their order" {
    create a
    create b
    run --separate-stderr limactl list -q b a b
    assert_status 0
    assert_output $'b\na\nb'
}

@test "an unknown name fails after the rest" {
    create a
    run --separate-stderr limactl list -q x a
    assert_status 1
    assert_output a
    assert_log warning 'No instance matching x found.'
    assert_fatal 'unmatched instances'
    run --separate-stderr limactl list --json x
    assert_status 1
    assert_output ''
}

@test "JSON has one object per line with the keys in order" {
    create a
    create b
    run --separate-stderr limactl list --json
    assert_status 0
    [[ ${#lines[@]} -eq 2 ]]
    [[ ${lines[0]} == '{"name":"a","hostname":"lima-a","status":"Stopped","dir":"'"$LIMA_HOME"'/a","vmType":"null","arch":"'*'"protected":false,"limaVersion":"'*'"HostOS":"linux","HostArch":"'*'"LimaHome":"'"$LIMA_HOME"'","IdentityFile":"'"$LIMA_HOME"'/_config/user"}' ]]
    [[ ${lines[0]} != *'{}'* ]]
    run --separate-stderr limactl list --format=json b
    [[ ${#lines[@]} -eq 1 && ${lines[0]} == '{"name":"b"'* ]]
}

@test "JSON of a running instance names its processes" {
    start a
    run --separate-stderr limactl list --json a
    [[ $output == *'"status":"Running"'*'"sshLocalPort":60022'*'"hostAgentPID":'"$(<"$LIMA_HOME/a/ha.pid")"',"driverPID":'"$(<"$LIMA_HOME/a/null.pid")"* ]]
}

@test "errors are strings" {
    start a
    kill -9 "$(<"$LIMA_HOME/a/ha.pid")"
    eventually broken a
    run --separate-stderr limactl list --json a
    assert_status 0
    [[ $output == *'"status":"Broken"'*'"errors":["null driver is running but host agent is not"]'* ]]
    assert_log warning 'instance `a` has errors" errors="[null driver is running but host agent is not]'
}

broken() {
    [[ $(limactl list --json "$1" 2>/dev/null) == *'"status":"Broken"'* ]]
}

@test "YAML has one document per instance" {
    create a
    create b
    run --separate-stderr limactl list --format=yaml
    assert_status 0
    [[ ${lines[0]} == 'name: a' && $(grep -c '^---$' <<<"$output") -eq 1 ]]
}

@test "a directory without lima.yaml is Broken" {
    mkdir -p "$LIMA_HOME/odd"
    run --separate-stderr limactl list
    assert_status 0
    [[ ${lines[1]} =~ ^odd\ +Broken\ +:0\ +0\ +0B\ +0B\ +/ ]]
    [[ $stderr == *"does not look like a valid Lima directory"* ]]
}

@test "a bad configuration has no status" {
    create a
    echo 'cpus: [' >>"$LIMA_HOME/a/lima.yaml"
    run --separate-stderr limactl list --json
    assert_status 0
    [[ $output == *'"name":"a"'*'"status":""'*'"errors":["'* ]]
    run --separate-stderr limactl list -q
    assert_output a
}

@test "entries with a dot or an underscore are no instances" {
    mkdir -p "$LIMA_HOME"/{_x,.y}
    touch "$LIMA_HOME/file"
    run --separate-stderr limactl list -q
    assert_output ''
}

@test "options that exclude each other" {
    run --separate-stderr limactl list --json --format=yaml
    assert_status 1
    assert_fatal 'option --json conflicts with option --format'
    run --separate-stderr limactl list -q --json
    assert_status 1
    assert_fatal "option --quiet can only be used with '--format table'"
    run --separate-stderr limactl list --list-fields --format=json
    assert_fatal 'option --list-fields conflicts with option --format'
}

@test "the fields for templates are listed" {
    run --separate-stderr limactl list --list-fields
    assert_status 0
    [[ ${lines[0]} == AdditionalDisks && ${lines[-1]} == VMType && ${#lines[@]} -eq 23 ]]
}

@test "completion offers the names" {
    create a
    create b
    run --separate-stderr limactl __complete stop ''
    assert_output $'a\nb\n:4'
    run --separate-stderr limactl __complete delete a ''
    assert_output $'b\n:4'
}

@test "expressions choose and change what is listed" {
    create a 'cpus: 1'
    create b 'cpus: 2'
    run --separate-stderr limactl list --yq '.name'
    assert_status 0
    assert_output $'a\nb'
    run --separate-stderr limactl list --yq 'select(.config.cpus == 2)' --yq '{"n": .name, "c": .config.cpus}'
    assert_output '{"n":"b","c":2}'
    run --separate-stderr limactl list --yq '[.config.images[].location | sub(".*/", "")] | join(",")' b
    assert_output image
    run --separate-stderr limactl list -q --filter '.config.cpus > 1'
    assert_output b
    run --separate-stderr limactl list -q -l '.status == "Stop*"' -l '.name | test("^A") | not'
    assert_output $'a\nb'
    run --separate-stderr limactl list --format '{{.Name}}' --filter '.name == "a"'
    assert_output a
    run --separate-stderr limactl list --yq '.name | foo' a
    assert_status 1
    assert_output ''
    [[ $stderr == *'expression, line 1, column 9: the function `foo` is not available in expressions'* ]]
}

@test "templates print fields" {
    create a 'cpus: 1' 'param:' '  k: v' 'message: "{{.Param.k}}"' 'probes:' '- script: "#!{{.Param.k}}"'
    run --separate-stderr limactl list --format '{{.Name}} {{.Status}} {{.Config.CPUs}}\t{{len .Name}} {{json .Param}}'
    assert_status 0
    assert_output 'a Stopped 1\t1 {"k":"v"}'
    run --separate-stderr limactl list --format '{{range $i, $e := .Config.Images}}{{$i}}{{end}}{{if eq .Status "Running"}}up{{else}}down{{end}}'
    assert_output 0down
    run --separate-stderr limactl list --format '{{.Unknown}}'
    assert_status 1
    assert_output ''
    assert_fatal "template: format:1:2: executing \\\"format\\\" at <.Unknown>: can't evaluate field Unknown in type store.FormatData"
    run --separate-stderr limactl list --format '{{foo}}'
    assert_status 1
    [[ $stderr == *'invalid go template: template: format:1: function \"foo\" not defined'* ]]
    run --separate-stderr limactl list --format '{{.Name'
    [[ $stderr == *'invalid go template: template: format:1: unclosed action'* ]]
}

@test "the functions json and yaml write the keys of JSON" {
    local line

    create a 'ssh: {localPort: 60123}' 'param:' '  k: v' 'message: "{{.Param.k}}"' 'probes:' '- script: "#!{{.Param.k}}"'
    run --separate-stderr limactl list --json a
    line=$output
    run --separate-stderr limactl list --format '{{json .}}' a
    assert_status 0
    [[ $output == '{"name":"a","hostname":"lima-a","status":"Stopped",'* ]]
    run --separate-stderr limactl list --format '{{json .Config}}' a
    assert_status 0
    [[ $output == '{"vmType":'* && $line == *"${output%%,\"images\"*}"* ]]
    run --separate-stderr limactl list --format '{{json .Config.SSH}}' a
    [[ $output == '{"localPort":60123,'* && $line == *"$output"* ]]
    run --separate-stderr limactl list --format '{{json .Config.Probes}}' a
    [[ $output == '[{"mode":"readiness",'* && $line == *"$output"* ]]
    run --separate-stderr limactl list --format '{{range .Config.Probes}}{{json .}}{{end}}' a
    [[ $output == '{"mode":"readiness",'* && $line == *"$output"* ]]
    run --separate-stderr limactl list --format '{{json .Instance}}' a
    [[ $output == '{"name":"a",'* && $output != *HostOS* ]]
    run --separate-stderr limactl list --format '{{yaml .Config.SSH}}' a
    [[ $output == $'---\nlocalPort: 60123\n'* ]]
}
