/*
 * A guest and its QEMU, as a vhost-user back end sees them: memory, the driver's side of the queues,
 * and the protocol messages. Everything can be done wrong on purpose.
 *
 * The device runs on a loop of the same thread; "spin" is called whenever it should get on.
 */
#ifndef TESTS_FAKE_GUEST_H
#define TESTS_FAKE_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FAKE_MEM_SIZE 0x200000u
#define FAKE_SPLIT 0x100000u /* memory is two regions, adjacent for the guest, not for QEMU */
#define FAKE_QUEUE_NUM 128u
#define FAKE_RX_BUFFERS 64u
#define FAKE_RX_SIZE 4096u
#define FAKE_TX_SLOTS 32u
#define FAKE_TX_SIZE 16384u

struct fake_guest {
    int sock, mem_fd;
    uint8_t *mem;
    int kick_fd[2], call_fd[2];
    uint64_t features;
    uint16_t base[2];       /* given to SET_VRING_BASE, returned by GET_VRING_BASE */
    uint16_t avail[2], used[2]; /* the driver's positions */
    uint16_t heads[FAKE_TX_SLOTS];
    unsigned n_tx_free;
    uint16_t tx_free[FAKE_TX_SLOTS];
    bool is_up;
    bool has_no_rx; /* the first queue is not one of receive buffers */
    uint64_t n_kicks, n_calls;
    void (*spin)(void *arg);
    void *arg;
};

/* Takes the front end's half of the socket; negotiates features. */
struct fake_guest *fake_guest_new(int take_sock, uint64_t features, void (*spin)(void *), void *arg);
void fake_guest_free(struct fake_guest *g);

/* Bytes on the socket, with at most 16 descriptors; waits for nothing. */
void fake_guest_send_raw(struct fake_guest *g, const void *bytes, size_t n, const int *fds,
                         unsigned n_fds);
/* A message with a payload; the answer's payload (at most 280 bytes) goes to answer unless NULL.
 * Returns the answer's length, -1 when the back end closed the socket instead. */
int fake_guest_request(struct fake_guest *g, uint32_t request, bool need_reply, const void *payload,
                       uint32_t n, const int *fds, unsigned n_fds, void *answer);
bool fake_guest_set_memory(struct fake_guest *g);
/* Starts the driver: fresh queues, or (resume) as they were. */
void fake_guest_start(struct fake_guest *g, bool resume);
void fake_guest_stop(struct fake_guest *g);

/* Raw access to a queue. */
void fake_guest_desc(struct fake_guest *g, unsigned queue, unsigned index, uint64_t addr,
                     uint32_t len, uint16_t flags, uint16_t next);
void fake_guest_offer(struct fake_guest *g, unsigned queue, uint16_t head); /* and kicks if wanted */
void fake_guest_kick(struct fake_guest *g, unsigned queue);
bool fake_guest_used(struct fake_guest *g, unsigned queue, uint32_t *out_head, uint32_t *out_len);

/* One packet; false when the guest has no slot left. n is at most FAKE_TX_SIZE. */
bool fake_guest_send(struct fake_guest *g, const void *packet, size_t n);
/* Takes a packet out of the receive queue, and offers the buffer again. 0 when there is none. */
size_t fake_guest_receive(struct fake_guest *g, uint8_t out[44 + FAKE_RX_SIZE]);
/* True when the device interrupted since the last call. */
bool fake_guest_called(struct fake_guest *g, unsigned queue);

#endif
