/*
 * limactl shell (reference: cli section 7): becomes ssh, so streams, signals and the exit status are
 * ssh's own.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/quote.h"
#include "prog/limactl/boot.h"
#include "prog/limactl/env_filter.h"
#include "prog/limactl/output.h"
#include "prog/limactl/prompt.h"
#include "prog/limactl/remote.h"
#include "prog/limactl/ssh_access.h"
#include "prog/limactl/target.h"
#include "svc/ssh/master.h"
#include "sys/proc.h"
#include "sys/tty.h"

struct shell_opts {
    struct arg_str shell, workdir;
    struct arg_bool reconnect, preserve_env, start;
    struct arg_str sync, instance;
};

static const struct opt shell_rows[] = {
    { OPT_AT(STR, struct shell_opts, shell), .name = "shell", .help = "Shell interpreter in the guest" },
    { OPT_AT(STR, struct shell_opts, workdir), .name = "workdir", .value = "DIR",
      .help = "Working directory in the guest" },
    { OPT_AT(BOOL, struct shell_opts, reconnect), .name = "reconnect",
      .help = "Open a new ssh connection, for example after group changes" },
    { OPT_AT(BOOL, struct shell_opts, preserve_env), .name = "preserve-env",
      .help = "Hand the environment over" },
    { OPT_AT(BOOL, struct shell_opts, start), .name = "start",
      .help = "Start the instance when it is stopped; --start=false does not ask" },
    { OPT_AT(STR, struct shell_opts, sync), .name = "sync", .value = "DIR", .hidden = true,
      .help = "Copy a directory into the guest and back" },
    { OPT_AT(STR, struct shell_opts, instance), .name = "instance", .hidden = true,
      .help = "Name of the instance; all arguments are the command" },
};

/* Splits the positionals into the name (borrowed) and the words of the command. */
static bool split_args(const struct shell_opts *o, const struct strv *args, const char **out_name,
                       struct strv *out_words, struct err **errp)
{
    size_t first = 0;

    if (o->instance.set) {
        *out_name = o->instance.v;
    } else if (args->n == 0) {
        return err_set(errp, ERR_INVALID, "requires instance name as first argument");
    } else {
        *out_name = args->v[0];
        first = args->n > 1 && strcmp(args->v[1], "--") == 0 ? 2 : 1;
    }
    for (size_t i = first; i < args->n; i++)
        strv_push(out_words, args->v[i]);
    return true;
}

static void warn_of_mix_up(const struct strv *words)
{
    static const char *const verbs[] = { "create", "start", "delete", "shell" };

    for (size_t i = 0; words->n > 0 && i < COUNT(verbs); i++)
        if (strcmp(words->v[0], verbs[i]) == 0)
            log_warn("Perhaps you meant `limactl %s %s`?", verbs[i], words->n > 1 ? words->v[1] : "…");
}

/* A stopped instance is started when that is wanted, or agreed to. */
static bool ensure_running(struct ctx *ctx, const struct shell_opts *o, struct target *target,
                           struct err **errp)
{
    auto_mem char *name = quote_tick_dup(target->inst.name);
    bool start = o->start.v;

    if (target->inst.status != INST_STOPPED)
        return true;
    if (!o->start.set && ctx->tty && prompt_can_ask() &&
        !prompt_confirm("Do you want to start the instance now?", true, &start, errp))
        return false;
    if (!start)
        return err_set(errp, ERR_INVALID, "instance %s is stopped, run `limactl start %s` to start the "
                       "instance", name, target->inst.name);
    return boot_by_name(target->inst.name, &(struct boot){ .quiet = true }, errp) &&
           target_reload(target, errp);
}

/* Appends the path with links resolved, as far as it exists. */
static void push_resolved(struct strv *out, const char *path)
{
    auto_mem char *resolved = realpath(path, NULL);

    strv_push(out, resolved ? resolved : path);
}

