#include "prog/hostagent/readiness.h"

#include <assert.h>

#include "base/enum.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/quote.h"
#include "prog/hostagent/require.h"
#include "prog/hostagent/ssh_banner.h"
#include "svc/loop/timer.h"

enum { GUEST_WORDS_MAX = 512 };

static const struct readiness_timing timing_defaults = {
    .tries = 200,
    .try_interval_ms = 3 * 1000,
    .banner_ms = 3 * 1000,
    .grace_ms = 30 * 1000,
    .phase_ms = 600 * 1000,
    .agent_ms = 60 * 1000,
};

enum state { STATE_SSH, STATE_BOOT, STATE_PROBE, STATE_AGENT, STATE_DONE, STATE_COUNT };
static const char *const state_names[] = { "ssh", "boot", "probe", "agent", "done" };
ENUM_NAMES_MATCH(state_names, STATE_COUNT);

enum report { REPORT_NONE, REPORT_BEGUN, REPORT_DONE, REPORT_FAILED };

struct readiness {
    struct readiness_params params;
    enum state state;
    bool by_ssh;    /* SSH, BOOT: checks over ssh run, reports are not waited for */
    bool has_agent; /* an agent spoke that stays: not the one of an initramfs */
    enum report reports[GUEST_PHASE_COUNT]; /* of the agent that spoke last */
    bool has_failed[GUEST_PHASE_COUNT];     /* ever */
    struct ssh_banner *banner;
    struct require *require;
    struct timer *deadline; /* of the state, or of the grace after the ssh server's greeting */
    bool in_grace;
    struct strv errors;
};

static void enter(struct readiness *r, enum state state);

static void set_default(uint64_t *value, uint64_t preset)
{
    if (*value == 0)
        *value = preset;
}

static void stop_waiting(struct readiness *r)
{
    ssh_banner_close(r->banner);
    r->banner = NULL;
    require_close(r->require);
    r->require = NULL;
    timer_stop(r->deadline);
    r->in_grace = false;
}

/* --- Checks over ssh --- */

static void checks_done(void *arg, const struct strv *errors)
{
    struct readiness *r = arg;

    strv_extend(&r->errors, errors);
    stop_waiting(r);
    enter(r, (enum state)(r->state + 1));
}

static void start_checks(struct readiness *r, struct requirements *take_reqs)
{
    const struct readiness_params *p = &r->params;

    r->require = require_open(
        &(struct require_params){
            .loop = p->loop,
            .ssh = p->ssh,
            .tries = p->timing.tries,
            .interval_ms = p->timing.try_interval_ms,
            .on_done = checks_done,
            .arg = r,
        },
        take_reqs);
}

static void check_by_ssh(struct readiness *r)
{
    struct requirements reqs = { 0 };

    assert(r->state == STATE_SSH || r->state == STATE_BOOT);
    if (r->state == STATE_SSH)
        requirements_ssh(&reqs, r->params.config, r->params.iid);
    else
        requirements_boot(&reqs, r->params.config, r->params.iid);
    start_checks(r, &reqs);
}

/* --- Reports of the agent --- */

static void server_answered(void *arg)
{
    struct readiness *r = arg;

    ssh_banner_close(r->banner);
    r->banner = NULL;
    r->in_grace = true;
    timer_set(r->deadline, r->params.timing.grace_ms);
}

static void wait_for_reports(struct readiness *r)
{
    timer_set(r->deadline, r->params.timing.phase_ms);
    if (!r->has_agent && r->state == STATE_SSH)
        r->banner = ssh_banner_open(r->params.loop, r->params.ssh.address, r->params.ssh.port,
                                    r->params.timing.banner_ms, server_answered, r);
}

static void deadline_passed(void *arg)
{
    struct readiness *r = arg;

    if (r->in_grace) {
        log_debug("The ssh server answers, the guest agent does not: checking over ssh");
        stop_waiting(r);
        r->by_ssh = true;
        check_by_ssh(r);
        return;
    }
    if (r->state == STATE_AGENT)
        strv_push(&r->errors, "the guest agent does not answer (hint: see \"serial*.log\" in the "
                              "instance directory)");
    else
        strv_push_take(
            &r->errors,
            mem_printf("the guest agent did not report the end of the phase \"%s\" in time "
                       "(hint: see \"serial*.log\" in the instance directory)",
                       state_names[r->state]));
    stop_waiting(r);
    enter(r, (enum state)(r->state + 1));
}

