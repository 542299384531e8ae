#include "wire/tunnel.h"

#include <assert.h>

#include "base/enum.h"

enum {
    LENGTH_LEN = 2,
    HEAD_LEN = 5, /* version, kind, flags, port */
    CHUNK_RAW = 0xffff,
};

static const char *const kind_names[] = { "tcp", "udp", "unix" };
ENUM_NAMES_MATCH(kind_names, TUNNEL_KIND_COUNT);

const char *tunnel_kind_name(enum tunnel_kind kind)
{
    assert(kind < TUNNEL_KIND_COUNT);
    return kind_names[kind];
}

static void put_u16(struct sb *out, size_t value)
{
    sb_putc(out, (char)(value >> 8));
    sb_putc(out, (char)value);
}

static size_t get_u16(const char *at)
{
    return (size_t)(uint8_t)at[0] << 8 | (uint8_t)at[1];
}

static void put_short(struct sb *out, struct sv bytes)
{
    sb_putc(out, (char)bytes.n);
    sb_put(out, bytes);
}

static bool take_short(struct sv *in, struct sv *out)
{
    size_t n;

    if (in->n == 0 || in->n - 1 < (n = (uint8_t)in->p[0]))
        return false;
    *out = sv_slice(*in, 1, 1 + n);
    *in = sv_slice(*in, 1 + n, in->n);
    return true;
}

static bool is_target(enum tunnel_kind kind, struct sv target)
{
    if (kind == TUNNEL_UNIX)
        return target.n > 0 && target.n <= TUNNEL_PATH_LEN_MAX && target.p[0] == '/' &&
               sv_find(target, '\0') < 0;
    return target.n == 4 || target.n == 16;
}

void tunnel_preface_put(struct sb *out, const struct tunnel_preface *preface)
{
    struct sv target = preface->kind == TUNNEL_UNIX ? preface->path : preface->address;
    struct sv source = sv_slice(preface->source, 0, TUNNEL_SOURCE_LEN_MAX);

    assert(preface->kind < TUNNEL_KIND_COUNT && is_target(preface->kind, target));
    put_u16(out, HEAD_LEN + 1 + target.n + 1 + source.n);
    sb_putc(out, TUNNEL_VERSION);
    sb_putc(out, (char)preface->kind);
    sb_putc(out, (char)preface->flags);
    put_u16(out, preface->port);
    put_short(out, target);
    put_short(out, source);
}

static bool decode_preface(struct sv in, struct tunnel_preface *out, struct err **errp)
{
    struct tunnel_preface preface = { 0 };
    struct sv target;

    if (in.n < HEAD_LEN)
        return err_set(errp, ERR_PROTOCOL, "preface of %zu bytes", in.n);
    if (in.p[0] != TUNNEL_VERSION || (uint8_t)in.p[1] >= TUNNEL_KIND_COUNT)
        return err_set(errp, ERR_UNSUPPORTED, "preface of version %u, kind %u", (uint8_t)in.p[0],
                       (uint8_t)in.p[1]);

    preface.kind = (enum tunnel_kind)in.p[1];
    preface.flags = (uint8_t)in.p[2];
    preface.port = (uint16_t)get_u16(in.p + 3);
    in = sv_slice(in, HEAD_LEN, in.n);
    if (!take_short(&in, &target) || !take_short(&in, &preface.source) ||
        preface.source.n > TUNNEL_SOURCE_LEN_MAX)
        return err_set(errp, ERR_PROTOCOL, "preface is cut off");
    if (!is_target(preface.kind, target))
        return err_set(errp, ERR_PROTOCOL, "preface without a target");
    if (preface.kind == TUNNEL_UNIX)
        preface.path = target;
    else
        preface.address = target;
    *out = preface;
    return true;
}

enum tunnel_take tunnel_preface_take(struct sv *stream, struct tunnel_preface *out,
                                     struct err **errp)
{
    size_t n;

    if (stream->n < LENGTH_LEN)
        return TUNNEL_MORE;
    n = LENGTH_LEN + get_u16(stream->p);
    if (n > TUNNEL_PREFACE_LEN_MAX) {
        err_set(errp, ERR_PROTOCOL, "preface of %zu bytes", n);
        return TUNNEL_BROKEN;
    }
    if (stream->n < n)
        return TUNNEL_MORE;
    if (!decode_preface(sv_slice(*stream, LENGTH_LEN, n), out, errp))
        return TUNNEL_BROKEN;
    *stream = sv_slice(*stream, n, stream->n);
    return TUNNEL_TAKEN;
}

void tunnel_chunk_head(uint8_t out[TUNNEL_CHUNK_HEAD_LEN], size_t n)
{
    assert(n <= TUNNEL_CHUNK_LEN_MAX);
    out[0] = (uint8_t)(n >> 8);
    out[1] = (uint8_t)n;
}

void tunnel_chunk_raw(uint8_t out[TUNNEL_CHUNK_HEAD_LEN])
{
    out[0] = out[1] = CHUNK_RAW & 0xff;
}

/* Takes a byte of a head; completes it with the second one. */
static void take_head(struct tunnel_chunks *c, uint8_t byte)
{
    if (!c->has_half) {
        c->half = byte;
        c->has_half = true;
        return;
    }
    c->has_half = false;
    c->left = (uint32_t)c->half << 8 | byte;
    c->has_ended = c->left == 0;
    c->is_raw = c->left == CHUNK_RAW;
}

enum tunnel_piece tunnel_chunks_take(struct tunnel_chunks *c, struct sv *in, struct sv *out)
{
    size_t n;

    while (in->n > 0 && !c->has_ended) {
        if (c->left == 0) {
            take_head(c, (uint8_t)in->p[0]);
            *in = sv_slice(*in, 1, in->n);
            if (c->has_ended)
                return TUNNEL_PIECE_END;
            continue;
        }
        n = c->is_raw || in->n < c->left ? in->n : c->left;
        *out = sv_slice(*in, 0, n);
        *in = sv_slice(*in, n, in->n);
        c->left -= c->is_raw ? 0 : (uint32_t)n;
        return TUNNEL_PIECE_BYTES;
    }
    return TUNNEL_PIECE_NONE;
}

void tunnel_datagram_put(struct sb *out, struct sv datagram)
{
    assert(datagram.n <= TUNNEL_DATAGRAM_LEN_MAX);
    put_u16(out, datagram.n);
    sb_put(out, datagram);
}

bool tunnel_datagram_take(struct sv *stream, struct sv *out)
{
    size_t n;

    if (stream->n < TUNNEL_DATAGRAM_HEAD_LEN ||
        stream->n - TUNNEL_DATAGRAM_HEAD_LEN < (n = get_u16(stream->p)))
        return false;
    *out = sv_slice(*stream, TUNNEL_DATAGRAM_HEAD_LEN, TUNNEL_DATAGRAM_HEAD_LEN + n);
    *stream = sv_slice(*stream, TUNNEL_DATAGRAM_HEAD_LEN + n, stream->n);
    return true;
}