static bool collect_env(struct strv *out, struct err **errp)
{
    auto_env_filter struct env_filter filter = { 0 };

    if (!env_filter_init(&filter, getenv("LIMA_SHELLENV_BLOCK"), getenv("LIMA_SHELLENV_ALLOW"), errp))
        return false;
    env_filter_apply(&filter, environ, out);
    return true;
}

static bool make_script(const struct shell_opts *o, const struct target *target,
                        const struct strv *words, char **out, struct err **errp)
{
    const struct instance_config *config = &target->inst.config;
    auto_mem char *cwd = realpath(".", NULL);
    auto_strv struct strv mounts = { 0 };
    auto_strv struct strv env = { 0 };
    const char *shell = o->shell.v[0] ? o->shell.v : config->user.shell;

    for (size_t i = 0; i < config->mounts.n; i++)
        push_resolved(&mounts, config->mounts.v[i].location);
    if (o->preserve_env.v && !collect_env(&env, errp))
        return false;
    *out = remote_script(
        &(struct remote){
            .workdir = o->workdir.v[0] ? o->workdir.v : NULL,
            .host_cwd = cwd,
            .host_home = target->store.env.host.user_home,
            .mounts = &mounts,
            .shell = shell && shell[0] ? shell : NULL,
            .env = &env,
        },
        words);
    return true;
}

static bool become_ssh(const struct ssh_access *access, const char *script, struct err **errp)
{
    auto_cmd struct cmd cmd = { 0 };

    ssh_argv_begin(&access->client.argv, &access->options, &cmd.argv);
    if (tty_is(STDOUT_FILENO))
        strv_push(&cmd.argv, "-t");
    strv_push(&cmd.argv, "-o");
    strv_pushf(&cmd.argv, "LogLevel=%s", ssh_client_log_level(&access->client));
    ssh_argv_target(access->port, access->address, &cmd.argv);
    strv_push_list(&cmd.argv, "--", script, NULL);
    return output_flush(errp) && cmd_exec(&cmd, errp);
}

static bool shell_run(struct ctx *ctx, void *opts, const struct strv *args, struct err **errp)
{
    const struct shell_opts *o = opts;
    auto_target struct target target = { 0 };
    auto_ssh_access struct ssh_access access = { 0 };
    auto_strv struct strv words = { 0 };
    auto_mem char *script = NULL;
    const char *name = NULL;

    if (!split_args(o, args, &name, &words, errp))
        return false;
    if (o->sync.set)
        return err_set(errp, ERR_UNSUPPORTED, "`--sync` is not supported by this version") ||
               err_hint(errp, "mount the directory, or use `limactl copy`");
    warn_of_mix_up(&words);
    if (!target_open_friendly(&target, name, errp) || !target_check_config(&target, errp) ||
        !ensure_running(ctx, o, &target, errp) ||
        !ssh_access_open(&access, &target.store, &target.inst, errp) ||
        !make_script(o, &target, &words, &script, errp))
        return false;
    if (access.port == 0)
        return err_set(errp, ERR_NOT_FOUND, "the ssh port of instance `%s` is not known", name) ||
               err_hint(errp, "see `limactl list %s`", name);
    if (o->reconnect.v && !ssh_master_exit(&access.client.argv, &access.options, target.inst.dir,
                                           access.port, access.address, errp))
        return false;
    return become_ssh(&access, script, errp);
}

const struct verb verb_shell = {
    .name = "shell",
    .group = VERB_BASIC,
    .args = "[flags] INSTANCE [COMMAND...]",
    .summary = "Execute a command, or a shell, in an instance",
    .details = "What follows INSTANCE belongs to the command. The command's words arrive in the guest as\n"
               "they are; shell operators work inside `sh -c '...'` only. `lima` is short for\n"
               "`limactl shell default`.",
    .example = "  limactl shell default uname -a\n"
               "  limactl shell --workdir /tmp default sh -c 'pwd; ls'",
    .args_max = ARGS_ANY,
    .flags = VERB_STOP_AT_POSITIONAL,
    .opts = { { NULL, shell_rows, COUNT(shell_rows), 0 } },
    .opts_size = sizeof(struct shell_opts),
    .complete = target_complete,
    .run = shell_run,
};
