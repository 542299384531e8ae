#include "wire/guest.h"

#include <assert.h>
#include <string.h>

#include "base/enum.h"
#include "base/log.h"
#include "base/quote.h"

enum {
    LENGTH_LEN = 4,
    FIELD_HEAD_LEN = 5,
    CRC_POLYNOMIAL_REVERSED = (int)0xedb88320,
    PORT_HEAD_LEN = GUEST_PORT_LEN_MAX - GUEST_ADDRESS_LEN_MAX,
};

/* An entry of PORTS: u8 length of what follows, u8 operation, u8 protocol, u8 flags, u16 port,
 * u8 length of the address, the address, and whatever later versions append. */
enum port_operation { PORT_ADDED = 1, PORT_REMOVED = 2 };

enum tag_kind { TAG_U32, TAG_U64, TAG_TEXT, TAG_DATA };

/* The index is the tag; tag 0 is not used. */
enum tag {
    TAG_VERSION = 1,
    TAG_FLAGS,
    TAG_PHASE,
    TAG_STATE,
    TAG_LEVEL,
    TAG_ADJUSTED,
    TAG_CRC,
    TAG_ID,
    TAG_SIZE,
    TAG_TIME,
    TAG_DRIFT,
    TAG_PROGRAM,
    TAG_ARCH,
    TAG_BOOT_ID,
    TAG_TEXT_LINE,
    TAG_DATA_BYTES,
    TAG_PROTO,
    TAG_PORT,
    TAG_MODE,
    TAG_UID,
    TAG_VSOCK_PORT,
    TAG_ADDRESS,
    TAG_PATH,
    TAG_NAME,
    TAG_MOUNT_POINT,
    TAG_END,
};

#define BIT(tag)       (1u << (tag))
#define MEMBER(member) offsetof(struct guest_msg, member)

static const struct {
    enum tag_kind kind;
    size_t offset;
    size_t max; /* of a text or data */
} tags[TAG_END] = {
    [TAG_VERSION] = { TAG_U32, MEMBER(version) },
    [TAG_FLAGS] = { TAG_U32, MEMBER(flags) },
    [TAG_PHASE] = { TAG_U32, MEMBER(phase) },
    [TAG_STATE] = { TAG_U32, MEMBER(state) },
    [TAG_LEVEL] = { TAG_U32, MEMBER(level) },
    [TAG_ADJUSTED] = { TAG_U32, MEMBER(adjusted) },
    [TAG_CRC] = { TAG_U32, MEMBER(crc) },
    [TAG_ID] = { TAG_U64, MEMBER(id) },
    [TAG_SIZE] = { TAG_U64, MEMBER(size) },
    [TAG_TIME] = { TAG_U64, MEMBER(time_ns) },
    [TAG_DRIFT] = { TAG_U64, MEMBER(drift_ns) },
    [TAG_PROGRAM] = { TAG_TEXT, MEMBER(program), GUEST_WORD_LEN_MAX },
    [TAG_ARCH] = { TAG_TEXT, MEMBER(arch), GUEST_WORD_LEN_MAX },
    [TAG_BOOT_ID] = { TAG_TEXT, MEMBER(boot_id), GUEST_WORD_LEN_MAX },
    [TAG_TEXT_LINE] = { TAG_TEXT, MEMBER(text), GUEST_TEXT_LEN_MAX },
    [TAG_DATA_BYTES] = { TAG_DATA, MEMBER(data), GUEST_DATA_LEN_MAX },
    [TAG_PROTO] = { TAG_U32, MEMBER(proto) },
    [TAG_PORT] = { TAG_U32, MEMBER(port) },
    [TAG_MODE] = { TAG_U32, MEMBER(mode) },
    [TAG_UID] = { TAG_U32, MEMBER(uid) },
    [TAG_VSOCK_PORT] = { TAG_U32, MEMBER(vsock_port) },
    [TAG_ADDRESS] = { TAG_DATA, MEMBER(address), GUEST_ADDRESS_LEN_MAX },
    [TAG_PATH] = { TAG_TEXT, MEMBER(path), GUEST_PATH_LEN_MAX },
    [TAG_NAME] = { TAG_TEXT, MEMBER(name), GUEST_NAME_LEN_MAX },
    [TAG_MOUNT_POINT] = { TAG_TEXT, MEMBER(mount_point), GUEST_MOUNT_LEN_MAX },
};

