#include "svc/ssh/script.h"

#include "base/mem.h"
#include "base/quote.h"
#include "svc/ssh/options.h"

/* Each line of param.env is NAME=value without quotes; root's, but readable where there is no sudo.
 * The interpreter follows as arguments and inherits the standard input that the script comes on. On
 * one line, and for any POSIX shell: csh keeps no line feeds in quotes, small guests have no bash. */
#define WITH_PARAMS                                                                       \
    "p=$({ sudo -n cat " PARAM_FILE " || cat " PARAM_FILE "; } </dev/null 2>/dev/null); " \
    "IFS=$(printf \"\\n.\"); IFS=${IFS%.}; set -f; "                                      \
    "for l in $p; do case $l in [A-Za-z_]*=*) export \"$l\";; esac; done; "              \
    "unset IFS; set +f; exec \"$@\""
#define PARAM_FILE "/mnt/lima-cidata/param.env"

bool ssh_script_interpreter(struct sv script, struct sv *out, struct err **errp)
{
    struct sv line = { 0 };

    if (sv_starts(script, SV("#!")) && sv_next(&script, '\n', &line)) {
        line = sv_trim(sv_slice(line, 2, line.n));
        if (line.n) {
            *out = line;
            return true;
        }
    }
    return err_set(errp, ERR_INVALID,
                   "the script does not begin with a line \"#!\" that names its interpreter");
}

bool ssh_script_argv(const struct strv *program, const struct strv *options, uint16_t port,
                     const char *address, struct sv script, bool with_params, struct strv *argv,
                     struct err **errp)
{
    auto_sb struct sb wrapper = { 0 };
    auto_mem char *words = NULL;
    struct sv interpreter;

    if (!ssh_script_interpreter(script, &interpreter, errp))
        return false;
    words = sv_dup(interpreter);
    if (!with_params) {
        ssh_argv_command(program, options, port, address, (const char *const[]){ words, NULL }, argv);
        return true;
    }
    quote_shell(&wrapper, SV(WITH_PARAMS));
    ssh_argv_command(program, options, port, address,
                     (const char *const[]){ "/bin/sh", "-c", sb_str(&wrapper), "--", words, NULL },
                     argv);
    return true;
}
