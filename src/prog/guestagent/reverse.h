/*
 * Reverse forwards: listens in the guest on what the host asks for (LISTEN of wire/guest.h), and
 * relays each connection to a vsock port of the host. UDP has a session per peer, which ends after
 * REVERSE_UDP_IDLE_MS of silence; a DNS session ends when every query has its answer.
 */
#ifndef PROG_GUESTAGENT_REVERSE_H
#define PROG_GUESTAGENT_REVERSE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "prog/guestagent/relay.h"
#include "wire/guest.h"

#define REVERSE_UDP_IDLE_MS   120000
#define REVERSE_DNS_IDLE_MS   10000
#define REVERSE_PEERS_MAX     1024 /* of a UDP listener; beyond it the one silent longest goes */
#define REVERSE_LISTENERS_MAX 1024

struct reverse;

struct reverse_events {
    /* Begins to connect to a vsock port of the host; *out_fd is non-blocking. */
    bool (*dial_host)(uint32_t port, int *out_fd, struct err **errp);
    /* Makes an address the guest's own, or gives it up; calls come in pairs. May be NULL. */
    bool (*take_address)(void *arg, struct sv address, struct err **errp);
    void (*give_address)(void *arg, struct sv address);
};

/* pool and events are borrowed. */
struct reverse *reverse_new(struct relay_pool *pool, const struct reverse_events *events,
                            void *arg);
void reverse_free(struct reverse *r);

/* msg is a LISTEN. *out_port is the port that is listened on, 0 for a Unix socket. */
bool reverse_listen(struct reverse *r, const struct guest_msg *msg, uint16_t *out_port,
                    struct err **errp) MUST_USE;
void reverse_unlisten(struct reverse *r, uint64_t id);
/* Is it a listener of ours? */
bool reverse_owns(const struct reverse *r, const struct guest_port *port);
/* Ends all listeners with their UDP sessions; relays go on. */
void reverse_clear(struct reverse *r);

#endif
