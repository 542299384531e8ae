/*
 * limactl completion SHELL: a script that asks "limactl __complete" for candidates, so the scripts
 * know nothing about verbs and options.
 */
#include <string.h>

#include "base/mem.h"
#include "prog/limactl/output.h"
#include "prog/limactl/verb.h"

struct completion_opts {
    struct arg_bool no_descriptions;
};

static const struct opt completion_rows[] = {
    { OPT_AT(BOOL, struct completion_opts, no_descriptions), .name = "no-descriptions",
      .help = "Leave out the descriptions" },
};

/* %s in each script: the word that requests candidates. */
static const char bash_script[] =
    "# bash completion for limactl\n"
    "_limactl()\n"
    "{\n"
    "    local line out directive cur=${COMP_WORDS[COMP_CWORD]} prefix=\n"
    "    local -a words=(\"${COMP_WORDS[@]:1:COMP_CWORD-1}\")\n"
    "\n"
    "    # Readline splits --flag=value at the equals sign; put it together again.\n"
    "    if [[ $cur == = ]]; then\n"
    "        cur=${words[-1]}=; unset 'words[-1]'; prefix=1\n"
    "    elif (( ${#words[@]} >= 2 )) && [[ ${words[-1]} == = ]]; then\n"
    "        cur=${words[-2]}=$cur; unset 'words[-1]' 'words[-1]'; prefix=1\n"
    "    fi\n"
    "    out=$(\"${COMP_WORDS[0]}\" %s \"${words[@]}\" \"$cur\" 2>/dev/null) || return\n"
    "    directive=${out##*:}\n"
    "    COMPREPLY=()\n"
    "    while IFS= read -r line; do\n"
    "        [[ -n $line && $line != \":$directive\" ]] && COMPREPLY+=(\"${line%%%%$'\\t'*}\")\n"
    "    done <<<\"$out\"\n"
    "    (( directive & 2 )) && compopt -o nospace\n"
    "    if (( ${#COMPREPLY[@]} == 0 && !(directive & 4) )); then\n"
    "        [[ $prefix ]] && cur=${cur#*=}\n"
    "        compopt -o filenames\n"
    "        while IFS= read -r line; do COMPREPLY+=(\"$line\"); done < <(compgen -f -- \"$cur\")\n"
    "    fi\n"
    "}\n"
    "complete -F _limactl limactl\n";

static const char zsh_script[] =
    "#compdef limactl\n"
    "_limactl()\n"
    "{\n"
    "    local line out directive prefix=${words[CURRENT]}\n"
    "    local -a lines candidates\n"
    "\n"
    "    out=$(\"${words[1]}\" %s \"${(@)words[2,CURRENT]}\" 2>/dev/null) || return 1\n"
    "    lines=(\"${(@f)out}\")\n"
    "    directive=${lines[-1]#:}\n"
    "    for line in \"${(@)lines[1,-2]}\"; do\n"
    "        candidates+=(\"${${line//:/\\\\:}/$'\\t'/:}\")\n"
    "    done\n"
    "    [[ $prefix == -*=* ]] && compset -P '*='\n"
    "    if (( ${#candidates} )); then\n"
    "        if (( directive & 2 )); then\n"
    "            _describe -V limactl candidates -S ''\n"
    "        else\n"
    "            _describe -V limactl candidates\n"
    "        fi\n"
    "    elif (( !(directive & 4) )); then\n"
    "        _files\n"
    "    fi\n"
    "}\n"
    "if [ \"${funcstack[1]}\" = _limactl ]; then\n"
    "    _limactl \"$@\"\n"
    "else\n"
    "    compdef _limactl limactl\n"
    "fi\n";

static const char fish_script[] =
    "# fish completion for limactl\n"
    "function __limactl_complete\n"
    "    set -l words (commandline -opc)\n"
    "    set -l current (commandline -ct)\n"
    "    set -l lines ($words[1] %s $words[2..-1] \"$current\" 2>/dev/null)\n"
    "    or return\n"
    "    set -l directive (string replace : '' -- $lines[-1])\n"
    "    set -l prefix (string match -r -- '^--[^=]+=' \"$current\")\n"
    "    if test (count $lines) -gt 1\n"
    "        for line in $lines[1..-2]\n"
    "            echo -- \"$prefix$line\"\n"
    "        end\n"
    "    else if test (math \"floor($directive / 4) %% 2\") -eq 0\n"
    "        __fish_complete_path (string replace -- \"$prefix\" '' \"$current\")\n"
    "    end\n"
    "end\n"
    "complete -c limactl -e\n"
    "complete -c limactl -f -a '(__limactl_complete)'\n";

static const char powershell_script[] =
    "# PowerShell completion for limactl\n"
    "Register-ArgumentCompleter -Native -CommandName limactl -ScriptBlock {\n"
    "    param($wordToComplete, $commandAst, $cursorPosition)\n"
    "    $words = @($commandAst.CommandElements | ForEach-Object { \"$_\" })\n"
    "    $program = $words[0]\n"
    "    $words = @($words | Select-Object -Skip 1)\n"
    "    if ($wordToComplete -ne '') { $words = @($words | Select-Object -SkipLast 1) }\n"
    "    $lines = @(& $program %s @words $wordToComplete 2>$null)\n"
    "    $prefix = if ($wordToComplete -match '^--[^=]+=') { $Matches[0] } else { '' }\n"
    "    $lines | Select-Object -SkipLast 1 | ForEach-Object {\n"
    "        $value, $text = $_ -split \"`t\", 2\n"
    "        if (-not $text) { $text = $value }\n"
    "        [System.Management.Automation.CompletionResult]::new(\n"
    "            \"$prefix$value\", $value, 'ParameterValue', $text)\n"
    "    }\n"
    "}\n";

static bool print_script(const char *script, const struct completion_opts *opts)
{
    const char *request = opts->no_descriptions.v ? "__completeNoDesc" : "__complete";

    for (const char *p = script; *p; p++) {
        if (p[0] == '%' && p[1] == 's') {
            output_puts(request);
            p++;
        } else if (p[0] == '%' && p[1] == '%') {
            output_puts("%");
            p++;
        } else {
            output_put((struct sv){ p, 1 });
        }
    }
    return true;
}

#define SHELL_VERB(shell)                                                                        \
    static bool shell##_run(struct ctx *ctx, void *opts, const struct strv *args,                \
                            struct err **errp)                                                   \
    {                                                                                            \
        return print_script(shell##_script, opts);                                               \
    }                                                                                            \
    static const struct verb verb_completion_##shell = {                                         \
        .name = #shell,                                                                          \
        .group = VERB_BASIC,                                                                     \
        .summary = "Print the completion script for " #shell,                                    \
        .flags = VERB_BARE,                                                                      \
        .opts = { { NULL, completion_rows, COUNT(completion_rows), 0 } },                        \
        .opts_size = sizeof(struct completion_opts),                                             \
        .run = shell##_run,                                                                      \
    }

SHELL_VERB(bash);
SHELL_VERB(zsh);
SHELL_VERB(fish);
SHELL_VERB(powershell);

static const struct verb *const shells[] = { &verb_completion_bash, &verb_completion_fish,
                                             &verb_completion_powershell, &verb_completion_zsh,
                                             NULL };

const struct verb verb_completion = {
    .name = "completion",
    .group = VERB_ADDITIONAL,
    .summary = "Generate the completion script for a shell",
    .details = "Load it into the current bash with:\n"
               "  source <(limactl completion bash)\n"
               "or install it for every session, for example as\n"
               "  ~/.local/share/bash-completion/completions/limactl",
    .flags = VERB_BARE,
    .subs = shells,
};