/* Goes on when what the state waits for has been reported. */
static void take_reports(struct readiness *r)
{
    if (r->state == STATE_SSH && r->reports[GUEST_PHASE_SSH] == REPORT_DONE) {
        stop_waiting(r);
        enter(r, STATE_BOOT);
    } else if (r->state == STATE_BOOT && r->reports[GUEST_PHASE_BOOT] >= REPORT_DONE) {
        stop_waiting(r);
        enter(r, STATE_PROBE);
    }
}

/* Each phase counts once, however often the guest says so. */
static void remember_failure(struct readiness *r, enum guest_phase phase, struct sv text)
{
    auto_mem char *words = quote_printable(sv_trim(text), GUEST_WORDS_MAX);

    if (r->has_failed[phase])
        return;
    r->has_failed[phase] = true;
    if (phase == GUEST_PHASE_BOOT) {
        /* As in Lima: the machine is usable, so it is not degraded. */
        log_warn("Boot or provision scripts failed: %s", words);
        return;
    }
    strv_push_take(&r->errors, mem_printf("the guest failed in the phase \"%s\": %s",
                                          guest_phase_name(phase), words));
}

void readiness_hello(struct readiness *r, bool is_in_initrd)
{
    for (size_t i = 0; i < GUEST_PHASE_COUNT; i++)
        r->reports[i] = REPORT_NONE;
    if (is_in_initrd || r->state == STATE_DONE)
        return;
    r->has_agent = true;
    if (r->state == STATE_AGENT) {
        stop_waiting(r);
        enter(r, STATE_DONE);
    } else if (r->state == STATE_SSH || r->state == STATE_BOOT) {
        r->by_ssh = false;
        stop_waiting(r);
        wait_for_reports(r);
    }
}

void readiness_phase(struct readiness *r, enum guest_phase phase, enum guest_state state,
                     struct sv text)
{
    static const enum report reports[GUEST_STATE_COUNT] = {
        [GUEST_BEGUN] = REPORT_BEGUN,
        [GUEST_DONE] = REPORT_DONE,
        [GUEST_FAILED] = REPORT_FAILED,
    };
    bool is_news = r->reports[phase] != reports[state];

    if (!is_news || r->state == STATE_DONE)
        return;
    r->reports[phase] = reports[state];
    if (state == GUEST_FAILED)
        remember_failure(r, phase, text);
    if (state == GUEST_FAILED && phase <= GUEST_PHASE_ROOT) { /* nothing will follow */
        stop_waiting(r);
        enter(r, STATE_DONE);
    } else if (!r->by_ssh) {
        take_reports(r);
    }
}

/* --- States --- */

static void enter(struct readiness *r, enum state state)
{
    struct requirements reqs = { 0 };

    log_debug("readiness: %s -> %s", state_names[r->state], state_names[state]);
    r->state = state;
    switch (state) {
    case STATE_SSH:
    case STATE_BOOT:
        if (state == STATE_BOOT)
            r->params.events->on_ssh(r->params.arg);
        if (r->by_ssh) {
            check_by_ssh(r);
        } else {
            wait_for_reports(r);
            take_reports(r);
        }
        break;
    case STATE_PROBE:
        requirements_probes(&reqs, r->params.config);
        start_checks(r, &reqs);
        break;
    case STATE_AGENT:
        if (!r->params.expect_agent || r->has_agent) {
            enter(r, STATE_DONE);
            break;
        }
        timer_set(r->deadline, r->params.timing.agent_ms);
        r->params.events->on_agent_missing(r->params.arg);
        break;
    case STATE_DONE:
        r->params.events->on_done(r->params.arg, &r->errors);
        break;
    case STATE_COUNT:
        break;
    }
}

struct readiness *readiness_open(const struct readiness_params *params)
{
    struct readiness *r = mem_new(struct readiness);
    struct readiness_timing *timing = &r->params.timing;

    r->params = *params;
    if (timing->tries == 0)
        timing->tries = timing_defaults.tries;
    set_default(&timing->try_interval_ms, timing_defaults.try_interval_ms);
    set_default(&timing->banner_ms, timing_defaults.banner_ms);
    set_default(&timing->grace_ms, timing_defaults.grace_ms);
    set_default(&timing->phase_ms, timing_defaults.phase_ms);
    set_default(&timing->agent_ms, timing_defaults.agent_ms);
    r->by_ssh = !params->expect_agent;
    r->deadline = timer_open(params->loop, deadline_passed, r);
    enter(r, STATE_SSH);
    return r;
}

void readiness_close(struct readiness *r)
{
    if (!r)
        return;
    stop_waiting(r);
    timer_close(r->deadline);
    strv_done(&r->errors);
    free(r);
}
