/*
 * Packet header of the virtio socket device (virtio 1.2, section 5.10): 44 bytes, little-endian,
 * in front of every packet on the receive and transmit queues.
 */
#ifndef WIRE_VSOCK_H
#define WIRE_VSOCK_H

#include <stdint.h>

#define VSOCK_HEADER_LEN 44
#define VSOCK_CID_HOST 2
#define VSOCK_TYPE_STREAM 1

enum vsock_op {
    VSOCK_OP_INVALID,
    VSOCK_OP_REQUEST,
    VSOCK_OP_RESPONSE,
    VSOCK_OP_RST,
    VSOCK_OP_SHUTDOWN,
    VSOCK_OP_RW,
    VSOCK_OP_CREDIT_UPDATE,
    VSOCK_OP_CREDIT_REQUEST,
    VSOCK_OP_COUNT,
};

/* Flags of SHUTDOWN: what the sender will not do any more. */
enum vsock_shutdown {
    VSOCK_SHUTDOWN_RECEIVE = 1,
    VSOCK_SHUTDOWN_SEND = 2,
    VSOCK_SHUTDOWN_BOTH = 3,
};

struct vsock_header {
    uint64_t src_cid, dst_cid;
    uint32_t src_port, dst_port;
    uint32_t len; /* of the payload */
    uint16_t type, op;
    uint32_t flags;
    uint32_t buf_alloc; /* receive space of the sender of this packet */
    uint32_t fwd_cnt;   /* bytes it has taken out of that space so far */
};

/* Decoding cannot fail: every field is checked where it is used. */
void vsock_header_decode(struct vsock_header *out, const uint8_t bytes[VSOCK_HEADER_LEN]);
void vsock_header_encode(const struct vsock_header *header, uint8_t out[VSOCK_HEADER_LEN]);
/* "REQUEST", ...; "unknown" for other numbers. */
const char *vsock_op_name(unsigned op);

#endif
