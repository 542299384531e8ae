#include "wire/devctl.h"

#include <assert.h>
#include <string.h>

#include "base/enum.h"

#define HEAD_LEN 8

static const struct devctl_type_info type_infos[DEVCTL_TYPE_END] = {
    [DEVCTL_HELLO] = { "HELLO", DEVCTL_HAS_VERSION | DEVCTL_HAS_FLAGS | DEVCTL_HAS_DATA |
                                    DEVCTL_IS_REQUEST },
    [DEVCTL_LISTEN] = { "LISTEN", DEVCTL_HAS_FLAGS | DEVCTL_HAS_PORT | DEVCTL_IS_REQUEST },
    [DEVCTL_UNLISTEN] = { "UNLISTEN", DEVCTL_HAS_PORT | DEVCTL_IS_REQUEST },
    [DEVCTL_CONNECT] = { "CONNECT", DEVCTL_HAS_PORT | DEVCTL_IS_REQUEST },
    [DEVCTL_PUMP] = { "PUMP", DEVCTL_HAS_PORT | DEVCTL_HAS_TAG | DEVCTL_HAS_DATA | DEVCTL_HAS_FD |
                                  DEVCTL_IS_REQUEST },
    [DEVCTL_ACCEPT] = { "ACCEPT", DEVCTL_HAS_STREAM | DEVCTL_HAS_TAG | DEVCTL_HAS_FD |
                                      DEVCTL_IS_REQUEST },
    [DEVCTL_REJECT] = { "REJECT", DEVCTL_HAS_STREAM | DEVCTL_IS_REQUEST },
    [DEVCTL_STATS] = { "STATS", DEVCTL_HAS_TAG | DEVCTL_IS_REQUEST },
    [DEVCTL_RESULT] = { "RESULT", DEVCTL_HAS_ERROR },
    [DEVCTL_STREAM] = { "STREAM", DEVCTL_HAS_PORT | DEVCTL_HAS_PEER_PORT | DEVCTL_HAS_FD },
    [DEVCTL_ACCEPTED] = { "ACCEPTED", DEVCTL_HAS_PORT | DEVCTL_HAS_PEER_PORT | DEVCTL_HAS_FD },
    [DEVCTL_HELD] = { "HELD", DEVCTL_HAS_PORT | DEVCTL_HAS_PEER_PORT | DEVCTL_HAS_STREAM },
    [DEVCTL_COUNTERS] = { "COUNTERS", DEVCTL_HAS_TAG | DEVCTL_HAS_COUNTERS },
    [DEVCTL_GUEST] = { "GUEST", DEVCTL_HAS_FLAGS },
    [DEVCTL_EXPORT] = { "EXPORT", DEVCTL_HAS_FLAGS | DEVCTL_HAS_IDS | DEVCTL_HAS_DATA |
                                      DEVCTL_HAS_FD | DEVCTL_IS_REQUEST },
    [DEVCTL_FORWARD] = { "FORWARD", DEVCTL_HAS_PORT | DEVCTL_HAS_TAG | DEVCTL_HAS_DATA |
                                        DEVCTL_HAS_FD | DEVCTL_IS_REQUEST },
    [DEVCTL_UNEXPORT] = { "UNEXPORT", DEVCTL_HAS_DATA | DEVCTL_IS_REQUEST },
    [DEVCTL_DETACH] = { "DETACH", DEVCTL_HAS_DATA | DEVCTL_IS_REQUEST },
};

static const char *const sandbox_names[] = { "none", "seccomp", "landlock", "namespace" };
ENUM_NAMES_MATCH(sandbox_names, DEVCTL_SANDBOX_COUNT);

/* Numbers of a message in the order of the wire; COUNTERS are six of 64 bits after them. */
static const struct {
    unsigned field;
    size_t offset;
} numbers[] = {
    { DEVCTL_HAS_VERSION, offsetof(struct devctl_msg, version) },
    { DEVCTL_HAS_FLAGS, offsetof(struct devctl_msg, flags) },
    { DEVCTL_HAS_PORT, offsetof(struct devctl_msg, port) },
    { DEVCTL_HAS_PEER_PORT, offsetof(struct devctl_msg, peer_port) },
    { DEVCTL_HAS_STREAM, offsetof(struct devctl_msg, stream) },
    { DEVCTL_HAS_TAG, offsetof(struct devctl_msg, tag) },
    { DEVCTL_HAS_ERROR, offsetof(struct devctl_msg, error) },
    { DEVCTL_HAS_IDS, offsetof(struct devctl_msg, uid) },
    { DEVCTL_HAS_IDS, offsetof(struct devctl_msg, gid) },
};

