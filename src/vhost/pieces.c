#include "vhost/pieces.h"

#include <string.h>

size_t pieces_len(const struct iovec *pieces, unsigned n_pieces)
{
    size_t n = 0;

    for (unsigned i = 0; i < n_pieces; i++)
        n += pieces[i].iov_len;
    return n;
}

void pieces_put(const struct iovec *pieces, const uint8_t *bytes, size_t n)
{
    for (; n > 0; pieces++) {
        size_t part = n < pieces->iov_len ? n : pieces->iov_len;

        memcpy(pieces->iov_base, bytes, part);
        bytes += part;
        n -= part;
    }
}

void pieces_get(const struct iovec *pieces, uint8_t *out, size_t n)
{
    for (; n > 0; pieces++) {
        size_t part = n < pieces->iov_len ? n : pieces->iov_len;

        memcpy(out, pieces->iov_base, part);
        out += part;
        n -= part;
    }
}

unsigned pieces_slice(const struct iovec *pieces, size_t skip, size_t n, struct iovec *out)
{
    unsigned n_out = 0;

    for (; n > 0; pieces++) {
        size_t part;

        if (skip >= pieces->iov_len) {
            skip -= pieces->iov_len;
            continue;
        }
        part = pieces->iov_len - skip < n ? pieces->iov_len - skip : n;
        out[n_out++] = (struct iovec){ (char *)pieces->iov_base + skip, part };
        skip = 0;
        n -= part;
    }
    return n_out;
}
