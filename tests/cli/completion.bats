# Completion scripts and the protocol they use (reference: cli section 10.12).
load lib

@test "a group without a known sub-verb shows its help and succeeds" {
    run --separate-stderr limactl completion
    assert_status 0
    [[ $output == *"powershell"* ]]
    local help=$output
    run --separate-stderr limactl completion bogus
    assert_status 0
    assert_output "$help"
}

@test "every script is printed" {
    local shell

    for shell in bash zsh fish powershell; do
        run --separate-stderr limactl completion $shell
        assert_status 0
        [[ $output == *"__complete "* ]]
        run --separate-stderr limactl completion $shell --no-descriptions
        [[ $output == *"__completeNoDesc "* ]]
    done
}

@test "the bash script completes verbs, flags and values" {
    complete_line() {
        bash -c 'source <(limactl completion bash)
            COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _limactl; printf "%s\n" "${COMPREPLY[@]}"' \
            bash "$@" 2>/dev/null
    }
    [[ $(complete_line limactl comple) == completion ]]
    [[ $(complete_line limactl completion z) == zsh ]]
    [[ $(complete_line limactl completion bash --no-d) == --no-descriptions ]]
    [[ $(complete_line limactl --log-format j) == json ]]
    [[ $(complete_line limactl --log-format = j) == json ]]
}

@test "the protocol ends with a directive" {
    run --separate-stderr limactl __complete completion ba
    assert_status 0
    assert_output $'bash\tPrint the completion script for bash\n:4'
    [[ $stderr == "Completion ended with directive: ShellCompDirectiveNoFileComp" ]]
    run --separate-stderr limactl __completeNoDesc completion ba
    assert_output $'bash\n:4'
}
