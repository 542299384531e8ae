/* Bytes that lie in pieces, as the guest's memory gives them. The pieces are long enough: callers
 * see to it. */
#ifndef VHOST_PIECES_H
#define VHOST_PIECES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

size_t pieces_len(const struct iovec *pieces, unsigned n_pieces);
/* Copies n bytes to, from the beginning of the pieces. */
void pieces_put(const struct iovec *pieces, const uint8_t *bytes, size_t n);
void pieces_get(const struct iovec *pieces, uint8_t *out, size_t n);
/* Copies to out the pieces of n bytes after the first skip bytes; returns how many there are. */
unsigned pieces_slice(const struct iovec *pieces, size_t skip, size_t n, struct iovec *out);

#endif
