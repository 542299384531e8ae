/* Standard base64 with padding (RFC 4648 section 4). */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include <stdbool.h>

#include "base/sb.h"

void base64_encode(struct sb *out, struct sv bytes);
bool base64_decode(struct sb *out, struct sv text); /* false: invalid text, out is unspecified */

#endif
