# Global flags, logs and errors of the command line (reference: cli sections 1 and 2).
load lib

@test "no arguments print help" {
    run --separate-stderr limactl
    assert_status 0
    [[ $output == *"Usage:"* && $output == *"--log-level"* ]]
}

@test "the version has the form that clients parse" {
    run --separate-stderr limactl --version
    assert_status 0
    [[ $output =~ ^limactl\ version\ [0-9]+\.[0-9]+\.[0-9]+\+clima\.[0-9.]+$ ]]
    run --separate-stderr limactl -v
    [[ $output == "limactl version "* ]]
}

@test "an unknown command is fatal and suggests a near one" {
    run --separate-stderr limactl bogus
    assert_status 1
    assert_output ''
    assert_fatal 'unknown command \"bogus\" for \"limactl\"'
    run --separate-stderr limactl complettion
    assert_fatal 'unknown command \"complettion\" for \"limactl\"\n\nDid you mean this?\n\tcompletion\n'
}

@test "bad flags are fatal" {
    run --separate-stderr limactl --foo
    assert_status 1
    assert_fatal 'unknown flag: --foo'
    run --separate-stderr limactl completion bash -z
    assert_fatal "unknown shorthand flag: 'z' in -z"
    run --separate-stderr limactl completion bash --tty=x
    assert_fatal 'invalid argument \"x\" for \"--tty\" flag: strconv.ParseBool: parsing \"x\": invalid syntax'
}

@test "a hint names the flag that was meant" {
    run --separate-stderr limactl completion bash --no-description
    assert_status 1
    assert_fatal 'unknown flag: --no-description (hint: did you mean --no-descriptions?)'
}

@test "too many arguments show the usage" {
    run --separate-stderr limactl completion bash x
    assert_status 1
    [[ $stderr == *'unknown command \"x\" for \"limactl completion bash\".\nSee `limactl completion bash --help`.\n\nUsage:  limactl completion bash [flags]'* ]]
}

@test "log level and format are checked" {
    run --separate-stderr limactl --log-level=loud completion bash
    assert_status 1
    assert_fatal 'not a valid logrus Level: \"loud\"'
    run --separate-stderr limactl --log-format=xml completion bash
    assert_status 1
    assert_fatal 'unsupported log-format: `xml`'
}

@test "argument errors are text even when JSON was asked for" {
    run --separate-stderr limactl --log-format=json bogus
    assert_status 1
    [[ $stderr == time=* ]]
}

@test "--tty and --yes exclude each other" {
    run --separate-stderr limactl --tty --yes completion bash
    assert_status 1
    assert_fatal 'cannot use both --tty and --yes flags at the same time'
}

@test "help of a verb lists its flags" {
    run --separate-stderr limactl completion bash --help
    assert_status 0
    [[ $output == *"--no-descriptions"* && $output == *"Global Flags:"* ]]
    local direct=$output
    run --separate-stderr limactl help completion bash
    assert_output "$direct"
}

@test "help for an unknown topic exits with 0" {
    run --separate-stderr limactl help bogus
    assert_status 0
    assert_output ''
    [[ $stderr == 'Unknown help topic [`bogus`]'* ]]
}

@test "a full standard output is an error" {
    run bash -c 'limactl completion bash >/dev/full'
    [[ $status -eq 1 && $output == *"level=fatal"* ]]
}
