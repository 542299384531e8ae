#include "prog/hostagent/cloud_init.h"

#include <strings.h>

#include "base/mem.h"
#include "svc/loop/child.h"
#include "svc/ssh/script.h"

enum { LINE_MAX_SIZE = 4096, FOLLOW_MS = 600 * 1000 };

/* Recent versions have one service with a journal; older ones append to a file, of which only what
 * this boot has written counts. */
static const char follow_script[] =
    "#!/bin/sh\n"
    "unit=cloud-init-main.service\n"
    "if command -v systemctl >/dev/null && systemctl -q is-enabled $unit 2>/dev/null; then\n"
    "    exec sudo journalctl -u $unit -b -S @0 -o cat -f\n"
    "fi\n"
    "log=/var/log/cloud-init-output.log\n"
    "[ -e $log ] || exit 0\n"
    "from=$(sudo awk '/^Cloud-init.*finished/ { last = NR } END { print last + 1 }' $log)\n"
    "exec sudo tail -n +\"$from\" -f $log\n";

struct cloud_init {
    struct cloud_init_params params;
    struct child *child;
    bool unit_seen;
};

static bool has_word(struct sv line, const char *word)
{
    size_t n = strlen(word);

    for (size_t i = 0; i + n <= line.n; i++)
        if (strncasecmp(line.p + i, word, n) == 0)
            return true;
    return false;
}

bool cloud_init_is_end(struct sv line, bool *unit_seen)
{
    static const char consumed[] = "cloud-init-main.service: consumed";

    if (has_word(line, "cloud-init") && has_word(line, "finished"))
        return true;
    if (has_word(line, "started cloud-init-main.service"))
        *unit_seen = true;
    return *unit_seen && line.n >= sizeof(consumed) - 1 &&
           strncasecmp(line.p, consumed, sizeof(consumed) - 1) == 0;
}

/* The callback may close us. */
static void end(struct cloud_init *c, const char *why)
{
    child_close(c->child);
    c->child = NULL;
    c->params.on_end(c->params.arg, why);
}

static void line_arrived(void *arg, struct sv line)
{
    struct cloud_init *c = arg;

    line = sv_trim(line);
    if (line.n == 0)
        return;
    c->params.on_line(c->params.arg, line);
    if (cloud_init_is_end(line, &c->unit_seen))
        end(c, "cloud-init has finished");
}

static void follower_exited(void *arg, const struct child_exit *exit)
{
    end(arg, exit->timed_out ? "no end of cloud-init was seen" : "the log of cloud-init has ended");
}

static const struct child_events child_events = { .on_exit = follower_exited,
                                                  .on_line = line_arrived };

struct cloud_init *cloud_init_open(const struct cloud_init_params *params, struct err **errp)
{
    auto_cmd struct cmd cmd = {
        .in = CMD_FROM_TEXT(sv_of(follow_script)),
        .out = CMD_TO_PIPE(LINE_MAX_SIZE),
        .err = CMD_TO_NULL,
        .flags = CMD_DIES_WITH_PARENT,
        .deadline_ms = FOLLOW_MS,
    };
    struct cloud_init *c;

    if (!ssh_script_argv(params->ssh.program, params->ssh.options, params->ssh.port,
                         params->ssh.address, sv_of(follow_script), false, &cmd.argv, errp))
        return NULL;
    c = mem_new(struct cloud_init);
    c->params = *params;
    c->child = child_open(params->loop, &cmd, &child_events, c, errp);
    if (!c->child) {
        free(c);
        return NULL;
    }
    return c;
}

void cloud_init_close(struct cloud_init *c)
{
    if (!c)
        return;
    child_close(c->child);
    free(c);
}
