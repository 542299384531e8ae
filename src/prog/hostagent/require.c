#include "prog/hostagent/require.h"

#include "base/log.h"
#include "base/mem.h"
#include "svc/loop/child.h"
#include "svc/loop/timer.h"
#include "svc/ssh/options.h"
#include "svc/ssh/script.h"

enum {
    TRIES_DEFAULT = 200,
    INTERVAL_DEFAULT_MS = 3000,
    STDERR_MAX = 16 * 1024,
    /* A guest that does not answer must not hold up a try for ever; probes may take their time. */
    CHECK_DEADLINE_MS = 60 * 1000,
    PROBE_DEADLINE_MS = 600 * 1000,
};

struct require {
    struct require_params params;
    struct strv options_apart; /* without the shared connection */
    struct requirements reqs;
    size_t at;      /* the requirement being tried */
    unsigned tried; /* how often already */
    struct child *child;
    struct timer *timer; /* until the next try, or the end */
    struct strv errors;
    struct err *last_err;
};

static void require_schedule(struct require *r, uint64_t ms)
{
    timer_set(r->timer, ms);
}

static void require_announce(const struct require *r)
{
    if (r->at < r->reqs.list.n)
        log_info("Waiting for the %s requirement %zu of %zu: \"%s\"", r->reqs.group, r->at + 1,
                 r->reqs.list.n, r->reqs.list.v[r->at].description);
}

/* To the next requirement, or behind the last one. */
static void require_advance(struct require *r, bool skip_rest)
{
    r->tried = 0;
    r->at = skip_rest ? r->reqs.list.n : r->at + 1;
    require_announce(r);
    require_schedule(r, 0);
}

static void require_met(struct require *r)
{
    log_info("The %s requirement %zu of %zu is satisfied", r->reqs.group, r->at + 1,
             r->reqs.list.n);
    require_advance(r, false);
}

static void require_missed(struct require *r, struct err *take_err)
{
    const struct requirement *req = &r->reqs.list.v[r->at];

    err_free(r->last_err);
    r->last_err = take_err;
    r->tried++;
    log_debug("requirement \"%s\", try %u: %s", req->description, r->tried, err_text(take_err));
    if (r->tried < r->params.tries) {
        require_schedule(r, r->params.interval_ms);
        return;
    }
    strv_push_take(&r->errors,
                   mem_printf("failed to satisfy the %s requirement %zu of %zu \"%s\": %s%s%s",
                              r->reqs.group, r->at + 1, r->reqs.list.n, req->description,
                              req->hint ? req->hint : "", req->hint ? ": " : "",
                              err_text(r->last_err)));
    require_advance(r, req->fatal);
}

static void check_exited(void *arg, const struct child_exit *exit)
{
    struct require *r = arg;
    struct err *err = NULL;

    if (child_exit_check(exit, "ssh", &err))
        require_met(r);
    else
        require_missed(r, err);
    child_close(MOVE(r->child));
}

static const struct child_events check_events = { .on_exit = check_exited };

static bool require_start_try(struct require *r, struct err **errp)
{
    const struct requirement *req = &r->reqs.list.v[r->at];
    auto_cmd struct cmd cmd = {
        .in = CMD_FROM_TEXT(sv_of(req->script)),
        .out = CMD_TO_NULL,
        .err = CMD_TO_PIPE(STDERR_MAX),
        .flags = CMD_DIES_WITH_PARENT,
        .deadline_ms = req->with_params ? PROBE_DEADLINE_MS : CHECK_DEADLINE_MS,
    };

    if (!ssh_script_argv(r->params.ssh.program,
                         req->no_master ? &r->options_apart : r->params.ssh.options,
                         r->params.ssh.port, r->params.ssh.address, sv_of(req->script),
                         req->with_params, &cmd.argv, errp))
        return false;
    r->child = child_open(r->params.loop, &cmd, &check_events, r, errp);
    return r->child != NULL;
}

static void timer_due(void *arg)
{
    struct require *r = arg;
    struct err *err = NULL;

    if (r->at == r->reqs.list.n)
        r->params.on_done(r->params.arg, &r->errors);
    else if (!require_start_try(r, &err))
        require_missed(r, err);
}

struct require *require_open(const struct require_params *params, struct requirements *take_reqs)
{
    struct require *r = mem_new(struct require);

    r->params = *params;
    if (!r->params.tries)
        r->params.tries = TRIES_DEFAULT;
    if (!r->params.interval_ms)
        r->params.interval_ms = INTERVAL_DEFAULT_MS;
    ssh_options_without_master(params->ssh.options, &r->options_apart);
    r->reqs = *take_reqs;
    *take_reqs = (struct requirements){ 0 };
    r->timer = timer_open(params->loop, timer_due, r);
    require_announce(r);
    require_schedule(r, 0);
    return r;
}

void require_close(struct require *r)
{
    if (!r)
        return;
    child_close(r->child);
    timer_close(r->timer);
    requirements_done(&r->reqs);
    strv_done(&r->options_apart);
    strv_done(&r->errors);
    err_free(r->last_err);
    free(r);
}
