/* A preface that can be taken is the same after it was put again; then come datagrams, or chunks:
 * those yield the same bytes when they come in one piece or byte by byte. */
#include "fuzz.h"

#include <assert.h>

#include "wire/tunnel.h"

/* Appends the bytes of chunks that come in steps; returns how much of the stream was taken. */
static size_t take_chunks(struct sv stream, size_t step, struct sb *out)
{
    struct tunnel_chunks chunks = { 0 };
    size_t at = 0;

    while (at < stream.n) {
        struct sv part = sv_slice(stream, at, at + step), piece;
        size_t n = part.n;
        enum tunnel_piece got;

        while ((got = tunnel_chunks_take(&chunks, &part, &piece)) == TUNNEL_PIECE_BYTES)
            sb_put(out, piece);
        at += n - part.n;
        if (got == TUNNEL_PIECE_END)
            break;
        assert(part.n == 0);
    }
    return at;
}

static void check_chunks(struct sv stream)
{
    auto_sb struct sb whole = { 0 }, bytewise = { 0 };

    assert(take_chunks(stream, stream.n, &whole) == take_chunks(stream, 1, &bytewise));
    assert(sv_eq(sb_view(&whole), sb_view(&bytewise)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    auto_sb struct sb again = { 0 }, datagrams = { 0 };
    struct sv stream = { (const char *)data, size }, datagram;
    struct tunnel_preface preface, back;

    if (tunnel_preface_take(&stream, &preface, NULL) != TUNNEL_TAKEN)
        return 0;
    tunnel_preface_put(&again, &preface);

    struct sv rest = sb_view(&again);

    assert(tunnel_preface_take(&rest, &back, NULL) == TUNNEL_TAKEN && rest.n == 0);
    assert(back.kind == preface.kind && back.port == preface.port && back.flags == preface.flags &&
           sv_eq(back.address, preface.address) && sv_eq(back.path, preface.path) &&
           sv_eq(back.source, preface.source));

    struct sv left = stream;

    check_chunks(stream);
    while (tunnel_datagram_take(&left, &datagram))
        tunnel_datagram_put(&datagrams, datagram);
    assert(sv_eq(sb_view(&datagrams), sv_slice(stream, 0, stream.n - left.n)));
    return 0;
}
