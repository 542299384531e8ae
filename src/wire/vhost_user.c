#include "wire/vhost_user.h"

#include <assert.h>
#include <string.h>

#include "base/enum.h"

/* What follows the head. */
enum payload {
    PAYLOAD_NONE,
    PAYLOAD_U64,
    PAYLOAD_STATE,
    PAYLOAD_ADDR,
    PAYLOAD_MEM,
    PAYLOAD_CONFIG,
};

enum fds {
    FDS_NONE,
    FDS_RING,   /* one, unless the number says that there is none */
    FDS_REGIONS /* one per region */
};

static const struct {
    const char *name;
    enum payload payload;
    enum fds fds;
    bool has_answer;
} requests[VHOST_USER_REQUEST_END] = {
    [VHOST_USER_GET_FEATURES] = { "GET_FEATURES", PAYLOAD_NONE, FDS_NONE, true },
    [VHOST_USER_SET_FEATURES] = { "SET_FEATURES", PAYLOAD_U64, FDS_NONE, false },
    [VHOST_USER_SET_OWNER] = { "SET_OWNER", PAYLOAD_NONE, FDS_NONE, false },
    [VHOST_USER_RESET_OWNER] = { "RESET_OWNER", PAYLOAD_NONE, FDS_NONE, false },
    [VHOST_USER_SET_MEM_TABLE] = { "SET_MEM_TABLE", PAYLOAD_MEM, FDS_REGIONS, false },
    [VHOST_USER_SET_VRING_NUM] = { "SET_VRING_NUM", PAYLOAD_STATE, FDS_NONE, false },
    [VHOST_USER_SET_VRING_ADDR] = { "SET_VRING_ADDR", PAYLOAD_ADDR, FDS_NONE, false },
    [VHOST_USER_SET_VRING_BASE] = { "SET_VRING_BASE", PAYLOAD_STATE, FDS_NONE, false },
    [VHOST_USER_GET_VRING_BASE] = { "GET_VRING_BASE", PAYLOAD_STATE, FDS_NONE, true },
    [VHOST_USER_SET_VRING_KICK] = { "SET_VRING_KICK", PAYLOAD_U64, FDS_RING, false },
    [VHOST_USER_SET_VRING_CALL] = { "SET_VRING_CALL", PAYLOAD_U64, FDS_RING, false },
    [VHOST_USER_SET_VRING_ERR] = { "SET_VRING_ERR", PAYLOAD_U64, FDS_RING, false },
    [VHOST_USER_GET_PROTOCOL_FEATURES] = { "GET_PROTOCOL_FEATURES", PAYLOAD_NONE, FDS_NONE, true },
    [VHOST_USER_SET_PROTOCOL_FEATURES] = { "SET_PROTOCOL_FEATURES", PAYLOAD_U64, FDS_NONE, false },
    [VHOST_USER_GET_QUEUE_NUM] = { "GET_QUEUE_NUM", PAYLOAD_NONE, FDS_NONE, true },
    [VHOST_USER_SET_VRING_ENABLE] = { "SET_VRING_ENABLE", PAYLOAD_STATE, FDS_NONE, false },
    [VHOST_USER_GET_CONFIG] = { "GET_CONFIG", PAYLOAD_CONFIG, FDS_NONE, true },
    [VHOST_USER_SET_CONFIG] = { "SET_CONFIG", PAYLOAD_CONFIG, FDS_NONE, false },
    [VHOST_USER_RESET_DEVICE] = { "RESET_DEVICE", PAYLOAD_NONE, FDS_NONE, false },
};

const char *vhost_user_request_name(uint32_t request)
{
    return request < VHOST_USER_REQUEST_END ? requests[request].name : NULL;
}

bool vhost_user_has_answer(uint32_t request)
{
    return request < VHOST_USER_REQUEST_END && requests[request].has_answer;
}

bool vhost_user_head_decode(struct vhost_user_head *out, const uint8_t head[VHOST_USER_HEAD_LEN],
                            struct err **errp)
{
    uint32_t words[3];

    memcpy(words, head, sizeof(words));
    if ((words[1] & VHOST_USER_VERSION_MASK) != VHOST_USER_VERSION || (words[1] & VHOST_USER_REPLY))
        return err_set(errp, ERR_PROTOCOL, "vhost-user message %u has the flags %#x", words[0],
                       words[1]);
    if (words[2] > VHOST_USER_PAYLOAD_LEN_MAX)
        return err_set(errp, ERR_PROTOCOL, "vhost-user message %u has %u bytes, the limit is %d",
                       words[0], words[2], VHOST_USER_PAYLOAD_LEN_MAX);
    *out = (struct vhost_user_head){ words[0], words[1], words[2] };
    return true;
}

/* Takes n bytes off the payload; false when it is shorter. */
static bool take(struct sv *in, void *out, size_t n)
{
    if (in->n < n)
        return false;
    memcpy(out, in->p, n);
    *in = sv_slice(*in, n, in->n);
    return true;
}

