/*
 * Which guest port appears where on the host (reference: config section 17). Pure.
 *
 * The list: guest port 22 and the host's ssh port are never forwarded, then the rules of the
 * configuration in order, then the fallback (what listens on a loopback or wildcard address of the
 * guest appears on 127.0.0.1 of the host), unless portForwardDefault says none. The first rule that
 * matches a listener decides.
 *
 * Rules for Unix sockets and reverse rules take no part in the matching: they stand for forwards of
 * their own, as static ones do.
 */
#ifndef MODEL_FORWARD_RULES_H
#define MODEL_FORWARD_RULES_H

#include "base/vec.h"
#include "model/config/instance.h"
#include "model/forward/ip_address.h"

enum forward_proto { FORWARD_TCP, FORWARD_UDP, FORWARD_UNIX, FORWARD_PROTO_COUNT };
/* "tcp" "udp" "unix" */
extern const char *const forward_proto_names[FORWARD_PROTO_COUNT];

/* One end of a forward: an address with a port, or the path of a Unix socket. */
struct forward_end {
    struct ip_address ip;
    uint16_t port;
    const char *path; /* borrowed; NULL for an address */
};

/* A rule, resolved. */
struct forward_rule {
    const char *name; /* "portForwards[2]", "ssh", "default"; owned by the list */
    unsigned protos;  /* bits 1 << enum forward_proto */
    struct ip_address guest_ip, host_ip;
    bool guest_ip_must_be_zero;
    uint16_t guest_first, guest_last, host_first;
    const char *guest_socket, *host_socket; /* borrowed from the configuration; NULL = none */
    bool is_ignore, is_static, is_reverse;
};

struct forward_rules {
    VEC(struct forward_rule) list;
};

/* config must be resolved, checked, and outlive the rules. */
void forward_rules_init(struct forward_rules *rules, const struct instance_config *config,
                        uint16_t ssh_port);
void forward_rules_done(struct forward_rules *rules);

enum forward_verdict {
    FORWARD_UNMATCHED, /* no rule is for it */
    FORWARD_IGNORED,   /* the rule says no */
    FORWARD_STATIC,    /* a static forward has the port already */
    FORWARD_WANTED,
};

struct forward_decision {
    enum forward_verdict verdict;
    const struct forward_rule *rule; /* NULL when unmatched; borrowed */
    struct forward_end host;         /* when wanted */
};

/* What becomes of a TCP or UDP port that somebody listens on in the guest. */
struct forward_decision forward_rules_match(const struct forward_rules *rules,
                                            enum forward_proto proto, const struct ip_address *ip,
                                            uint16_t port);
/* The same for the guest's end of a static rule: those are not in their own way. */
struct forward_decision forward_rules_match_static(const struct forward_rules *rules,
                                                   enum forward_proto proto,
                                                   const struct ip_address *ip, uint16_t port);

/* The host's end for a guest port of the rule. */
struct forward_end forward_rule_host(const struct forward_rule *rule, uint16_t guest_port);

/* Bits of the protocols for which the configuration begins with rules that ignore every port: what
 * they leave out is not worth a word. */
unsigned forward_rules_silenced(const struct forward_rules *rules);

/* "127.0.0.1:80", "[::1]:80", "/run/x.sock"; owned. */
char *forward_end_text(const struct forward_end *end);

#endif
