/* A preface that can be taken is the same after it was put again; then come datagrams. */
#include "fuzz.h"

#include <assert.h>

#include "wire/tunnel.h"

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

    while (tunnel_datagram_take(&left, &datagram))
        tunnel_datagram_put(&datagrams, datagram);
    assert(sv_eq(sb_view(&datagrams), sv_slice(stream, 0, stream.n - left.n)));
    return 0;
}
