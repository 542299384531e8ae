/*
 * Phases told to the host while the guest boots and no daemon runs: best effort, never waiting.
 * What could not be told is in the file of phases, from which the daemon tells it later.
 */
#ifndef PROG_GUESTAGENT_REPORT_H
#define PROG_GUESTAGENT_REPORT_H

#include "prog/guestagent/phases.h"

struct report {
    struct phases phases;
    uint32_t vsock_port;
    int fd;         /* -1 = not connected */
    bool greeted;   /* HELLO and all earlier phases were sent */
    bool is_silent; /* the host refused, or went away */
    bool has_file;  /* AGENT_RUNTIME is there to stay */
};
#define REPORT_NONE ((struct report){ .fd = -1, .vsock_port = GUEST_VSOCK_PORT })

/* Begins to connect; from the modules for vsock on. */
void report_connect(struct report *report);
/* Logs it, too. text may be NULL. */
void report_phase(struct report *report, enum guest_phase phase, enum guest_state state,
                  const char *text);
/* Waits at most timeout_ms until what was reported is on its way: before a power-off. */
void report_flush(struct report *report, int timeout_ms);
void report_done(struct report *report);

/* The HELLO of this program. */
void report_put_hello(uint32_t flags, struct sb *out);

#endif
