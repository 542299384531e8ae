#include "prog/hostagent/ssh_task.h"

#include "base/mem.h"
#include "svc/loop/child.h"
#include "svc/ssh/options.h"
#include "svc/ssh/script.h"

enum { TASK_DEADLINE_MS = 10 * 1000, SCRIPT_DEADLINE_MS = 60 * 1000, STDERR_MAX = 4096 };

struct ssh_task {
    struct ssh_task_params params;
    struct child *child;
};

static void task_exited(void *arg, const struct child_exit *exit)
{
    struct ssh_task *task = arg;
    auto_err struct err *err = NULL;

    child_close(MOVE(task->child));
    task->params.on_end(task->params.arg, child_exit_check(exit, "ssh", &err) ? NULL : err);
}

static const struct child_events task_events = { .on_exit = task_exited };

static struct ssh_task *task_open(const struct ssh_task_params *params, const struct cmd *cmd,
                                  struct err **errp)
{
    struct ssh_task *task = mem_new(struct ssh_task);

    task->params = *params;
    task->child = child_open(params->loop, cmd, &task_events, task, errp);
    if (!task->child) {
        free(task);
        return NULL;
    }
    return task;
}

#define TASK_CMD                                                               \
    {                                                                          \
        .in = CMD_TO_NULL, .out = CMD_TO_NULL, .err = CMD_TO_PIPE(STDERR_MAX), \
        .flags = CMD_DIES_WITH_PARENT, .deadline_ms = TASK_DEADLINE_MS         \
    }

struct ssh_task *ssh_task_exit_master(const struct ssh_task_params *params, struct err **errp)
{
    auto_cmd struct cmd cmd = TASK_CMD;

    ssh_argv_master(params->ssh.program, params->ssh.options, "exit", params->ssh.port,
                    params->ssh.address, &cmd.argv);
    return task_open(params, &cmd, errp);
}

struct ssh_task *ssh_task_forward(const struct ssh_task_params *params, bool cancel,
                                  const char *how, const char *spec, struct err **errp)
{
    auto_cmd struct cmd cmd = TASK_CMD;

    ssh_argv_begin(params->ssh.program, params->ssh.options, &cmd.argv);
    strv_push_list(&cmd.argv, "-T", "-O", cancel ? "cancel" : "forward", how, spec, "-N", "-f",
                   NULL);
    ssh_argv_target(params->ssh.port, params->ssh.address, &cmd.argv);
    strv_push(&cmd.argv, "--");
    return task_open(params, &cmd, errp);
}

struct ssh_task *ssh_task_forward_socket(const struct ssh_task_params *params,
                                         const char *host_path, const char *guest_path,
                                         struct err **errp)
{
    auto_mem char *spec = mem_printf("%s:%s", host_path, guest_path);

    return ssh_task_forward(params, false, "-L", spec, errp);
}

struct ssh_task *ssh_task_script(const struct ssh_task_params *params, const char *script,
                                 struct err **errp)
{
    auto_cmd struct cmd cmd = TASK_CMD;

    cmd.in = CMD_FROM_TEXT(sv_of(script));
    cmd.deadline_ms = SCRIPT_DEADLINE_MS;
    if (!ssh_script_argv(params->ssh.program, params->ssh.options, params->ssh.port,
                         params->ssh.address, sv_of(script), false, &cmd.argv, errp))
        return NULL;
    return task_open(params, &cmd, errp);
}

void ssh_task_close(struct ssh_task *task)
{
    if (!task)
        return;
    child_close(task->child);
    free(task);
}