/* Fields that a message must have, and those that it may have as well. */
static const struct {
    const char *name;
    unsigned needed, optional;
} types[GUEST_TYPE_END] = {
    [GUEST_HELLO] = { "HELLO", BIT(TAG_VERSION) | BIT(TAG_PROGRAM),
                      BIT(TAG_ARCH) | BIT(TAG_BOOT_ID) | BIT(TAG_FLAGS) },
    [GUEST_PHASE] = { "PHASE", BIT(TAG_PHASE) | BIT(TAG_STATE), BIT(TAG_TEXT_LINE) },
    [GUEST_TIME] = { "TIME", BIT(TAG_TIME), 0 },
    [GUEST_TIME_RESULT] = { "TIME_RESULT", BIT(TAG_DRIFT) | BIT(TAG_ADJUSTED), BIT(TAG_TEXT_LINE) },
    [GUEST_LOG] = { "LOG", BIT(TAG_LEVEL) | BIT(TAG_TEXT_LINE), 0 },
    [GUEST_UPDATE] = { "UPDATE", BIT(TAG_PROGRAM) | BIT(TAG_SIZE) | BIT(TAG_CRC), 0 },
    [GUEST_UPDATE_DATA] = { "UPDATE_DATA", BIT(TAG_DATA_BYTES), 0 },
    [GUEST_UPDATE_RESULT] = { "UPDATE_RESULT", 0, BIT(TAG_TEXT_LINE) },
    [GUEST_PING] = { "PING", BIT(TAG_ID), 0 },
    [GUEST_PONG] = { "PONG", BIT(TAG_ID), 0 },
    [GUEST_WATCH_PORTS] = { "WATCH_PORTS", BIT(TAG_FLAGS), 0 },
    [GUEST_PORTS] = { "PORTS", BIT(TAG_FLAGS) | BIT(TAG_DATA_BYTES), 0 },
    [GUEST_LISTEN] = { "LISTEN", BIT(TAG_ID) | BIT(TAG_PROTO) | BIT(TAG_VSOCK_PORT),
                       BIT(TAG_FLAGS) | BIT(TAG_PORT) | BIT(TAG_MODE) | BIT(TAG_UID) |
                           BIT(TAG_ADDRESS) | BIT(TAG_PATH) },
    [GUEST_UNLISTEN] = { "UNLISTEN", BIT(TAG_ID), 0 },
    [GUEST_LISTEN_RESULT] = { "LISTEN_RESULT", BIT(TAG_ID) | BIT(TAG_PORT), BIT(TAG_TEXT_LINE) },
    [GUEST_MOUNT] = { "MOUNT", BIT(TAG_ID) | BIT(TAG_NAME) | BIT(TAG_MOUNT_POINT),
                      BIT(TAG_FLAGS) | BIT(TAG_TEXT_LINE) },
    [GUEST_UNMOUNT] = { "UNMOUNT", BIT(TAG_ID) | BIT(TAG_NAME) | BIT(TAG_MOUNT_POINT),
                        BIT(TAG_FLAGS) },
    [GUEST_MOUNT_RESULT] = { "MOUNT_RESULT", BIT(TAG_ID), BIT(TAG_TEXT_LINE) },
    [GUEST_ECHO] = { "ECHO", 0, 0 },
    [GUEST_TOUCH] = { "TOUCH", BIT(TAG_MOUNT_POINT) | BIT(TAG_TIME), BIT(TAG_DATA_BYTES) },
};

static const char *const phase_names[] = { "init", "root", "seed", "network", "ssh", "boot" };
ENUM_NAMES_MATCH(phase_names, GUEST_PHASE_COUNT);

static const char *const state_names[] = { "begun", "done", "failed" };
ENUM_NAMES_MATCH(state_names, GUEST_STATE_COUNT);

const char *guest_type_name(enum guest_type type)
{
    assert(type > 0 && type < GUEST_TYPE_END);
    return types[type].name;
}

const char *guest_phase_name(enum guest_phase phase)
{
    assert(phase < GUEST_PHASE_COUNT);
    return phase_names[phase];
}

const char *guest_state_name(enum guest_state state)
{
    assert(state < GUEST_STATE_COUNT);
    return state_names[state];
}

