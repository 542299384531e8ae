/*
 * Shared by the files of the host agent's core: agent.c has its life, agent_link.c the link to the
 * guest agent and whoever uses it.
 */
#ifndef PROG_HOSTAGENT_AGENT_PRIV_H
#define PROG_HOSTAGENT_AGENT_PRIV_H

#include "prog/hostagent/agent.h"
#include "prog/hostagent/api.h"
#include "prog/hostagent/event.h"
#include "prog/hostagent/ssh_task.h"
#include "prog/hostagent/state.h"

struct agent {
    struct uv_loop_s *loop;
    struct setup *setup; /* borrowed */
    struct readiness_timing timing;
    enum agent_state state;
    bool has_failed;
    struct events events;
    struct api_facts api_facts;
    struct http_server *api;
    struct watch *signals;
    struct driver *driver;

    struct readiness *readiness;    /* WAIT, until the guest is ready */
    bool is_guest_ready;            /* it is, but perhaps its mounts are not */
    struct strv guest_errors;       /* what was not as it should be then */
    struct boot_progress *progress; /* WAIT, READY */

    struct guest_link *link;         /* WAIT, READY */
    enum driver_link_kind link_kind; /* of the last one */
    struct forwards *forwards;
    struct dns *dns; /* NULL without hostResolver */
    struct mounts *mounts;
    struct touches *touches; /* NULL: nothing is told that way */
    struct disks *disks;
    struct timer *relink;
    struct timer *time_sync;
    struct clock_watch *clock;
    char *updated_from; /* version of a guest agent that was told to replace itself */

    struct ssh_task *task; /* forward of the agent's socket; end of the shared connection */
    struct ssh_task *agent_socket_task;
};

/* For a task over ssh; on_end gets the agent. */
struct ssh_task_params agent_task_params(struct agent *a,
                                         void (*on_end)(void *arg, const struct err *err));

/* The driver's link, unless there is none, or nobody at its other end. */
void agent_open_link(struct agent *a);
void agent_close_link(struct agent *a);
/* The agent's Unix socket, through the shared connection, instead of the driver's link. */
void agent_link_by_ssh(struct agent *a);
/* DRIVER_EVENT_LINK_* and DRIVER_EVENT_FILES_*. */
void agent_link_event(struct agent *a, const struct driver_event *event);
bool agent_expects_guest_agent(const struct agent *a);
/* Callbacks of timers and of the clock. */
void agent_relink_due(void *arg);
void agent_time_due(void *arg);
void agent_clock_jumped(void *arg);

/* What is not as it should be, for an event. */
void agent_announce_errors(struct agent *a);

#endif
