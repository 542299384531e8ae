/*
 * limactl sudoers: the rules that let this user give block devices to guests (reference: cli section
 * 10.7 and runtime section 23; there is nothing else on this system that needs root).
 */
#include <errno.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/quote.h"
#include "prog/limactl/output.h"
#include "prog/limactl/verb.h"
#include "svc/privileged/block_device.h"
#include "sys/file.h"
#include "sys/user.h"

#define SUDOERS_PATH "/etc/sudoers.d/lima"

enum { SUDOERS_SIZE_MAX = 1024 * 1024 };

struct sudoers_opts {
    struct arg_list block_device;
    struct arg_bool check;
};

static const struct opt sudoers_rows[] = {
    { OPT_AT(SLICE, struct sudoers_opts, block_device), .name = "block-device",
      .value = "DEVICE,...", .help = "Block devices that this user may give to instances" },
    { OPT_AT(BOOL, struct sudoers_opts, check), .name = "check",
      .help = "Check that the rules are in FILE (default: " SUDOERS_PATH ")" },
};

/* A rule to print or look for. */
struct rule {
    char *device, *text;
};

static void rule_done(struct rule *rule)
{
    free(rule->device);
    free(rule->text);
}

static bool make_rule(const char *path, const char *program, struct rule *out, struct err **errp)
{
    auto_user_info struct user_info user = { 0 };

    return user_current(&user, errp) && block_device_resolve(path, &out->device, errp) &&
           block_device_rule(user.name, user.uid, program, out->device, &out->text, errp);
}

static bool has_line(struct sv text, const char *wanted)
{
    struct sv line;

    while (sv_next_line(&text, &line))
        if (sv_eq_str(sv_trim(line), wanted))
            return true;
    return false;
}

/* Who may not read the file asks sudo. */
static bool check_rule(const struct rule *rule, const char *program, const char *file,
                       struct err **errp)
{
    auto_sb struct sb text = { 0 };
    auto_err struct err *err = NULL;

    if (file_read_all(file, SUDOERS_SIZE_MAX, &text, &err)) {
        if (has_line(sb_view(&text), rule->text))
            return true;
    } else if (err_kind(err) != ERR_NOT_FOUND && err_errno(err) != EACCES) {
        return err_propagate(errp, MOVE(err));
    }
    if (block_device_is_allowed(program, rule->device))
        return true;

    auto_mem char *name = quote_tick_dup(file);
    auto_sb struct sb word = { 0 };

    quote_shell(&word, sv_of(rule->device));
    (void)err_set(errp, ERR_NOT_FOUND, "%s does not have the rule for %s", name, rule->device);
    return err_hint(errp, "limactl sudoers --block-device=%s | sudo tee -a %s", sb_str(&word),
                    file);
}

static bool sudoers_run(struct ctx *ctx, void *opts, const struct strv *args, struct err **errp)
{
    const struct sudoers_opts *o = opts;
    const char *file = args->n > 0 ? args->v[0] : SUDOERS_PATH;
    auto_mem char *program = NULL;
    auto_sb struct sb out = { 0 };
    bool ok = true;

    if (args->n > 0 && !o->check.v)
        return err_set(errp, ERR_INVALID, "the file argument can be specified only for --check mode");
    if (o->block_device.v.n == 0)
        return err_set(errp, ERR_INVALID, "no rule is needed on this system but for block devices") ||
               err_hint(errp, "name them: --block-device=DEVICE");
    if (!block_device_program(&program, errp))
        return false;
    for (size_t i = 0; i < o->block_device.v.n && ok; i++) {
        struct rule rule = { 0 };

        ok = make_rule(o->block_device.v.v[i], program, &rule, errp) &&
             (!o->check.v || check_rule(&rule, program, file, errp));
        if (ok)
            sb_putf(&out, "%s\n", rule.text);
        rule_done(&rule);
    }
    if (!ok)
        return false;
    if (o->check.v) {
        auto_mem char *name = quote_tick_dup(file);

        log_info("%s is up-to-date (or sudo doesn't require a password)", name);
    } else {
        output_put(sb_view(&out));
    }
    return true;
}

const struct verb verb_sudoers = {
    .name = "sudoers",
    .group = VERB_ADVANCED,
    .args = "[FILE]",
    .summary = "Print the rules of sudoers that let you give block devices to instances",
    .details =
        "A rule is for the user who calls this, and for one device. Whoever may open the device\n"
        "without sudo, as root or through a group, needs none.\n"
        "\n"
        "The rule names the program libexec/lima/privileged of this installation, which must be\n"
        "where only root can write.",
    .example = "  limactl sudoers --block-device=/dev/sdb | sudo tee -a " SUDOERS_PATH "\n"
               "  limactl sudoers --check --block-device=/dev/sdb\n",
    .args_max = 1,
    .opts = { { NULL, sudoers_rows, COUNT(sudoers_rows), 0 } },
    .opts_size = sizeof(struct sudoers_opts),
    .run = sudoers_run,
};