static void put_be(uint8_t *at, uint64_t value, size_t n_bytes)
{
    for (size_t i = 0; i < n_bytes; i++)
        at[i] = (uint8_t)(value >> (8 * (n_bytes - 1 - i)));
}

static uint64_t get_be(const char *at, size_t n_bytes)
{
    uint64_t value = 0;

    for (size_t i = 0; i < n_bytes; i++)
        value = value << 8 | (uint8_t)at[i];
    return value;
}

/* Cuts a text to max bytes, but not inside a character. */
static struct sv clip_text(struct sv text, size_t max)
{
    if (text.n <= max)
        return text;
    while (max > 0 && ((uint8_t)text.p[max] & 0xc0) == 0x80)
        max--;
    return sv_slice(text, 0, max);
}

static void put_field(struct sb *out, enum tag tag, struct sv value)
{
    uint8_t head[FIELD_HEAD_LEN] = { (uint8_t)tag };

    put_be(head + 1, value.n, 4);
    sb_put_mem(out, head, sizeof(head));
    sb_put(out, value);
}

static void put_member(struct sb *out, enum tag tag, const struct guest_msg *msg)
{
    const char *member = (const char *)msg + tags[tag].offset;
    uint8_t number[8];
    uint32_t u32;
    uint64_t u64;
    struct sv view;

    switch (tags[tag].kind) {
    case TAG_U32:
        memcpy(&u32, member, sizeof(u32));
        put_be(number, u32, 4);
        put_field(out, tag, (struct sv){ (char *)number, 4 });
        return;
    case TAG_U64:
        memcpy(&u64, member, sizeof(u64));
        put_be(number, u64, 8);
        put_field(out, tag, (struct sv){ (char *)number, 8 });
        return;
    case TAG_TEXT:
        memcpy(&view, member, sizeof(view));
        put_field(out, tag, clip_text(view, tags[tag].max));
        return;
    case TAG_DATA:
        memcpy(&view, member, sizeof(view));
        assert(view.n <= tags[tag].max);
        put_field(out, tag, view);
        return;
    }
}

void guest_encode(struct sb *out, const struct guest_msg *msg)
{
    size_t start = out->n;
    uint8_t head[LENGTH_LEN + 1] = { 0, 0, 0, 0, (uint8_t)msg->type };

    assert(msg->type > 0 && msg->type < GUEST_TYPE_END);
    assert(msg->phase < GUEST_PHASE_COUNT && msg->state < GUEST_STATE_COUNT &&
           msg->level < LOG_LEVEL_COUNT && msg->proto < GUEST_PROTO_COUNT);
    sb_put_mem(out, head, sizeof(head));
    for (enum tag tag = TAG_VERSION; tag < TAG_END; tag++)
        if ((types[msg->type].needed | types[msg->type].optional) & BIT(tag))
            put_member(out, tag, msg);
    if (!out->over)
        put_be((uint8_t *)out->p + start, out->n - start - LENGTH_LEN, LENGTH_LEN);
}

static bool bad_field(struct err **errp, enum guest_type type, enum tag tag, const char *why)
{
    return err_set(errp, ERR_PROTOCOL, "guest message %s: field %u %s", types[type].name,
                   (unsigned)tag, why);
}

static bool take_member(struct guest_msg *msg, enum tag tag, struct sv value, struct err **errp)
{
    char *member = (char *)msg + tags[tag].offset;
    uint32_t u32;
    uint64_t u64;

    switch (tags[tag].kind) {
    case TAG_U32:
        if (value.n != 4)
            return bad_field(errp, msg->type, tag, "is not a number of 4 bytes");
        u32 = (uint32_t)get_be(value.p, 4);
        memcpy(member, &u32, sizeof(u32));
        return true;
    case TAG_U64:
        if (value.n != 8)
            return bad_field(errp, msg->type, tag, "is not a number of 8 bytes");
        u64 = get_be(value.p, 8);
        memcpy(member, &u64, sizeof(u64));
        return true;
    case TAG_TEXT:
        if (sv_find(value, '\0') >= 0 || !utf8_is_valid(value))
            return bad_field(errp, msg->type, tag, "is not a text");
        __attribute__((fallthrough)); /* a text is data too */
    case TAG_DATA:
        if (value.n > tags[tag].max)
            return bad_field(errp, msg->type, tag, "is too long");
        memcpy(member, &value, sizeof(value));
        return true;
    }
    return false;
}

