/*
 * Finds out when a guest is ready, and what is wrong with it.
 *
 *     SSH ----> BOOT ----> PROBE ----> AGENT ----> DONE
 *
 * SSH    until ssh is usable: the guest agent reports the phase "ssh", or checks over ssh succeed
 * BOOT   until boot and provision scripts have ended: the phase "boot", or their marker over ssh
 * PROBE  until the readiness probes of the configuration succeed, over ssh
 * AGENT  only where an agent is expected and none has spoken: a while for it
 * DONE   on_done was called
 *
 * While an agent is expected its reports are waited for: nothing is polled but, every few seconds,
 * the greeting of the ssh server. When that has answered and still no agent spoke after a while
 * (its link does not work in this guest, it is still to be installed by boot scripts, or there is
 * none) the checks over ssh begin, as they do at once where no agent is expected. An agent that
 * speaks later takes over again.
 *
 * Each wait has a limit. What was not reached is remembered as an error, and the next state
 * follows.
 */
#ifndef PROG_HOSTAGENT_READINESS_H
#define PROG_HOSTAGENT_READINESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/strv.h"
#include "model/config/instance.h"
#include "prog/hostagent/guest_ssh.h"
#include "wire/guest.h"

struct readiness;
struct uv_loop_s;

/* Zero means the default in parentheses. */
struct readiness_timing {
    unsigned tries;           /* of a check over ssh (200) */
    uint64_t try_interval_ms; /* between them (3 s) */
    uint64_t banner_ms;       /* between looks for the ssh server's greeting (3 s) */
    uint64_t grace_ms;        /* from the greeting to the first check over ssh (30 s) */
    uint64_t phase_ms;        /* for a phase of the agent (600 s) */
    uint64_t agent_ms;        /* for the agent at the end (60 s) */
};

struct readiness_events {
    /* ssh is usable. */
    void (*on_ssh)(void *arg);
    /* ssh is usable, the guest has booted, but its agent has not spoken: another way to it may be
     * tried. */
    void (*on_agent_missing)(void *arg);
    /* Once. errors: one text for each thing that is not as it should be; borrowed. */
    void (*on_done)(void *arg, const struct strv *errors);
};

/* Everything is borrowed for the life of the object. */
struct readiness_params {
    struct uv_loop_s *loop;
    const struct instance_config *config;
    const char *iid;   /* of the seed; NULL = unknown, the machine was taken over */
    bool expect_agent; /* a guest agent should speak */
    struct guest_ssh ssh;
    struct readiness_timing timing;
    const struct readiness_events *events;
    void *arg;
};

struct readiness *readiness_open(const struct readiness_params *params);
/* NULL is allowed, also from a callback; no callback follows. */
void readiness_close(struct readiness *r);

/* The guest agent spoke; what earlier ones reported is void. */
void readiness_hello(struct readiness *r, bool is_in_initrd);
void readiness_phase(struct readiness *r, enum guest_phase phase, enum guest_state state,
                     struct sv text);

#endif
