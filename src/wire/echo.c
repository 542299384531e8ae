#include "wire/echo.h"

#include <assert.h>
#include <string.h>

#include "base/enum.h"

enum { LENGTH_LEN = 2, FIXED_LEN = 3 + 16 };

static const char *const type_names[] = { "",      "HELLO", "READY",  "SYNC", "DONE",
                                          "GONE",  "MAKE",  "REMOVE", "MOVE", "MODIFY",
                                          "WRITE", "CLOSE", "ATTRIB" };
ENUM_NAMES_MATCH(type_names, ECHO_TYPE_END);

const char *echo_type_name(enum echo_type type)
{
    assert(type < ECHO_TYPE_END);
    return type_names[type];
}

static void put_number(struct sb *out, uint64_t value, unsigned n_bytes)
{
    while (n_bytes-- > 0) {
        uint8_t byte = (uint8_t)(value >> (8 * n_bytes));

        sb_put_mem(out, &byte, 1);
    }
}

static void put_name(struct sb *out, struct sv name)
{
    put_number(out, name.n, 1);
    sb_put(out, name);
}

void echo_put(struct sb *out, const struct echo_msg *msg)
{
    size_t n = FIXED_LEN + 3 + msg->export.n + msg->name.n + msg->name2.n;

    assert(msg->type > 0 && msg->type < ECHO_TYPE_END && msg->kind < ECHO_KIND_COUNT);
    assert(msg->export.n <= ECHO_NAME_LEN_MAX && msg->name.n <= ECHO_NAME_LEN_MAX &&
           msg->name2.n <= ECHO_NAME_LEN_MAX);
    put_number(out, n, LENGTH_LEN);
    put_number(out, msg->type, 1);
    put_number(out, msg->kind, 1);
    put_number(out, msg->flags, 1);
    put_number(out, msg->dir, 8);
    put_number(out, msg->dir2, 8);
    put_name(out, msg->export);
    put_name(out, msg->name);
    put_name(out, msg->name2);
}

static uint64_t take_number(struct sv *in, unsigned n_bytes)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < n_bytes; i++)
        value = value << 8 | (uint8_t)in->p[i];
    *in = sv_slice(*in, n_bytes, in->n);
    return value;
}

/* One path component, or nothing. */
static bool is_component(struct sv name)
{
    return !sv_eq(name, SV(".")) && !sv_eq(name, SV("..")) &&
           (name.n == 0 || (!memchr(name.p, '/', name.n) && !memchr(name.p, 0, name.n)));
}

static bool take_name(struct sv *in, struct sv *out)
{
    size_t n;

    if (in->n < 1)
        return false;
    n = take_number(in, 1);
    if (n > in->n)
        return false;
    *out = sv_slice(*in, 0, n);
    *in = sv_slice(*in, n, in->n);
    return is_component(*out);
}

/* Are the members that the message needs there? */
static bool is_complete(const struct echo_msg *msg)
{
    if (msg->type < ECHO_MAKE)
        return msg->type != ECHO_GONE || msg->export.n > 0;
    if (msg->export.n == 0 || (msg->name.n == 0 && msg->type != ECHO_ATTRIB))
        return false;
    if (msg->type == ECHO_MOVE)
        return msg->name2.n > 0 && (msg->dir || msg->dir2);
    return msg->dir != 0;
}

static bool take_members(struct sv bytes, struct echo_msg *out)
{
    uint64_t type, kind;

    if (bytes.n < FIXED_LEN)
        return false;
    type = take_number(&bytes, 1);
    kind = take_number(&bytes, 1);
    if (type == 0 || type >= ECHO_TYPE_END || kind >= ECHO_KIND_COUNT)
        return false;
    *out = (struct echo_msg){ .type = (enum echo_type)type, .kind = (enum echo_kind)kind };
    out->flags = (uint8_t)take_number(&bytes, 1);
    out->dir = take_number(&bytes, 8);
    out->dir2 = take_number(&bytes, 8);
    return take_name(&bytes, &out->export) && take_name(&bytes, &out->name) &&
           take_name(&bytes, &out->name2) && is_complete(out);
}

enum echo_take echo_take(struct sv *stream, struct echo_msg *out, struct err **errp)
{
    struct sv rest = *stream;
    size_t n;

    if (rest.n < LENGTH_LEN)
        return ECHO_MORE;
    n = take_number(&rest, LENGTH_LEN);
    if (n > rest.n)
        return ECHO_MORE;
    if (!take_members(sv_slice(rest, 0, n), out)) {
        (void)err_set(errp, ERR_PROTOCOL, "a malformed message about changes of files");
        return ECHO_BROKEN;
    }
    *stream = sv_slice(rest, n, rest.n);
    return ECHO_TAKEN;
}
