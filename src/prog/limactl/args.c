#include "prog/limactl/args.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/quote.h"
#include "base/sb.h"
#include "base/units.h"

/* The farthest a misspelt option may be from the one in the hint. */
#define HINT_DISTANCE 2

static void *value_of(const struct opt *opt, void *values)
{
    return (char *)values + opt->offset;
}

unsigned word_distance(const char *a, const char *b)
{
    size_t n = strlen(b);
    auto_mem unsigned *row = mem_array(n + 1, sizeof(*row));

    for (size_t j = 0; j <= n; j++)
        row[j] = (unsigned)j;
    for (size_t i = 0; a[i]; i++) {
        unsigned diagonal = row[0];

        row[0] = (unsigned)i + 1;
        for (size_t j = 0; j < n; j++) {
            bool same = tolower((unsigned char)a[i]) == tolower((unsigned char)b[j]);
            unsigned best = diagonal + (same ? 0 : 1);

            diagonal = row[j + 1];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j + 1] + 1 < best)
                best = row[j + 1] + 1;
            row[j + 1] = best;
        }
    }
    return row[n];
}

const struct opt *opt_find_long(const struct opt_set *sets, size_t n_sets, struct sv name,
                                void **out_values)
{
    for (size_t s = 0; s < n_sets; s++) {
        for (size_t i = 0; i < sets[s].n; i++) {
            if (sv_eq_str(name, sets[s].opts[i].name)) {
                if (out_values)
                    *out_values = sets[s].values;
                return &sets[s].opts[i];
            }
        }
    }
    return NULL;
}

const struct opt *opt_find_letter(const struct opt_set *sets, size_t n_sets, char letter,
                                  void **out_values)
{
    for (size_t s = 0; s < n_sets; s++) {
        for (size_t i = 0; i < sets[s].n; i++) {
            if (letter != 0 && sets[s].opts[i].letter == letter) {
                if (out_values)
                    *out_values = sets[s].values;
                return &sets[s].opts[i];
            }
        }
    }
    return NULL;
}

/*
 * Values.
 */

bool args_split_csv(struct sv text, struct strv *out, struct err **errp)
{
    size_t i = 0;

    if (text.n == 0)
        return true; /* an empty record has no fields */
    for (;;) {
        auto_sb struct sb field = { 0 };

        if (i < text.n && text.p[i] == '"') {
            for (i++;; i++) {
                if (i == text.n)
                    return err_set(errp, ERR_INVALID,
                                   "parse error on line 1, column %zu: extraneous or missing \" in "
                                   "quoted-field", i + 1);
                if (text.p[i] == '"') {
                    if (i + 1 < text.n && text.p[i + 1] == '"')
                        i++; /* a doubled quote stands for one */
                    else
                        break;
                }
                sb_putc(&field, text.p[i]);
            }
            i++;
            if (i < text.n && text.p[i] != ',')
                return err_set(errp, ERR_INVALID,
                               "parse error on line 1, column %zu: extraneous or missing \" in "
                               "quoted-field", i);
        } else {
            for (; i < text.n && text.p[i] != ','; i++) {
                if (text.p[i] == '"')
                    return err_set(errp, ERR_INVALID,
                                   "parse error on line 1, column %zu: bare \" in non-quoted-field",
                                   i + 1);
                sb_putc(&field, text.p[i]);
            }
        }
        strv_push_take(out, sb_steal(&field));
        if (i >= text.n)
            return true;
        i++; /* the comma */
    }
}

/* Text of a Go strconv error. */
static bool number_error(struct err **errp, const char *function, const char *text,
                         const char *reason)
{
    auto_sb struct sb quoted = { 0 };

    quote_go(&quoted, sv_of(text));
    return err_set(errp, ERR_INVALID, "strconv.%s: parsing %s: %s", function, sb_str(&quoted),
                   reason);
}

/* Digits with an optional prefix for the base, as strconv.ParseInt(s, 0, bits) takes them. */
static bool parse_magnitude(const char *digits, uint64_t *out, const char **out_reason)
{
    unsigned base = 10;
    size_t skip = 0;

    if (digits[0] == '0' && digits[1] != '\0') {
        switch (tolower((unsigned char)digits[1])) {
        case 'x': base = 16; skip = 2; break;
        case 'b': base = 2; skip = 2; break;
        case 'o': base = 8; skip = 2; break;
        default: base = 8; skip = 1; break;
        }
    }
    *out_reason = "invalid syntax";
    if (digits[skip] == '\0')
        return false;
    for (const char *p = digits + skip; *p; p++) {
        int c = tolower((unsigned char)*p);
        unsigned digit = isdigit(c) ? (unsigned)(c - '0') : isalpha(c) ? (unsigned)(c - 'a' + 10) : 99;

        if (digit >= base)
            return false;
    }
    *out_reason = "value out of range";
    return parse_u64_base(sv_of(digits + skip), base, out);
}

