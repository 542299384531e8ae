# The wrapper scripts (reference: cli section 14). limactl is a script that prints its arguments.
load lib

setup() {
    setup_cli
    BIN=$BATS_TEST_TMPDIR/bin
    mkdir "$BIN"
    cat >"$BIN/limactl" <<'SCRIPT'
#!/bin/sh
case "$*" in
"ls -q docker" | "ls -q k3s") printf '%s\n' "$3" ;;
"ls -q "*) exit 1 ;;
"ls -f {{ .Status }} docker") echo "${FAKE_STATUS-Running}" ;;
"ls -f {{ .Status }} k3s") echo Running ;;
"list docker --format unix://{{.Dir}}/sock/docker.sock") echo unix:///d/sock/docker.sock ;;
"list k3s --format {{.Dir}}/copied-from-guest/kubeconfig.yaml") echo /d/kubeconfig.yaml ;;
*) printf '<%s>' "$@"; echo ;;
esac
SCRIPT
    chmod +x "$BIN/limactl"
    PATH=$BIN:$PATH
}

@test "lima runs limactl shell for its instance" {
    run lima uname -a
    assert_output '<shell><--instance><default><uname><-a>'
    LIMA_INSTANCE=x LIMA_SHELL=zsh LIMA_WORKDIR='/a b' run lima
    assert_output '<shell><--workdir></a b><--shell><zsh><--instance><x>'
    LIMA_INSTANCE='' LIMA_SHELL='' run lima -- ls
    assert_output '<shell><--instance><default><--><ls>'
}

@test "lima has help and a version of its own" {
    run lima --help
    assert_status 0
    [[ $output == "Usage: lima"* ]]
    run lima -v
    assert_output '<-v>'
}

@test "LIMACTL names the program" {
    LIMACTL=echo run lima x
    assert_output 'shell --instance default x'
    LIMACTL=/no/such/limactl run lima x
    assert_status 127
    [[ $output == *'/no/such/limactl'* ]]
}

@test "nerdctl.lima hands the environment over" {
    run nerdctl.lima ps -a
    assert_output '<shell><--preserve-env><default><nerdctl><ps><-a>'
}

@test "docker.lima uses the host's docker through the socket" {
    printf '#!/bin/sh\necho "$DOCKER_HOST" "$@"\n' >"$BIN/mydocker"
    chmod +x "$BIN/mydocker"
    DOCKER=mydocker run docker.lima ps
    assert_output 'unix:///d/sock/docker.sock ps'
}

@test "docker.lima without a docker on the host uses the guest's" {
    DOCKER=no-such-docker run docker.lima ps
    assert_output '<shell><--instance><docker><docker><ps>'
}

@test "docker.lima says what is missing" {
    LIMA_INSTANCE=x run docker.lima ps
    assert_status 1
    assert_output 'instance "x" does not exist, run `limactl create --name=x template:docker` to create a new instance'
    FAKE_STATUS=Stopped run docker.lima ps
    assert_status 1
    assert_output 'instance "docker" is not running, run `limactl start docker` to start the existing instance'
}

@test "kubectl.lima finds the instance" {
    printf '#!/bin/sh\necho "$KUBECONFIG" "$@"\n' >"$BIN/mykubectl"
    chmod +x "$BIN/mykubectl"
    KUBECTL=mykubectl run kubectl.lima get pods
    assert_output '/d/kubeconfig.yaml get pods'
    KUBECTL=no-such-kubectl run kubectl.lima get pods
    assert_output '<shell><--instance><k3s><sudo><kubectl><get><pods>'
}

@test "apptainer.lima binds the home directory" {
    APPTAINER_BINDPATH=/x run apptainer.lima run
    assert_output "<shell><--instance><apptainer><APPTAINER_BINDPATH=/x,$HOME><apptainer><run>"
}
