#include "prog/limactl/boot.h"

#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/quote.h"
#include "driver/driver_type.h"
#include "instance/launch.h"
#include "instance/prepare.h"
#include "model/store/inst_dir.h"
#include "model/store/names.h"
#include "prog/limactl/output.h"
#include "sys/file.h"
#include "sys/prefix.h"

/* The command that opens a shell: "limactl shell x". Owned. */
static char *shell_command(const char *name)
{
    return strcmp(name, TARGET_DEFAULT) == 0 ? mem_strdup("lima")
                                             : mem_printf("limactl shell %s", name);
}

/* The machine lives and only its host agent is gone: a new host agent adopts it. */
static bool is_orphaned(const struct instance *inst)
{
    const struct driver_type *type = driver_type_find(inst->config.vm_type, NULL);

    return inst->driver_pid > 0 && inst->host_agent_pid == 0 && type &&
           (type->caps & DRIVER_CAP_ADOPT);
}

/* The host agent lives and has not reported readiness yet: a start was interrupted. */
static bool is_booting(const struct instance *inst)
{
    return inst->host_agent_pid > 0 &&
           (inst->status == INST_BROKEN ||
            (inst->status == INST_RUNNING && launch_is_waiting(inst->dir)));
}

static bool check_errors(const struct instance *inst, struct err **errp)
{
    auto_mem char *list = target_errors(inst);

    if (inst->errors.n == 0)
        return true;
    if (inst->has_config && inst->status == INST_BROKEN && (is_orphaned(inst) || is_booting(inst)))
        return true;
    log_error("Instance \"%s\" has configuration errors", inst->name);
    if (!inst->has_config)
        return err_set(errp, ERR_INVALID, "instance \"%s\" has configuration errors: %s", inst->name,
                       inst->errors.v[0]);
    return err_set(errp, ERR_INVALID, "errors inspecting instance: %s", list) ||
           (inst->status == INST_BROKEN &&
            err_hint(errp, "use `limactl stop -f %s` to stop what is left of it", inst->name));
}

static bool tell_ready(const struct instance *inst, struct err **errp)
{
    auto_mem char *command = shell_command(inst->name);

    if (inst->config.plain.v) {
        auto_mem char *config_path = path_join(inst->dir, NAME_SSH_CONFIG);
        auto_mem char *plain = mem_printf("ssh -F %s %s", config_path, inst->hostname);
        auto_mem char *shown = quote_tick_dup(plain);

        log_info("READY. Run %s to open the shell.", shown);
    } else {
        log_info("READY. Run `%s` to open the shell.", command);
    }
    if (!inst->message || !inst->message[0])
        return true;

    auto_mem char *name = quote_tick_dup(inst->name);
    auto_mem char *text = mem_printf("%s\n", inst->message);

    log_info("Message from the instance %s:", name);
    return file_write_fd(STDERR_FILENO, "standard error", sv_of(text), errp);
}

/* A new host agent, from its start to readiness. */
static bool run_agent(const struct launch *launch, bool foreground, struct err **errp)
{
    struct launch_agent agent = LAUNCH_NONE;
    bool ok;

    if (foreground)
        return launch_foreground(launch, errp);
    ok = launch_spawn(launch, &agent, errp) && launch_wait(launch, &agent, errp);
    launch_agent_done(&agent);
    return ok;
}

/* The host agent that an interrupted start left behind. */
static bool join_agent(const struct launch *launch, struct target *target, struct err **errp)
{
    struct launch_agent agent = LAUNCH_NONE;
    bool ok;

    ok = launch_attach(launch, target->inst.host_agent_pid, &agent, errp) &&
         launch_wait(launch, &agent, errp) && target_reload(target, errp);
    launch_agent_done(&agent);
    if (!ok || target->inst.status == INST_RUNNING)
        return ok;
    return err_set(errp, ERR_BUSY, "the host agent of instance `%s` is shutting down, or stuck",
                   target->inst.name) ||
           err_hint(errp, "try again in a moment, or use `limactl stop -f %s`", target->inst.name);
}

/* nerdctl_archive: NULL when containerd is not wanted, or nothing is booted anew. */
static bool launch(struct target *target, const struct boot *boot, const char *nerdctl_archive,
                   struct term_progress *progress, struct err **errp)
{
    const struct instance *inst = &target->inst;
    auto_mem char *name = mem_strdup(inst->name);
    auto_mem char *dir = mem_strdup(inst->dir);
    auto_mem char *self = NULL;
    auto_mem char *guest_agent = NULL;
    struct launch launch = {
        .name = name,
        .dir = dir,
        .debug = log_enabled(LOG_DEBUG),
        .nerdctl_archive = nerdctl_archive,
        .cloud_init = boot->cloud_init,
        .timeout_ns = boot->timeout_ns,
        .progress = &progress->base,
    };

    if (!prefix_self(&self, errp))
        return false;
    if (prepare_wants_agent(&inst->config) &&
        !prepare_find_agent(inst->config.arch, &guest_agent, errp))
        return false;
    launch.limactl = self;
    launch.guest_agent = guest_agent;
    return is_booting(inst) ? join_agent(&launch, target, errp)
                            : run_agent(&launch, boot->foreground, errp);
}

bool boot_instance(struct target *target, const struct boot *boot, struct err **errp)
{
    struct instance *inst = &target->inst;
    auto_mem char *name = quote_tick_dup(inst->name);
    auto_mem char *command = shell_command(inst->name);
    auto_mem char *nerdctl_archive = NULL;
    struct term_progress progress;

    term_progress_init(&progress);
    if (!check_errors(inst, errp))
        return false;
    if (inst->status == INST_RUNNING && !is_booting(inst)) {
        log_info("The instance %s is already running. Run `%s` to open the shell.", name, command);
        return true;
    }
    if (is_orphaned(inst)) {
        log_info("The host agent of the instance %s is gone while the %s driver still runs, "
                 "starting a new one", name, inst->config.vm_type);
    } else if (is_booting(inst)) {
        log_info("The instance %s is being started already, waiting for it", name);
    } else {
        if (inst->status != INST_STOPPED)
            log_warn("expected status `%s`, got `%s`", inst_status_names[INST_STOPPED],
                     inst_status_names[inst->status]);
        log_info("Starting the instance %s with internal VM driver `%s`", name, inst->config.vm_type);
        if (!prepare_instance(&target->store, inst, &progress.base, errp) ||
            !prepare_nerdctl_archive(&target->store, inst, &progress.base, &nerdctl_archive, errp))
            return false;
    }
    if (!launch(target, boot, nerdctl_archive, &progress, errp))
        return false;
    return boot->quiet || tell_ready(inst, errp);
}

bool boot_by_name(const char *name, const struct boot *boot, struct err **errp)
{
    auto_target struct target target = { 0 };
    auto_fd int lock = -1;

    if (!target_open(&target, name, errp) || !target_lock(target.inst.dir, name, &lock, errp))
        return false;
    return target_reload(&target, errp) && boot_instance(&target, boot, errp);
}
