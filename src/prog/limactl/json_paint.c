#include "prog/limactl/json_paint.h"

#include <ctype.h>
#include <stdlib.h>

#include "base/mem.h"
#include "lang/json/json.h"

#define KEY "\033[36m"
#define STRING "\033[32m"
#define WORD "\033[35m"
#define PLAIN "\033[0m"

/* Length of the string literal at p, quotes included. */
static size_t string_length(const char *p)
{
    size_t n = 1;

    while (p[n] != '"')
        n += p[n] == '\\' ? 2 : 1;
    return n + 1;
}

static size_t word_length(const char *p)
{
    size_t n = 0;

    while (isalnum((unsigned char)p[n]) || p[n] == '-' || p[n] == '+' || p[n] == '.')
        n++;
    return n;
}

static void put_painted(struct sb *out, const char *colour, const char *text, size_t n)
{
    sb_puts(out, colour);
    sb_put_mem(out, text, n);
    sb_puts(out, PLAIN);
}

void json_paint(struct sb *out, const json_t *value, bool colour)
{
    auto_mem char *text = json_text(value, JSON_STYLE_INDENT4);

    if (!colour) {
        sb_puts(out, text);
        return;
    }
    for (const char *p = text; *p;) {
        size_t n = *p == '"' ? string_length(p) : word_length(p);

        if (*p == '"')
            put_painted(out, p[n] == ':' ? KEY : STRING, p, n);
        else if (n > 0)
            put_painted(out, WORD, p, n);
        else
            sb_putc(out, *p);
        p += n > 0 ? n : 1;
    }
}
