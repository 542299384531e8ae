#include "wire/vsock.h"

#include <endian.h>
#include <string.h>

#include "base/enum.h"

static const char *const op_names[] = {
    "INVALID", "REQUEST", "RESPONSE", "RST", "SHUTDOWN", "RW", "CREDIT_UPDATE", "CREDIT_REQUEST",
};
ENUM_NAMES_MATCH(op_names, VSOCK_OP_COUNT);

struct packed_header {
    uint64_t src_cid, dst_cid;
    uint32_t src_port, dst_port, len;
    uint16_t type, op;
    uint32_t flags, buf_alloc, fwd_cnt;
} __attribute__((packed));
static_assert(sizeof(struct packed_header) == VSOCK_HEADER_LEN, "header length");

void vsock_header_decode(struct vsock_header *out, const uint8_t bytes[VSOCK_HEADER_LEN])
{
    struct packed_header h;

    memcpy(&h, bytes, sizeof(h));
    *out = (struct vsock_header){
        .src_cid = le64toh(h.src_cid),
        .dst_cid = le64toh(h.dst_cid),
        .src_port = le32toh(h.src_port),
        .dst_port = le32toh(h.dst_port),
        .len = le32toh(h.len),
        .type = le16toh(h.type),
        .op = le16toh(h.op),
        .flags = le32toh(h.flags),
        .buf_alloc = le32toh(h.buf_alloc),
        .fwd_cnt = le32toh(h.fwd_cnt),
    };
}

void vsock_header_encode(const struct vsock_header *header, uint8_t out[VSOCK_HEADER_LEN])
{
    struct packed_header h = {
        .src_cid = htole64(header->src_cid),
        .dst_cid = htole64(header->dst_cid),
        .src_port = htole32(header->src_port),
        .dst_port = htole32(header->dst_port),
        .len = htole32(header->len),
        .type = htole16(header->type),
        .op = htole16(header->op),
        .flags = htole32(header->flags),
        .buf_alloc = htole32(header->buf_alloc),
        .fwd_cnt = htole32(header->fwd_cnt),
    };

    memcpy(out, &h, sizeof(h));
}

const char *vsock_op_name(unsigned op)
{
    return op < VSOCK_OP_COUNT ? op_names[op] : "unknown";
}
