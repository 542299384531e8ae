/*
 * SHA-256 (FIPS 180-4) of short texts, for names that are derived from other names (MAC addresses,
 * mount tags, cache entries). Files are verified by svc/fetch/digest.h.
 */
#ifndef BASE_SHA256_H
#define BASE_SHA256_H

#include <stdint.h>

#include "base/sv.h"

#define SHA256_LEN 32

void sha256(struct sv bytes, uint8_t out[SHA256_LEN]);

#endif
