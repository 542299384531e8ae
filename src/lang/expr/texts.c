/* Functions on texts. */
#include <ctype.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "lang/expr/expr_priv.h"
#include "lang/yaml/yaml_text.h"

/* Of regular expressions: their length, and the product of all counts in braces. */
enum { PATTERN_MAX = 1000, REPEAT_MAX = 1000 };

static bool text_arg(struct eval *ev, const struct node *e, size_t i, struct item *in,
                     struct sv *out, struct err **errp)
{
    struct item *arg;

    if (!eval_first(ev, e->kids.v[i], in, &arg, errp))
        return false;
    *out = arg->node->text;
    return arg->node->kind == YAML_SCALAR || eval_fail(ev, e, errp, "%s needs a text", e->text);
}

bool func_join(CALL_PARAMS)
{
    auto_sb struct sb text = { 0 };
    struct sv between;

    if (!text_arg(ev, e, 0, in, &between, errp))
        return false;
    for (size_t i = 0; i < in->node->n; i++) {
        if (i > 0)
            sb_put(&text, between);
        sb_put(&text, in->node->entries[i].value->text);
        if (!eval_may_hold(ev, e, text.n, errp))
            return false;
    }
    eval_put_text(ev, out, sb_view(&text));
    return true;
}

bool func_split(CALL_PARAMS)
{
    struct yaml_node *list = yaml_new_seq(ev->doc);
    struct sv between, rest = in->node->text;
    const char *at;

    if (!text_arg(ev, e, 0, in, &between, errp))
        return false;
    if (in->node->kind != YAML_SCALAR || between.n == 0)
        return eval_fail(ev, e, errp, "split needs a text, and one to split at");
    while ((at = memmem(rest.p, rest.n, between.p, between.n))) {
        if (!eval_spend(ev, e, 1, errp))
            return false;
        yaml_append(ev->doc, list, eval_new_text(ev, sv_slice(rest, 0, (size_t)(at - rest.p))));
        rest = sv_slice(rest, (size_t)(at - rest.p) + between.n, rest.n);
    }
    yaml_append(ev->doc, list, eval_new_text(ev, rest));
    eval_put(ev, out, list);
    return true;
}

/* Go's class of a letter behind a backslash in the words of POSIX; NULL: none. */
static const char *find_class(char letter, bool in_brackets)
{
    static const struct {
        char letter;
        const char *outside, *inside;
    } classes[] = {
        { 'd', "[0-9]", "0-9" },
        { 's', "[[:space:]]", "[:space:]" },
        { 'w', "[[:alnum:]_]", "[:alnum:]_" },
        { 'D', "[^0-9]", NULL },
        { 'S', "[^[:space:]]", NULL },
        { 'W', "[^[:alnum:]_]", NULL },
    };

    for (size_t i = 0; i < COUNT(classes); i++)
        if (classes[i].letter == letter)
            return in_brackets ? classes[i].inside : classes[i].outside;
    return NULL;
}

/* What POSIX has under the same name but means differently, or makes too much work of. */
static const char *find_fault(struct sv pattern)
{
    unsigned long repeats = 1;
    bool in_brackets = false;

    if (pattern.n > PATTERN_MAX)
        return "it is too long";
    for (size_t i = 0; i < pattern.n; i++) {
        char c = pattern.p[i], next = i + 1 < pattern.n ? pattern.p[i + 1] : 0;

        if (c == '\\') {
            if (isalnum((unsigned char)next) && !strchr("dswDSWbB", next))
                return "it has an escape that is not available";
            if (in_brackets && next && strchr("]-^", next))
                return "escapes of `]`, `-`, `^` in brackets are not available";
            i++;
        } else if (c == '[' || c == ']') {
            in_brackets = c == '[';
        } else if (!in_brackets && c && strchr("*+?}", c) && next == '?') {
            return "lazy repetition is not available";
        } else if (!in_brackets && c == '{') {
            for (size_t k = i + 1; k < pattern.n && pattern.p[k] != '}'; k++)
                if (isdigit((unsigned char)pattern.p[k]) &&
                    !isdigit((unsigned char)pattern.p[k - 1]))
                    repeats *= strtoul(pattern.p + k, NULL, 10) + 1;
            if (repeats > REPEAT_MAX)
                return "it repeats too often";
        }
    }
    return NULL;
}