static bool parse_int(const char *text, int64_t *out, struct err **errp)
{
    bool negative = text[0] == '-';
    const char *digits = text + (text[0] == '-' || text[0] == '+');
    const char *reason;
    uint64_t magnitude;

    if (!parse_magnitude(digits, &magnitude, &reason))
        return number_error(errp, "ParseInt", text, reason);
    if (magnitude > (uint64_t)INT64_MAX + (negative ? 1 : 0))
        return number_error(errp, "ParseInt", text, "value out of range");
    *out = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    return true;
}

static bool parse_port(const char *text, uint16_t *out, struct err **errp)
{
    const char *reason;
    uint64_t magnitude;

    if (!parse_magnitude(text, &magnitude, &reason))
        return number_error(errp, "ParseUint", text, reason);
    if (magnitude > UINT16_MAX)
        return number_error(errp, "ParseUint", text, "value out of range");
    *out = (uint16_t)magnitude;
    return true;
}

static bool parse_float(const char *text, float *out, struct err **errp)
{
    char *end;
    float value;

    errno = 0;
    value = strtof(text, &end);
    if (text[0] == '\0' || isspace((unsigned char)text[0]) || *end != '\0')
        return number_error(errp, "ParseFloat", text, "invalid syntax");
    if (errno == ERANGE && !isfinite(value))
        return number_error(errp, "ParseFloat", text, "value out of range");
    *out = value;
    return true;
}

/* Stores text as the value of a row. */
static bool store(const struct opt *opt, void *values, const char *text, struct err **errp)
{
    void *at = value_of(opt, values);

    switch (opt->kind) {
    case OPT_BOOL: {
        struct arg_bool *arg = at;

        if (!parse_bool(sv_of(text), &arg->v))
            return number_error(errp, "ParseBool", text, "invalid syntax");
        arg->set = true;
        return true;
    }
    case OPT_STR:
        *(struct arg_str *)at = (struct arg_str){ .set = true, .v = text };
        return true;
    case OPT_INT:
        return parse_int(text, &((struct arg_int *)at)->v, errp) &&
               (((struct arg_int *)at)->set = true);
    case OPT_U16:
        return parse_port(text, &((struct arg_u16 *)at)->v, errp) &&
               (((struct arg_u16 *)at)->set = true);
    case OPT_FLOAT:
        return parse_float(text, &((struct arg_float *)at)->v, errp) &&
               (((struct arg_float *)at)->set = true);
    case OPT_DURATION:
        return duration_parse(sv_of(text), &((struct arg_duration *)at)->ns, errp) &&
               (((struct arg_duration *)at)->set = true);
    case OPT_SLICE:
        return args_split_csv(sv_of(text), &((struct arg_list *)at)->v, errp) &&
               (((struct arg_list *)at)->set = true);
    case OPT_ARRAY:
        strv_push(&((struct arg_list *)at)->v, text);
        ((struct arg_list *)at)->set = true;
        return true;
    case OPT_KIND_COUNT:
        break;
    }
    return err_set(errp, ERR_INTERNAL, "option --%s has no kind", opt->name);
}

static bool store_named(const struct opt *opt, void *values, const char *text, struct err **errp)
{
    struct err *why = NULL;

    if (store(opt, values, text, &why))
        return true;

    auto_sb struct sb quoted = { 0 };
    char letter[] = "-x, ";

    letter[1] = opt->letter;
    quote_go(&quoted, sv_of(text));
    err_set(errp, ERR_INVALID, "invalid argument %s for \"%s--%s\" flag: %s", sb_str(&quoted),
            opt->letter ? letter : "", opt->name, err_text(why));
    err_free(why);
    return false;
}

void args_apply_presets(const struct opt_set *set)
{
    for (size_t i = 0; i < set->n; i++) {
        const struct opt *opt = &set->opts[i];
        bool *is_set = value_of(opt, set->values); /* the first member of every arg_* type */

        if (opt->preset) {
            bool ok = store(opt, set->values, opt->preset, NULL);

            assert(ok);
            (void)ok;
        } else if (opt->kind == OPT_STR) {
            ((struct arg_str *)value_of(opt, set->values))->v = "";
        }
        *is_set = false;
    }
}

bool opt_is_set(const struct opt *opt, const void *values)
{
    return *(const bool *)((const char *)values + opt->offset);
}

void args_done(const struct opt_set *sets, size_t n_sets)
{
    for (size_t s = 0; s < n_sets; s++) {
        for (size_t i = 0; i < sets[s].n; i++) {
            const struct opt *opt = &sets[s].opts[i];

            if (opt->kind == OPT_SLICE || opt->kind == OPT_ARRAY)
                strv_done(&((struct arg_list *)value_of(opt, sets[s].values))->v);
        }
    }
}

