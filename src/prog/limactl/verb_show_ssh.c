/* limactl show-ssh (reference: cli section 9.3). */
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/quote.h"
#include "prog/limactl/output.h"
#include "prog/limactl/ssh_access.h"
#include "prog/limactl/target.h"
#include "svc/ssh/config_file.h"

struct show_ssh_opts {
    struct arg_str format;
};

static const char *const formats[] = { "cmd", "args", "options", "config", NULL };

static const struct opt show_ssh_rows[] = {
    { OPT_AT(STR, struct show_ssh_opts, format), .letter = 'f', .name = "format", .preset = "cmd",
      .words = formats, .help = "Format: cmd, args, options, config" },
};

/* " -o OPT ..."; options with quotes of their own are put into single quotes. */
static void print_args(const struct strv *options)
{
    for (size_t i = 0; i < options->n; i++) {
        auto_sb struct sb shown = { 0 };

        if (strchr(options->v[i], '"'))
            quote_shell(&shown, sv_of(options->v[i]));
        else
            sb_puts(&shown, options->v[i]);
        output_printf("%s-o %s", i > 0 ? " " : "", sb_str(&shown));
    }
}

static bool print_format(const char *format, const struct instance *inst,
                         const struct ssh_access *access, struct err **errp)
{
    auto_strv struct strv options = { 0 };
    auto_mem char *shown = quote_tick_dup(format);

    strv_extend(&options, &access->options);
    strv_pushf(&options, "Hostname=%s", access->address);
    strv_pushf(&options, "Port=%u", access->port);
    if (strcmp(format, "cmd") == 0) {
        output_puts("ssh ");
        print_args(&options);
        output_printf(" %s\n", inst->hostname);
    } else if (strcmp(format, "args") == 0) {
        print_args(&options);
        output_puts("\n");
    } else if (strcmp(format, "options") == 0) {
        for (size_t i = 0; i < options.n; i++)
            output_printf("%s\n", options.v[i]);
    } else if (strcmp(format, "config") == 0) {
        auto_mem char *body = ssh_config_body(inst->hostname, &access->options, access->address,
                                              access->port);

        output_puts(body);
    } else {
        return err_set(errp, ERR_INVALID, "unknown format: %s", shown);
    }
    return true;
}

static bool show_ssh_run(struct ctx *ctx, void *opts, const struct strv *args, struct err **errp)
{
    const struct show_ssh_opts *o = opts;
    auto_target struct target target = { 0 };
    auto_ssh_access struct ssh_access access = { 0 };

    if (!target_open_friendly(&target, args->v[0], errp))
        return false;
    log_warn("`limactl show-ssh` is deprecated. Instead, use `ssh -F %s/ssh.config %s`.",
             target.inst.dir, target.inst.hostname);
    return target_check_config(&target, errp) &&
           ssh_access_open(&access, &target.store, &target.inst, errp) &&
           print_format(o->format.v, &target.inst, &access, errp);
}

const struct verb verb_show_ssh = {
    .name = "show-ssh",
    .group = VERB_ADVANCED,
    .args = "INSTANCE",
    .summary = "Show the ssh command line (deprecated: use ssh -F DIR/ssh.config)",
    .args_min = 1,
    .args_max = 1,
    .opts = { { NULL, show_ssh_rows, COUNT(show_ssh_rows), 0 } },
    .opts_size = sizeof(struct show_ssh_opts),
    .complete = target_complete,
    .run = show_ssh_run,
};