static bool take_regions(struct vhost_user_msg *msg, struct sv *in)
{
    uint32_t count[2]; /* the second is padding */

    if (!take(in, count, sizeof(count)) || count[0] > VHOST_USER_REGIONS_MAX)
        return false;
    msg->n_regions = count[0];
    for (unsigned i = 0; i < msg->n_regions; i++) {
        uint64_t words[4];

        if (!take(in, words, sizeof(words)))
            return false;
        msg->regions[i] = (struct vhost_user_region){ words[0], words[1], words[2], words[3] };
    }
    return true;
}

static bool take_addr(struct vhost_user_msg *msg, struct sv *in)
{
    uint32_t state[2];
    uint64_t words[4]; /* the fourth is the address of the dirty log, which is not offered */

    if (!take(in, state, sizeof(state)) || !take(in, words, sizeof(words)))
        return false;
    msg->index = state[0]; /* state[1] are flags, for the log as well */
    msg->addr = (struct vhost_user_ring_addr){ words[0], words[1], words[2] };
    return true;
}

static bool take_config(struct vhost_user_msg *msg, struct sv *in)
{
    uint32_t words[3]; /* offset, size, flags */

    if (!take(in, words, sizeof(words)) || words[1] > VHOST_USER_CONFIG_LEN_MAX || in->n < words[1])
        return false;
    msg->config_offset = words[0];
    msg->config_flags = words[2];
    msg->config = sv_slice(*in, 0, words[1]);
    return true;
}

static bool take_payload(struct vhost_user_msg *msg, enum payload kind, struct sv in)
{
    uint32_t state[2];

    switch (kind) {
    case PAYLOAD_NONE:
        return true;
    case PAYLOAD_U64:
        if (!take(&in, &msg->u64, sizeof(msg->u64)))
            return false;
        msg->index = msg->u64 & VHOST_USER_VRING_INDEX_MASK;
        return true;
    case PAYLOAD_STATE:
        if (!take(&in, state, sizeof(state)))
            return false;
        msg->index = state[0];
        msg->num = state[1];
        return true;
    case PAYLOAD_ADDR:
        return take_addr(msg, &in);
    case PAYLOAD_MEM:
        return take_regions(msg, &in);
    case PAYLOAD_CONFIG:
        return take_config(msg, &in);
    }
    return false;
}

static size_t fds_expected(const struct vhost_user_msg *msg, enum fds kind)
{
    switch (kind) {
    case FDS_NONE:
        return 0;
    case FDS_RING:
        return msg->u64 & VHOST_USER_VRING_NO_FD ? 0 : 1;
    case FDS_REGIONS:
        return msg->n_regions;
    }
    return 0;
}

bool vhost_user_decode(struct vhost_user_msg *out, const struct vhost_user_head *head,
                       struct sv payload, size_t n_fds, struct err **errp)
{
    const char *name = vhost_user_request_name(head->request);
    struct vhost_user_msg msg = { .request = (enum vhost_user_request)head->request,
                                  .need_reply = head->flags & VHOST_USER_NEED_REPLY };
    size_t n_expected;

    if (!name)
        return err_set(errp, ERR_UNSUPPORTED, "vhost-user request %u is not served", head->request);
    if (!take_payload(&msg, requests[head->request].payload, payload))
        return err_set(errp, ERR_PROTOCOL, "vhost-user message %s has a wrong length of %zu bytes",
                       name, payload.n);
    n_expected = fds_expected(&msg, requests[head->request].fds);
    if (n_fds != n_expected)
        return err_set(errp, ERR_PROTOCOL, "vhost-user message %s has %zu descriptors instead of %zu",
                       name, n_fds, n_expected);
    *out = msg;
    return true;
}

static uint8_t *put_head(uint8_t *out, uint32_t request, uint32_t size)
{
    const uint32_t words[3] = { request, VHOST_USER_VERSION | VHOST_USER_REPLY, size };

    memcpy(out, words, sizeof(words));
    return out + sizeof(words);
}

size_t vhost_user_answer_u64(uint8_t *out, uint32_t request, uint64_t value)
{
    memcpy(put_head(out, request, sizeof(value)), &value, sizeof(value));
    return VHOST_USER_HEAD_LEN + sizeof(value);
}

size_t vhost_user_answer_state(uint8_t *out, uint32_t request, uint32_t index, uint32_t num)
{
    const uint32_t state[2] = { index, num };

    memcpy(put_head(out, request, sizeof(state)), state, sizeof(state));
    return VHOST_USER_HEAD_LEN + sizeof(state);
}

size_t vhost_user_answer_config(uint8_t *out, uint32_t offset, uint32_t flags, struct sv config)
{
    const uint32_t words[3] = { offset, (uint32_t)config.n, flags };
    uint8_t *at;

    assert(config.n <= VHOST_USER_CONFIG_LEN_MAX);
    at = put_head(out, VHOST_USER_GET_CONFIG, (uint32_t)(sizeof(words) + config.n));
    memcpy(at, words, sizeof(words));
    if (config.n > 0)
        memcpy(at + sizeof(words), config.p, config.n);
    return VHOST_USER_HEAD_LEN + sizeof(words) + config.n;
}
