/*
 * One question to the host agent of a running instance, in JSON.
 */
#ifndef PROG_LIMACTL_AGENT_CALL_H
#define PROG_LIMACTL_AGENT_CALL_H

#include <jansson.h>

#include "base/err.h"

struct agent_call {
    const char *method, *path;
    const json_t *value; /* the body, borrowed; NULL = none */
    unsigned timeout_ms;
};

/* out_answer, a new reference, may be NULL. ERR_NOT_FOUND: there is no such instance, or it does
 * not run. */
bool agent_call(const char *instance, const struct agent_call *call, json_t **out_answer,
                struct err **errp) MUST_USE;

#endif