static void put_pattern(struct sb *out, struct sv pattern)
{
    bool in_brackets = false;

    for (size_t i = 0; i < pattern.n; i++) {
        char c = pattern.p[i];

        if (c == '\\' && i + 1 < pattern.n) {
            const char *class = find_class(pattern.p[++i], in_brackets);

            if (class) {
                sb_puts(out, class);
                continue;
            }
            if (!in_brackets)
                sb_putc(out, c);
            c = pattern.p[i];
        } else if (c == '[' || c == ']') {
            in_brackets = c == '[';
        }
        sb_putc(out, c);
    }
}

static bool compile(struct eval *ev, const struct node *e, struct sv pattern, regex_t *out,
                    struct err **errp)
{
    auto_sb struct sb translated = { 0 };
    const char *fault = find_fault(pattern);
    int flags = REG_EXTENDED, rc;
    char why[128];

    if (fault)
        return eval_fail(ev, e, errp, "bad regular expression: %s", fault);
    if (sv_starts(pattern, SV("(?i)"))) {
        flags |= REG_ICASE;
        pattern = sv_slice(pattern, 4, pattern.n);
    }
    put_pattern(&translated, pattern);
    rc = regcomp(out, sb_str(&translated), flags);
    if (rc == 0)
        return true;
    (void)regerror(rc, out, why, sizeof(why));
    return eval_fail(ev, e, errp, "bad regular expression: %s", why);
}

bool func_test(CALL_PARAMS)
{
    struct sv pattern;
    regex_t regex;

    if (!text_arg(ev, e, 0, in, &pattern, errp) || !compile(ev, e, pattern, &regex, errp))
        return false;
    eval_put_bool(ev, out,
                  in->node->kind == YAML_SCALAR &&
                      regexec(&regex, in->node->text.p, 0, NULL, 0) == 0);
    regfree(&regex);
    return true;
}

/* What stands for a match: "$1" and "${1}" are its groups. */
static void put_replacement(struct sb *out, const char *text, const regmatch_t *groups,
                            struct sv by)
{
    for (size_t i = 0; i < by.n; i++) {
        bool in_braces = i + 3 < by.n && by.p[i] == '$' && by.p[i + 1] == '{' && by.p[i + 3] == '}';
        unsigned digit = i + 1 + in_braces < by.n ? (unsigned)(by.p[i + 1 + in_braces] - '0') : 10;

        if (by.p[i] != '$' || digit > 9) {
            sb_putc(out, by.p[i]);
            continue;
        }
        if (groups[digit].rm_so >= 0)
            sb_put(out, (struct sv){ text + groups[digit].rm_so,
                                     (size_t)(groups[digit].rm_eo - groups[digit].rm_so) });
        i += in_braces ? 3 : 1;
    }
}

/* Replaces every match. */
static bool substitute(struct eval *ev, const struct node *e, const regex_t *regex,
                       const char *text, struct sv by, struct sb *out, struct err **errp)
{
    regmatch_t groups[10];
    int flags = 0;

    while (regexec(regex, text, COUNT(groups), groups, flags) == 0) {
        sb_put(out, (struct sv){ text, (size_t)groups[0].rm_so });
        put_replacement(out, text, groups, by);
        if (!eval_may_hold(ev, e, out->n, errp) || !eval_spend(ev, e, 1, errp))
            return false;
        text += groups[0].rm_eo;
        if (groups[0].rm_eo == groups[0].rm_so) {
            if (!*text)
                return true;
            sb_putc(out, *text++);
        }
        flags = REG_NOTBOL;
    }
    sb_puts(out, text);
    return true;
}

bool func_sub(CALL_PARAMS)
{
    auto_sb struct sb text = { 0 };
    struct sv pattern, by;
    regex_t regex;
    bool ok;

    if (!text_arg(ev, e, 0, in, &pattern, errp) || !text_arg(ev, e, 1, in, &by, errp))
        return false;
    if (in->node->kind != YAML_SCALAR)
        return eval_fail(ev, e, errp, "sub is for texts");
    if (!compile(ev, e, pattern, &regex, errp))
        return false;
    ok = substitute(ev, e, &regex, in->node->text.p, by, &text, errp);
    regfree(&regex);
    eval_put_text(ev, out, sb_view(&text));
    return ok;
}
