/*
 * Messages of the vhost-user protocol (QEMU's docs/interop/vhost-user.rst), back end side: a stream
 * of "u32 request, u32 flags, u32 size" in the host's byte order, then size bytes, with descriptors
 * attached. Only what this back end serves is decoded; other requests keep their number so that
 * they can be answered.
 */
#ifndef WIRE_VHOST_USER_H
#define WIRE_VHOST_USER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/sv.h"

#define VHOST_USER_HEAD_LEN 12
#define VHOST_USER_REGIONS_MAX 8
#define VHOST_USER_CONFIG_LEN_MAX 256
#define VHOST_USER_PAYLOAD_LEN_MAX 280
#define VHOST_USER_FDS_MAX VHOST_USER_REGIONS_MAX

/* Feature bit that makes protocol features negotiable. */
#define VHOST_USER_F_PROTOCOL_FEATURES 30

enum vhost_user_protocol_feature {
    VHOST_USER_PROTOCOL_F_MQ = 0,
    VHOST_USER_PROTOCOL_F_REPLY_ACK = 3,
    VHOST_USER_PROTOCOL_F_CONFIG = 9,
    VHOST_USER_PROTOCOL_F_RESET_DEVICE = 13,
};

enum vhost_user_request {
    VHOST_USER_GET_FEATURES = 1,
    VHOST_USER_SET_FEATURES = 2,
    VHOST_USER_SET_OWNER = 3,
    VHOST_USER_RESET_OWNER = 4,
    VHOST_USER_SET_MEM_TABLE = 5,
    VHOST_USER_SET_VRING_NUM = 8,
    VHOST_USER_SET_VRING_ADDR = 9,
    VHOST_USER_SET_VRING_BASE = 10,
    VHOST_USER_GET_VRING_BASE = 11,
    VHOST_USER_SET_VRING_KICK = 12,
    VHOST_USER_SET_VRING_CALL = 13,
    VHOST_USER_SET_VRING_ERR = 14,
    VHOST_USER_GET_PROTOCOL_FEATURES = 15,
    VHOST_USER_SET_PROTOCOL_FEATURES = 16,
    VHOST_USER_GET_QUEUE_NUM = 17,
    VHOST_USER_SET_VRING_ENABLE = 18,
    VHOST_USER_GET_CONFIG = 24,
    VHOST_USER_SET_CONFIG = 25,
    VHOST_USER_RESET_DEVICE = 34,
    VHOST_USER_REQUEST_END,
};

enum vhost_user_flags {
    VHOST_USER_VERSION = 1,
    VHOST_USER_VERSION_MASK = 3,
    VHOST_USER_REPLY = 1 << 2,
    VHOST_USER_NEED_REPLY = 1 << 3,
};

/* In the number of SET_VRING_KICK, _CALL and _ERR: the low byte is the queue. */
#define VHOST_USER_VRING_INDEX_MASK 0xff
#define VHOST_USER_VRING_NO_FD 0x100

struct vhost_user_region {
    uint64_t guest_addr;  /* guest-physical */
    uint64_t size;
    uint64_t user_addr;   /* in QEMU's address space; ring addresses are given in these */
    uint64_t mmap_offset; /* in the descriptor */
};

struct vhost_user_ring_addr {
    uint64_t desc, used, avail; /* in QEMU's address space */
};

/* A decoded message. Which members are valid follows from the request. */
struct vhost_user_msg {
    enum vhost_user_request request;
    bool need_reply;
    uint64_t u64;                     /* features */
    uint32_t index;                   /* queue, in all messages about one */
    uint32_t num;                     /* SET_VRING_NUM, _BASE, _ENABLE */
    struct vhost_user_ring_addr addr; /* SET_VRING_ADDR */
    unsigned n_regions;               /* SET_MEM_TABLE */
    struct vhost_user_region regions[VHOST_USER_REGIONS_MAX];
    uint32_t config_offset, config_flags; /* GET_CONFIG, SET_CONFIG */
    struct sv config;                 /* borrowed from the payload */
};

struct vhost_user_head {
    uint32_t request, flags, size;
};

/* Name of a known request, else NULL. */
const char *vhost_user_request_name(uint32_t request);
/* True when the front end waits for an answer in any case. */
bool vhost_user_has_answer(uint32_t request);

/* Checks version and size; size is at most VHOST_USER_PAYLOAD_LEN_MAX afterwards. */
bool vhost_user_head_decode(struct vhost_user_head *out, const uint8_t head[VHOST_USER_HEAD_LEN],
                            struct err **errp) MUST_USE;
/* payload has head->size bytes. n_fds is the number of descriptors that came along. Fails with
 * ERR_UNSUPPORTED for unknown requests, with ERR_PROTOCOL for broken ones. */
bool vhost_user_decode(struct vhost_user_msg *out, const struct vhost_user_head *head,
                       struct sv payload, size_t n_fds, struct err **errp) MUST_USE;

/* Answers, written to out, which has room for VHOST_USER_HEAD_LEN + VHOST_USER_PAYLOAD_LEN_MAX
 * bytes; the length is returned. */
size_t vhost_user_answer_u64(uint8_t *out, uint32_t request, uint64_t value);
size_t vhost_user_answer_state(uint8_t *out, uint32_t request, uint32_t index, uint32_t num);
/* config is at most VHOST_USER_CONFIG_LEN_MAX bytes. */
size_t vhost_user_answer_config(uint8_t *out, uint32_t offset, uint32_t flags, struct sv config);

#endif
