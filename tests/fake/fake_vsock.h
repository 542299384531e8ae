/*
 * The guest's vsock driver and socket layer over a fake guest: listens, connects, keeps credit, and
 * answers as Linux does. Bytes that arrive are counted and summed; bytes that are sent follow a
 * fixed sequence, so that both ends can check them.
 */
#ifndef TESTS_FAKE_VSOCK_H
#define TESTS_FAKE_VSOCK_H

#include "base/vec.h"
#include "fake_guest.h"
#include "wire/vsock.h"

struct fake_conn {
    uint32_t guest_port, host_port;
    bool is_open, was_reset, got_eof, sent_eof, sent_both, is_gone;
    bool echoes;    /* sends back what it receives, and ends when the peer does */
    bool is_paused; /* takes no bytes: its space fills up */
    bool is_mute;   /* answers nothing */
    bool is_greedy; /* uses all the space that the device grants */
    uint32_t peer_space, peer_taken, sent; /* credit of the device */
    uint32_t space, received, taken, told; /* ours */
    uint64_t sum_received, sum_sent;
    VEC(uint8_t) echo; /* bytes that wait to be sent back */
    size_t echo_at;
};

struct fake_vsock {
    struct fake_guest *g;
    uint32_t listen_port; /* 0 = refuses all; connections to it echo */
    bool paused, mute;    /* given to new connections */
    struct fake_conn **conns;
    size_t n_conns, cap;
    uint32_t next_port;
    uint64_t n_bad;  /* packets that make no sense */
    uint64_t n_data; /* packets with bytes */
    uint64_t n_packets;
};

/* What the n-th byte of a sent sequence is, and the sum over bytes. */
uint8_t fake_byte(uint64_t n);
uint64_t fake_sum(uint64_t sum, const uint8_t *bytes, size_t n);

void fake_vsock_init(struct fake_vsock *v, struct fake_guest *g, uint32_t listen_port);
void fake_vsock_done(struct fake_vsock *v);
/* Handles what has arrived; true when there was something. */
bool fake_vsock_poll(struct fake_vsock *v);
struct fake_conn *fake_vsock_connect(struct fake_vsock *v, uint32_t host_port);
struct fake_conn *fake_vsock_find(struct fake_vsock *v, uint32_t guest_port, uint32_t host_port);
size_t fake_vsock_live(const struct fake_vsock *v); /* connections that are not gone */
/* Forgets the ones that are gone. */
void fake_vsock_sweep(struct fake_vsock *v);

/* Sends up to n bytes of the sequence, as far as credit and slots go; returns how many. */
size_t fake_conn_send(struct fake_vsock *v, struct fake_conn *c, size_t n);
bool fake_conn_packet(struct fake_vsock *v, struct fake_conn *c, unsigned op, uint32_t flags);
/* close() of the guest's program. */
void fake_conn_close(struct fake_vsock *v, struct fake_conn *c);

#endif
