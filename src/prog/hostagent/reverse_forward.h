/*
 * A reverse forward: the guest listens, the host connects. For each connection the guest opens a
 * stream to a vsock port of the host that belongs to this forward alone; the host dials the target
 * and hands both to `devices`, so that live connections need no host agent. Datagrams of a UDP peer
 * are moved here.
 *
 *     WAITING --reverse_forward_link()--> ASKED --answer--> OPEN
 *        ^                                  |
 *        |                                  +--answer with a reason--> FAILED, asked again later
 *        +--reverse_forward_unlink(), from every state
 *
 * reverse_forward_close() may be called at any time and on NULL; no callback follows, the memory
 * goes by itself. Connections that exist go on.
 */
#ifndef PROG_HOSTAGENT_REVERSE_FORWARD_H
#define PROG_HOSTAGENT_REVERSE_FORWARD_H

#include "model/forward/rules.h"
#include "prog/hostagent/guest_link.h"
#include "wire/devctl.h"

#define REVERSE_DIALS_MAX 1024

enum reverse_state {
    REVERSE_WAITING,
    REVERSE_ASKED,
    REVERSE_OPEN,
    REVERSE_FAILED,
    REVERSE_STATE_COUNT
};
extern const char *const reverse_state_names[REVERSE_STATE_COUNT];

struct reverse_forward;

struct reverse_forward_params {
    struct uv_loop_s *loop;
    enum forward_proto proto;       /* of the guest's end */
    struct forward_end guest, host; /* paths are borrowed for the life of the object */
    uint32_t number;                /* of this forward: its id, vsock port and tag follow from it */
    uint32_t uid;                   /* owner of a Unix socket in the guest */
    /* The state became OPEN or FAILED; why is for the latter. */
    void (*on_change)(void *arg, struct reverse_forward *r, const char *why);
    void *arg;
};

struct reverse_forward *reverse_forward_open(const struct reverse_forward_params *params);
void reverse_forward_close(struct reverse_forward *r);

/* The guest agent has spoken: it is asked to listen. The link must have `devices`. */
void reverse_forward_link(struct reverse_forward *r, struct guest_link *link);
/* The agent is gone. */
void reverse_forward_unlink(struct reverse_forward *r);
/* The same, and `devices` is about to be closed: nothing refers to it afterwards. */
void reverse_forward_detach(struct reverse_forward *r);
/* True when the answer was for this forward. */
bool reverse_forward_answer(struct reverse_forward *r, const struct guest_msg *msg);

enum reverse_state reverse_forward_state(const struct reverse_forward *r);
uint32_t reverse_forward_tag(const struct reverse_forward *r); /* of its streams in `devices` */
/* Adds what is not moved by `devices`. */
void reverse_forward_count(const struct reverse_forward *r, struct devctl_counters *counters);
const struct reverse_forward_params *reverse_forward_params(const struct reverse_forward *r);

#endif