/*
 * The command line.
 */

struct parser {
    const struct opt_set *sets;
    size_t n_sets;
    char *const *next; /* the word after the current one */
};

static bool unknown_long(const struct parser *p, struct sv name, struct err **errp)
{
    auto_mem char *text = sv_dup(name);
    const char *nearest = NULL;
    unsigned nearest_distance = HINT_DISTANCE + 1;

    for (size_t s = 0; s < p->n_sets; s++) {
        for (size_t i = 0; i < p->sets[s].n; i++) {
            const struct opt *opt = &p->sets[s].opts[i];
            unsigned distance = word_distance(text, opt->name);

            if (!opt->hidden && distance < nearest_distance) {
                nearest = opt->name;
                nearest_distance = distance;
            }
        }
    }
    err_set(errp, ERR_INVALID, "unknown flag: --%s", text);
    if (nearest && strlen(text) > HINT_DISTANCE)
        err_hint(errp, "did you mean --%s?", nearest);
    return false;
}

static bool parse_long(struct parser *p, const char *word, struct err **errp)
{
    const char *body = word + 2;
    const char *equals = strchr(body, '=');
    struct sv name = { body, equals ? (size_t)(equals - body) : strlen(body) };
    const struct opt *opt;
    void *values;

    if (name.n == 0 || name.p[0] == '-')
        return err_set(errp, ERR_INVALID, "bad flag syntax: %s", word);
    opt = opt_find_long(p->sets, p->n_sets, name, &values);
    if (!opt)
        return unknown_long(p, name, errp);
    if (equals)
        return store_named(opt, values, equals + 1, errp);
    if (opt->kind == OPT_BOOL)
        return store_named(opt, values, "true", errp);
    if (!*p->next)
        return err_set(errp, ERR_INVALID, "flag needs an argument: %s", word);
    return store_named(opt, values, *p->next++, errp);
}

static bool parse_letters(struct parser *p, const char *word, struct err **errp)
{
    for (const char *c = word + 1; *c; c++) {
        void *values;
        const struct opt *opt = opt_find_letter(p->sets, p->n_sets, *c, &values);

        if (!opt)
            return err_set(errp, ERR_INVALID, "unknown shorthand flag: '%c' in -%s", *c, c);
        if (c[1] == '=' && c[2] != '\0')
            return store_named(opt, values, c + 2, errp);
        if (opt->kind == OPT_BOOL) {
            if (!store_named(opt, values, "true", errp))
                return false;
            continue;
        }
        if (c[1] != '\0')
            return store_named(opt, values, c + 1, errp);
        if (!*p->next)
            return err_set(errp, ERR_INVALID, "flag needs an argument: '%c' in -%s", *c, c);
        return store_named(opt, values, *p->next++, errp);
    }
    return true;
}

bool args_parse(const struct opt_set *sets, size_t n_sets, unsigned flags, char *const *args,
                struct strv *out, struct err **errp)
{
    struct parser p = { .sets = sets, .n_sets = n_sets, .next = args };

    for (size_t i = 0; i < n_sets; i++)
        args_apply_presets(&sets[i]);

    while (*p.next) {
        const char *word = *p.next++;

        if (word[0] != '-' || word[1] == '\0') {
            strv_push(out, word);
            if (flags & ARGS_STOP_AT_POSITIONAL)
                break;
        } else if (word[1] != '-') {
            if (!parse_letters(&p, word, errp))
                return false;
        } else if (word[2] == '\0') {
            break;
        } else if (!parse_long(&p, word, errp)) {
            return false;
        }
    }
    while (*p.next)
        strv_push(out, *p.next++);
    return true;
}

ptrdiff_t args_find_verb(const struct opt_set *sets, size_t n_sets, char *const *args)
{
    for (size_t i = 0; args[i]; i++) {
        const char *word = args[i];
        const struct opt *opt = NULL;

        if (strcmp(word, "--") == 0)
            return -1;
        if (word[0] != '-') {
            if (word[0] != '\0')
                return (ptrdiff_t)i;
            continue;
        }
        if (strchr(word, '='))
            continue;
        if (word[1] == '-')
            opt = opt_find_long(sets, n_sets, sv_of(word + 2), NULL);
        else if (word[1] != '\0' && word[2] == '\0')
            opt = opt_find_letter(sets, n_sets, word[1], NULL);
        else
            continue;
        /* An unknown option may take a value, so the word behind it cannot be the verb. */
        if (opt && opt->kind == OPT_BOOL)
            continue;
        if (!args[i + 1] || !args[i + 2])
            return -1;
        i++;
    }
    return -1;
}