/* Takes the fields off a frame; *out_seen says which ones it had. */
static bool take_fields(struct guest_msg *msg, struct sv fields, unsigned *out_seen,
                        struct err **errp)
{
    unsigned known = types[msg->type].needed | types[msg->type].optional;

    *out_seen = 0;
    while (fields.n > 0) {
        if (fields.n < FIELD_HEAD_LEN)
            return err_set(errp, ERR_PROTOCOL, "guest message %s is cut off",
                           types[msg->type].name);

        unsigned tag = (uint8_t)fields.p[0];
        size_t n = (size_t)get_be(fields.p + 1, 4);

        fields = sv_slice(fields, FIELD_HEAD_LEN, fields.n);
        if (n > fields.n)
            return err_set(errp, ERR_PROTOCOL, "guest message %s is cut off",
                           types[msg->type].name);
        if (tag < TAG_END && (known & BIT(tag))) {
            if (*out_seen & BIT(tag))
                return bad_field(errp, msg->type, (enum tag)tag, "comes twice");
            if (!take_member(msg, (enum tag)tag, sv_slice(fields, 0, n), errp))
                return false;
            *out_seen |= BIT(tag);
        }
        fields = sv_slice(fields, n, fields.n);
    }
    return true;
}

void guest_port_put(struct sb *out, const struct guest_port *port)
{
    uint8_t entry[GUEST_PORT_LEN_MAX];

    assert(port->n_address == 4 || port->n_address == GUEST_ADDRESS_LEN_MAX);
    entry[0] = (uint8_t)(PORT_HEAD_LEN - 1 + port->n_address);
    entry[1] = port->is_removed ? PORT_REMOVED : PORT_ADDED;
    entry[2] = (uint8_t)port->proto;
    entry[3] = port->flags;
    put_be(entry + 4, port->port, 2);
    entry[6] = port->n_address;
    memcpy(entry + PORT_HEAD_LEN, port->address, port->n_address);
    sb_put_mem(out, entry, PORT_HEAD_LEN + port->n_address);
}

/* False when nothing is left or the rest is broken, as data->n tells. */
static bool take_port_entry(struct sv *data, struct sv *out)
{
    size_t n;

    if (data->n == 0)
        return false;
    n = 1 + (size_t)(uint8_t)data->p[0];
    if (n < PORT_HEAD_LEN || n > data->n || (uint8_t)data->p[6] > n - PORT_HEAD_LEN)
        return false;
    *out = sv_slice(*data, 0, n);
    *data = sv_slice(*data, n, data->n);
    return true;
}

bool guest_port_next(struct sv *data, struct guest_port *out)
{
    for (struct sv entry; take_port_entry(data, &entry);) {
        struct guest_port port = { .is_removed = entry.p[1] == PORT_REMOVED,
                                   .proto = (enum guest_proto)(uint8_t)entry.p[2],
                                   .flags = (uint8_t)entry.p[3],
                                   .port = (uint16_t)get_be(entry.p + 4, 2),
                                   .n_address = (uint8_t)entry.p[6] };

        if ((entry.p[1] != PORT_ADDED && entry.p[1] != PORT_REMOVED) ||
            (port.proto != GUEST_TCP && port.proto != GUEST_UDP) ||
            (port.n_address != 4 && port.n_address != GUEST_ADDRESS_LEN_MAX))
            continue;
        memcpy(port.address, entry.p + PORT_HEAD_LEN, port.n_address);
        *out = port;
        return true;
    }
    return false;
}

static bool check_ports(struct sv data, struct err **errp)
{
    struct sv entry;

    if (data.n > GUEST_PORTS_LEN_MAX)
        return bad_field(errp, GUEST_PORTS, TAG_DATA_BYTES, "is too long");
    while (take_port_entry(&data, &entry))
        ;
    return data.n == 0 ||
           bad_field(errp, GUEST_PORTS, TAG_DATA_BYTES, "has an entry that is cut off");
}

