/*
 * The host agent: owns the machine of one instance and everything around it (state.h has its life).
 * The only place that wires the parts together.
 *
 *     agent = agent_open(&params, errp);
 *     uv_run(loop)                        until nothing is left
 *     status = agent_free(agent);
 */
#ifndef PROG_HOSTAGENT_AGENT_H
#define PROG_HOSTAGENT_AGENT_H

#include "base/err.h"
#include "prog/hostagent/readiness.h"
#include "prog/hostagent/setup.h"

struct agent;

struct agent_params {
    struct uv_loop_s *loop;
    struct setup *setup; /* prepared; borrowed for the life of the agent */
    int events_fd;       /* event lines go there; borrowed */
    int take_signal_fd;  /* sig_open() of SIGINT, SIGTERM, SIGHUP; -1 = none */
    struct readiness_timing timing;
};

/* Opens the API socket and launches the machine; what happens next comes from the loop. NULL: it
 * could not be launched, and nothing is left. The event "exiting" was sent then. */
struct agent *agent_open(const struct agent_params *params, struct err **errp);
/* After the loop has run empty. 0: the machine ended as it was asked to; 1: it failed. */
int agent_free(struct agent *agent);

#endif
