/*
 * Inside of reverse forwards: reverse.c has the listeners and what connects, reverse_udp.c the UDP
 * sessions.
 */
#ifndef PROG_GUESTAGENT_REVERSE_PRIV_H
#define PROG_GUESTAGENT_REVERSE_PRIV_H

#include "prog/guestagent/reverse.h"
#include "sys/evloop.h"

struct reverse_listener {
    struct list link;
    struct reverse *r; /* borrowed */
    uint64_t id;
    enum guest_proto proto;
    unsigned flags;
    uint32_t vsock_port;
    int fd;
    struct ev_source source;
    struct ev_timer pause;
    char *path;          /* of a Unix socket, which is removed with the listener; else NULL */
    uint8_t address[16]; /* n_address bytes; none for a Unix socket */
    size_t n_address;
    uint16_t port;
    bool has_address;  /* the address was taken, and is to be given up */
    struct list peers; /* UDP: the one heard of longest ago first */
    size_t n_peers;
};

struct reverse {
    struct relay_pool *pool;             /* borrowed */
    const struct reverse_events *events; /* borrowed */
    void *arg;                           /* borrowed */
    struct list listeners;
    size_t n_listeners;
    struct list waiting; /* accepted, and not connected to the host yet */
};

/* reverse_udp.c */
/* Prepares a bound UDP socket. */
bool reverse_udp_set_up(struct reverse_listener *l, struct err **errp) MUST_USE;
void reverse_udp_ready(struct reverse_listener *l);
void reverse_udp_clear(struct reverse_listener *l);

#endif
