/*
 * One address of the host that leads into the guest: a TCP, UDP or Unix listener.
 *
 * Several listeners of the guest may map to one host address (0.0.0.0:80 and [::]:80, say): each is
 * a claim. The oldest is served; when it goes the next one takes over, and with the last one the
 * owner closes the forward.
 *
 *     CLOSED --forward_try()--> OPENING --ssh is done--> OPEN
 *        ^ |                       |
 *        | +--- through vsock -----)-------------------> OPEN
 *        | +--- taken, forbidden --+------> BLOCKED ---> tried again by itself
 *        +----- forward_reset()
 *
 * CLOSED   no way to the guest is there, or nobody has tried yet
 * BLOCKED  the host refuses the address; forward_error() says why. Tried again at growing intervals
 *
 * Through vsock an accepted connection is handed to `devices` at once: this process never sees its
 * bytes, and it lives on without us. Through ssh, ssh listens.
 *
 * forward_close() may be called at any time, and on NULL; no callback follows.
 */
#ifndef PROG_HOSTAGENT_FORWARD_H
#define PROG_HOSTAGENT_FORWARD_H

#include "base/vec.h"
#include "model/forward/rules.h"
#include "prog/hostagent/guest_link.h"
#include "prog/hostagent/ssh_forwards.h"
#include "wire/devctl.h"

enum forward_state {
    FORWARD_CLOSED,
    FORWARD_OPENING,
    FORWARD_OPEN,
    FORWARD_BLOCKED,
    FORWARD_STATE_COUNT
};
/* "closed" "opening" "open" "blocked" */
extern const char *const forward_state_names[FORWARD_STATE_COUNT];

struct forward;

/* Something in the guest that wants to be reached. Borrowed while it is a claim. */
struct forward_claim {
    enum forward_proto proto;
    struct forward_end guest;
    const char *rule;   /* name of the rule behind it */
    char *guest_text;   /* for messages; owned by whoever owns the claim */
    struct forward *at; /* where it is served; NULL = nowhere */
};

/* What all forwards of an instance have in common; what is in it changes, forwards look each time.
 */
struct forward_ways {
    struct uv_loop_s *loop;
    struct guest_link *link;  /* NULL, or with `devices`: the way through vsock */
    struct ssh_forwards *ssh; /* NULL: not usable (yet) */
    bool prefers_ssh;         /* TCP and Unix go through ssh although there is vsock */
    /* The state became OPEN or BLOCKED. */
    void (*on_change)(void *arg, struct forward *f);
    void *arg;
};

/* The host end is copied; tag counts its streams in `devices`. */
struct forward *forward_new(struct forward_ways *ways, enum forward_proto proto,
                            const struct forward_end *host, uint32_t tag);
void forward_close(struct forward *f);

void forward_add_claim(struct forward *f, struct forward_claim *claim);
void forward_remove_claim(struct forward *f, struct forward_claim *claim);
size_t forward_claims(const struct forward *f);
struct forward_claim *forward_claim_at(const struct forward *f, size_t i);

/* Opens it, when it is CLOSED or BLOCKED and there is a way. */
void forward_try(struct forward *f);
/* Closes the host's side. Connections that exist go on. */
void forward_reset(struct forward *f);

enum forward_state forward_get_state(const struct forward *f);
bool forward_is_over_ssh(const struct forward *f);
enum forward_proto forward_get_proto(const struct forward *f); /* of the host's socket */
const struct forward_end *forward_host(const struct forward *f);
const char *forward_host_text(const struct forward *f);
uint32_t forward_tag(const struct forward *f);
/* Why it is BLOCKED: one sentence; NULL otherwise. is_taken: somebody else has the address. */
const char *forward_error(const struct forward *f);
bool forward_is_taken(const struct forward *f);
/* Somebody found out who has it. */
void forward_blame(struct forward *f, const char *owner);
bool forward_is_blamed(const struct forward *f);
/* The refusal is the ordinary state of affairs: a resolver of the host on port 53, and the like. */
bool forward_is_negligible(const struct forward *f);
/* Adds what is not moved by `devices`. */
void forward_count(const struct forward *f, struct devctl_counters *counters);

#endif