static bool check_listen(const struct guest_msg *msg, struct err **errp)
{
    size_t n = msg->address.n;

    if (msg->port > UINT16_MAX)
        return bad_field(errp, msg->type, TAG_PORT, "is out of range");
    if (msg->type == GUEST_LISTEN_RESULT)
        return true;
    if (msg->proto == GUEST_UNIX)
        return (msg->path.n > 0 && msg->path.p[0] == '/') ||
               bad_field(errp, msg->type, TAG_PATH, "is not an absolute path");
    return n == 4 || n == GUEST_ADDRESS_LEN_MAX ||
           bad_field(errp, msg->type, TAG_ADDRESS, "is not an address");
}

/* What the members of one message must be together. */
static bool check_message(const struct guest_msg *msg, struct err **errp)
{
    switch (msg->type) {
    case GUEST_PORTS:
        return check_ports(msg->data, errp);
    case GUEST_LISTEN:
    case GUEST_LISTEN_RESULT:
        return check_listen(msg, errp);
    default:
        return true;
    }
}

bool guest_decode(struct guest_msg *out, struct sv frame, struct err **errp)
{
    struct guest_msg msg = { 0 };
    unsigned seen, type;

    if (frame.n == 0 || frame.n > GUEST_FRAME_LEN_MAX)
        return err_set(errp, ERR_PROTOCOL, "guest message of %zu bytes", frame.n);
    type = (uint8_t)frame.p[0];
    if (type == 0 || type >= GUEST_TYPE_END)
        return err_set(errp, ERR_UNSUPPORTED, "guest message of unknown type %u", type);

    msg.type = (enum guest_type)type;
    if (!take_fields(&msg, sv_slice(frame, 1, frame.n), &seen, errp))
        return false;
    if (types[type].needed & ~seen)
        return err_set(errp, ERR_PROTOCOL, "guest message %s lacks a field", types[type].name);
    if (msg.phase >= GUEST_PHASE_COUNT || msg.state >= GUEST_STATE_COUNT ||
        msg.proto >= GUEST_PROTO_COUNT)
        return err_set(errp, ERR_UNSUPPORTED, "guest message %s of a later version",
                       types[type].name);
    if (msg.level >= LOG_LEVEL_COUNT)
        return bad_field(errp, msg.type, TAG_LEVEL, "is out of range");
    if (!check_message(&msg, errp))
        return false;
    *out = msg;
    return true;
}

void guest_reader_feed(struct guest_reader *reader, const void *mem, size_t n)
{
    sb_consume(&reader->buf, reader->start);
    reader->start = 0;
    sb_put_mem(&reader->buf, mem, n);
}

enum guest_read guest_reader_next(struct guest_reader *reader, struct guest_msg *out,
                                  struct err **errp)
{
    for (;;) {
        auto_err struct err *err = NULL;
        struct sv rest = sv_slice(sb_view(&reader->buf), reader->start, reader->buf.n);
        size_t n;

        if (rest.n < LENGTH_LEN)
            return GUEST_READ_MORE;
        n = (size_t)get_be(rest.p, LENGTH_LEN);
        if (n == 0 || n > GUEST_FRAME_LEN_MAX) {
            err_set(errp, ERR_PROTOCOL, "guest message of %zu bytes", n);
            return GUEST_READ_BROKEN;
        }
        if (rest.n - LENGTH_LEN < n)
            return GUEST_READ_MORE;

        reader->start += LENGTH_LEN + n;
        if (guest_decode(out, sv_slice(rest, LENGTH_LEN, LENGTH_LEN + n), &err)) {
            if (!reader->greeted && out->type != GUEST_HELLO) {
                err_set(errp, ERR_PROTOCOL, "the first guest message is %s, not HELLO",
                        types[out->type].name);
                return GUEST_READ_BROKEN;
            }
            reader->greeted = true;
            return GUEST_READ_MESSAGE;
        }
        if (err_kind(err) != ERR_UNSUPPORTED) {
            err_propagate(errp, MOVE(err));
            return GUEST_READ_BROKEN;
        }
    }
}

void guest_reader_done(struct guest_reader *reader)
{
    sb_done(&reader->buf);
    *reader = (struct guest_reader){ 0 };
}

uint32_t guest_crc(uint32_t crc, struct sv bytes)
{
    crc = ~crc;
    for (size_t i = 0; i < bytes.n; i++) {
        crc ^= (uint8_t)bytes.p[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ ((uint32_t)CRC_POLYNOMIAL_REVERSED & -(crc & 1));
    }
    return ~crc;
}
