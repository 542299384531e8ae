/*
 * Quoting for shells and for messages.
 */
#ifndef BASE_QUOTE_H
#define BASE_QUOTE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/sb.h"
#include "base/strv.h"

/* One shell word: unchanged when only A-Za-z0-9_@%+=:,./- , else in single quotes (reference: cli
 * section 7.4). */
void quote_shell(struct sb *out, struct sv word);
char *quote_shell_join(char *const *words); /* words joined by one space; owned */
/* Splits like a POSIX shell without expansions: blanks, quotes, backslash. */
bool quote_shell_split(struct sv text, struct strv *out, struct err **errp) MUST_USE;

/* Go's %q: double-quoted string with escapes. */
void quote_go(struct sb *out, struct sv text);
/* Go's %#q: back-quotes when possible, else %q. Messages use this form. */
void quote_tick(struct sb *out, struct sv text);
char *quote_tick_dup(const char *text); /* owned */
/* [`a` `b`] */
char *quote_tick_list(const struct strv *list); /* owned */

/* Makes a string of the guest or the network safe to print: control characters and invalid UTF-8
 * become \xNN; cut after max bytes. Owned. */
char *quote_printable(struct sv text, size_t max);

bool utf8_is_valid(struct sv text);
/* Decodes one code point; returns its length, 0 when invalid or empty. */
unsigned utf8_decode(struct sv text, uint32_t *out_rune);
/* Appends a code point; one that does not exist becomes U+FFFD. */
void utf8_put(struct sb *out, uint32_t rune);
size_t utf8_count(struct sv text); /* code points; invalid bytes count as one */

#endif
