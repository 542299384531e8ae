#include "model/forward/ip_address.h"

#include <arpa/inet.h>
#include <assert.h>
#include <string.h>

static bool is_mapped(const uint8_t bytes[16])
{
    static const uint8_t prefix[12] = { [10] = 0xff, [11] = 0xff };

    return memcmp(bytes, prefix, sizeof(prefix)) == 0;
}

bool ip_address_from_bytes(struct sv bytes, struct ip_address *out)
{
    if (bytes.n != 4 && bytes.n != 16)
        return false;
    *out = (struct ip_address){ .n = (uint8_t)bytes.n };
    memcpy(out->bytes, bytes.p, bytes.n);
    if (out->n == 16 && is_mapped(out->bytes)) {
        struct ip_address v4 = { .n = 4 };

        memcpy(v4.bytes, out->bytes + 12, 4);
        *out = v4;
    }
    return true;
}

bool ip_address_parse(const char *text, struct ip_address *out)
{
    char bytes[16];

    if (inet_pton(AF_INET, text, bytes) == 1)
        return ip_address_from_bytes((struct sv){ bytes, 4 }, out);
    return inet_pton(AF_INET6, text, bytes) == 1 &&
           ip_address_from_bytes((struct sv){ bytes, 16 }, out);
}

struct sv ip_address_bytes(const struct ip_address *ip)
{
    return (struct sv){ (const char *)ip->bytes, ip->n };
}

bool ip_address_eq(const struct ip_address *a, const struct ip_address *b)
{
    return a->n == b->n && memcmp(a->bytes, b->bytes, a->n) == 0;
}

bool ip_address_is_unspecified(const struct ip_address *ip)
{
    for (size_t i = 0; i < ip->n; i++)
        if (ip->bytes[i])
            return false;
    return ip->n > 0;
}

void ip_address_put(struct sb *out, const struct ip_address *ip, uint16_t port)
{
    char text[INET6_ADDRSTRLEN];
    const char *done = inet_ntop(ip->n == 4 ? AF_INET : AF_INET6, ip->bytes, text, sizeof(text));

    assert(done && ip->n);
    sb_putf(out, ip->n == 4 ? "%s:%u" : "[%s]:%u", text, port);
}
