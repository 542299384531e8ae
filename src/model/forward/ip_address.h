/*
 * An IPv4 or IPv6 address as bytes. IPv4 addresses mapped into IPv6 (::ffff:1.2.3.4) are the IPv4
 * address, as for Lima. Pure.
 */
#ifndef MODEL_FORWARD_IP_ADDRESS_H
#define MODEL_FORWARD_IP_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/sb.h"
#include "base/sv.h"

struct ip_address {
    uint8_t n; /* 4 or 16; 0 = none */
    uint8_t bytes[16];
};

/* False when text is no literal address. */
bool ip_address_parse(const char *text, struct ip_address *out);
/* False unless there are 4 or 16 bytes. */
bool ip_address_from_bytes(struct sv bytes, struct ip_address *out);
struct sv ip_address_bytes(const struct ip_address *ip); /* borrowed */
bool ip_address_eq(const struct ip_address *a, const struct ip_address *b);
bool ip_address_is_unspecified(const struct ip_address *ip); /* 0.0.0.0 and :: */
/* "10.0.0.1:80", "[::1]:80" */
void ip_address_put(struct sb *out, const struct ip_address *ip, uint16_t port);

#endif
