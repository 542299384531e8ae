#include "model/config/identifier.h"

#include <ctype.h>

#include "base/quote.h"

#define IDENTIFIER_MAX 76u

static bool is_word(char c)
{
    return isalnum((unsigned char)c) && (unsigned char)c < 0x80;
}

static bool is_well_formed(const char *text)
{
    for (const char *p = text; *p; p++) {
        if (is_word(*p))
            continue;
        if (!strchr("._-", *p) || p == text || !is_word(p[-1]) || !is_word(p[1]))
            return false;
    }
    return true;
}

bool identifier_check(const char *text, struct err **errp)
{
    auto_mem char *quoted = quote_tick_dup(text);

    if (*text == '\0')
        return err_set(errp, ERR_INVALID, "identifier must not be empty");
    if (strlen(text) > IDENTIFIER_MAX)
        return err_set(errp, ERR_INVALID,
                       "identifier %s greater than maximum length (%u characters)", quoted,
                       IDENTIFIER_MAX);
    if (!is_well_formed(text))
        return err_set(errp, ERR_INVALID,
                       "identifier %s must match ^[A-Za-z0-9]+(?:[._-](?:[A-Za-z0-9]+))*$", quoted);
    return true;
}
