/* Shared by forwards.c (ports, rules), forwards_reverse.c and forwards_report.c (what the API
 * tells). */
#ifndef PROG_HOSTAGENT_FORWARDS_PRIV_H
#define PROG_HOSTAGENT_FORWARDS_PRIV_H

#include "base/budget.h"
#include "base/list.h"
#include "base/map.h"
#include "model/forward/rules.h"
#include "prog/hostagent/forward.h"
#include "prog/hostagent/forwards.h"
#include "prog/hostagent/port_owners.h"
#include "prog/hostagent/reverse_forward.h"
#include "wire/tunnel.h"

/* Something that wants to be forwarded: a port the guest told of, or what a rule stands for. */
struct wish {
    struct list link;
    struct forward_claim claim;
    char *key;               /* in forwards.by_key: of a port; NULL for what rules stand for */
    char *guest_path;        /* claim.guest.path */
    struct forward_end host; /* path borrowed from the rules */
    enum forward_verdict verdict;
    bool is_nat;   /* the guest's packet filter redirects the port */
    bool is_stale; /* not told again since the guest began anew */
};

/* A reverse forward of a rule: through vsock, or a spec for ssh. */
struct reverse {
    struct forwards *owner;
    const struct forward_rule *rule;
    enum forward_proto proto; /* of the guest's end */
    struct reverse_forward *forward;
    char *guest_text, *host_text;
    char *error; /* NULL = none */
    bool is_over_ssh, is_open;
};

struct forwards {
    struct forwards_params params;
    struct forward_rules rules;
    unsigned silenced;                    /* bits of protocols */
    struct forward_ways ways, relay_ways; /* the latter never leads through ssh: it leads to ssh */
    struct guest_link *link;              /* attached; NULL = none */
    struct ssh_forwards *ssh;
    bool has_begun; /* what rules stand for was asked for */
    bool has_ssh_relay;
    struct list wishes;
    struct map by_key; /* key -> struct wish; borrowed */
    size_t n_ports;
    struct map forwards; /* "tcp 127.0.0.1:80" -> struct forward */
    struct map tags;     /* the same key -> tag in `devices`, for ever */
    VEC(struct reverse *) reverses;
    struct timer *sweep, *grace;
    struct port_owners *owners;
    struct budget messages;
    uint64_t n_silent; /* changes nobody was told of */
};

/* forwards_reverse.c */
void forwards_make_reverses(struct forwards *m);
void forwards_free_reverses(struct forwards *m);
/* Those whose way is there; is_greeted: the guest agent reads. */
void forwards_begin_reverses(struct forwards *m, bool is_greeted);
/* Is it our guest agent that listens there? Such a port leads to the host already. */
bool forwards_is_reverse(const struct forwards *m, enum forward_proto proto,
                         const struct forward_end *guest);
void forwards_unlink_reverses(struct forwards *m);
void forwards_detach_reverses(struct forwards *m);

#endif
