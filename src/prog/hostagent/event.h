/*
 * Event lines: what the host agent tells whoever follows its standard output (reference: runtime
 * section 3). One JSON object a line, synced to disk line by line, because the reader follows a
 * file.
 *
 * An event of progress, of a port or of vsock repeats the members of the last event and replaces
 * its own, as readers of Lima's events expect; every other event stands for itself.
 */
#ifndef PROG_HOSTAGENT_EVENT_H
#define PROG_HOSTAGENT_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/sb.h"
#include "base/strv.h"

struct event_progress {
    bool is_set;
    char *log_line; /* NULL = none */
    bool completed, active;
};

enum event_port_type {
    EVENT_FORWARDING,
    EVENT_NOT_FORWARDING,
    EVENT_STOPPING,
    EVENT_FAILED,
    EVENT_PORT_TYPE_COUNT
};

/* Texts that are NULL are left out. */
struct event_port {
    bool is_set;
    enum event_port_type type;
    char *protocol, *guest_addr, *host_addr, *error;
};

enum event_vsock_type {
    EVENT_VSOCK_STARTED,
    EVENT_VSOCK_SKIPPED,
    EVENT_VSOCK_FAILED,
    EVENT_VSOCK_TYPE_COUNT
};

struct event_vsock {
    bool is_set;
    enum event_vsock_type type;
    char *host_addr, *reason;
    uint32_t port;
};

/* Members that are zero are left out of the line. */
struct event_status {
    bool running, degraded, exiting;
    struct strv errors;
    uint16_t ssh_port;
    struct event_progress progress;
    struct event_port port;
    struct event_vsock vsock;
};

/* Appends one line with its line feed. offset_s: local time east of UTC. Pure. */
void event_encode(struct sb *out, int64_t now_ns, int offset_s, const struct event_status *status);

/* The stream; a zeroed one with a descriptor is ready. */
struct events {
    int fd;                   /* borrowed */
    struct event_status last; /* private */
};

/* The machine is starting; guests reach ssh at this port of the host. */
void events_started(struct events *events, uint16_t ssh_port);
/* log_line may be NULL or hold anything a guest says. */
void events_progress(struct events *events, const char *log_line, bool completed);
/* Texts are copied; is_set does not matter. Not synced: a guest may cause thousands. */
void events_port(struct events *events, const struct event_port *port);
void events_vsock(struct events *events, const struct event_vsock *vsock);
/* All requirements were tried; errors (may be empty) tell which are not met: then it is degraded.
 */
void events_running(struct events *events, uint16_t ssh_port, const struct strv *errors);
void events_exiting(struct events *events);
void events_done(struct events *events);

#endif