static const size_t counters[] = {
    offsetof(struct devctl_counters, live),           offsetof(struct devctl_counters, total),
    offsetof(struct devctl_counters, refused),        offsetof(struct devctl_counters, reset),
    offsetof(struct devctl_counters, bytes_to_guest), offsetof(struct devctl_counters, bytes_from_guest),
};
static_assert(sizeof(struct devctl_counters) == COUNT(counters) * sizeof(uint64_t),
              "every counter is sent");

const struct devctl_type_info *devctl_type_info(unsigned type)
{
    return type < DEVCTL_TYPE_END && type_infos[type].name ? &type_infos[type] : NULL;
}

const char *devctl_sandbox_name(enum devctl_sandbox level)
{
    assert(level < DEVCTL_SANDBOX_COUNT);
    return sandbox_names[level];
}

static uint8_t *put_le(uint8_t *at, uint64_t value, size_t n_bytes)
{
    for (size_t i = 0; i < n_bytes; i++)
        *at++ = (uint8_t)(value >> (8 * i));
    return at;
}

static bool take_le(struct sv *in, uint64_t *out, size_t n_bytes)
{
    uint64_t value = 0;

    if (in->n < n_bytes)
        return false;
    for (size_t i = 0; i < n_bytes; i++)
        value |= (uint64_t)(uint8_t)in->p[i] << (8 * i);
    *in = sv_slice(*in, n_bytes, in->n);
    *out = value;
    return true;
}

size_t devctl_encode(const struct devctl_msg *msg, uint8_t out[DEVCTL_MESSAGE_SIZE_MAX])
{
    const struct devctl_type_info *info = devctl_type_info(msg->type);
    uint8_t *at = out;

    assert(info && msg->data.n <= DEVCTL_DATA_LEN_MAX);
    at = put_le(at, (uint32_t)msg->type, 4);
    at = put_le(at, msg->id, 4);
    for (size_t i = 0; i < COUNT(numbers); i++) {
        if (info->fields & numbers[i].field) {
            uint32_t value;

            memcpy(&value, (const char *)msg + numbers[i].offset, sizeof(value));
            at = put_le(at, value, 4);
        }
    }
    if (info->fields & DEVCTL_HAS_COUNTERS) {
        for (size_t i = 0; i < COUNT(counters); i++) {
            uint64_t value;

            memcpy(&value, (const char *)&msg->counters + counters[i], sizeof(value));
            at = put_le(at, value, 8);
        }
    }
    if ((info->fields & DEVCTL_HAS_DATA) && msg->data.n > 0) {
        memcpy(at, msg->data.p, msg->data.n);
        at += msg->data.n;
    }
    return (size_t)(at - out);
}

bool devctl_decode(struct devctl_msg *out, struct sv packet, struct err **errp)
{
    struct devctl_msg msg = { 0 };
    const struct devctl_type_info *info;
    uint64_t type, value;

    if (packet.n > DEVCTL_MESSAGE_SIZE_MAX || !take_le(&packet, &type, 4) ||
        !take_le(&packet, &value, 4))
        return err_set(errp, ERR_PROTOCOL, "control message of a wrong length");
    msg.type = (enum devctl_type)(type & 0xff);
    msg.id = (uint32_t)value;
    info = devctl_type_info((unsigned)msg.type);
    if (!info) {
        *out = msg;
        return err_set(errp, ERR_UNSUPPORTED, "control message of unknown type %u",
                       (unsigned)msg.type);
    }
    if (type > 0xff)
        return err_set(errp, ERR_PROTOCOL, "control message %s: reserved bytes are set", info->name);

    for (size_t i = 0; i < COUNT(numbers); i++) {
        if (info->fields & numbers[i].field) {
            if (!take_le(&packet, &value, 4))
                return err_set(errp, ERR_PROTOCOL, "control message %s is too short", info->name);
            uint32_t number = (uint32_t)value;

            memcpy((char *)&msg + numbers[i].offset, &number, sizeof(number));
        }
    }
    if (info->fields & DEVCTL_HAS_COUNTERS) {
        for (size_t i = 0; i < COUNT(counters); i++) {
            if (!take_le(&packet, &value, 8))
                return err_set(errp, ERR_PROTOCOL, "control message %s is too short", info->name);
            memcpy((char *)&msg.counters + counters[i], &value, sizeof(value));
        }
    }
    if (info->fields & DEVCTL_HAS_DATA) {
        if (packet.n > DEVCTL_DATA_LEN_MAX)
            return err_set(errp, ERR_PROTOCOL, "control message %s is too long", info->name);
        msg.data = packet;
    }
    *out = msg;
    return true;
}
