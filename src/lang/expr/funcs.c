/* Functions. Those of yq that reach files, the environment or other programs are refused. */
#include <regex.h>
#include <string.h>

#include "base/mem.h"
#include "base/quote.h"
#include "lang/expr/expr_priv.h"

#define CALL \
    struct eval *ev, const struct node *e, struct item *in, struct items *out, struct err **errp

/* Of lists that are compared element by element, each with each. */
enum { ELEMENTS_MAX = 4096 };

/* ---- choosing and counting ---- */

static bool do_select(CALL)
{
    struct item *found;

    if (!eval_first(ev, e->kids.v[0], in, &found, errp))
        return false;
    if (eval_is_true(found->node))
        *vec_push(out) = in;
    return true;
}

static bool do_not(CALL)
{
    eval_put_bool(ev, out, !eval_is_true(in->node));
    return true;
}

static bool do_length(CALL)
{
    const struct yaml_node *node = in->node;
    size_t n = node->kind != YAML_SCALAR ? node->n
               : yaml_is_null(node)      ? 0
                                         : utf8_count(node->text);

    eval_put(ev, out, yaml_new_int(ev->doc, (int64_t)n));
    return true;
}

static bool do_keys(CALL)
{
    struct yaml_node *list = yaml_new_seq(ev->doc);

    for (size_t i = 0; i < in->node->n; i++)
        yaml_append(ev->doc, list,
                    in->node->kind == YAML_MAP ? eval_copy(ev, in->node->entries[i].key)
                                               : yaml_new_int(ev->doc, (int64_t)i));
    eval_put(ev, out, list);
    return true;
}

static bool do_has(CALL)
{
    struct item *key;
    int64_t index;
    bool has = false;

    if (!eval_first(ev, e->kids.v[0], in, &key, errp))
        return false;
    if (in->node->kind == YAML_MAP)
        has = key->node->kind == YAML_SCALAR && yaml_find(in->node, key->node->text);
    else if (yaml_as_int(key->node, &index))
        has = index >= 0 && (size_t)index < in->node->n;
    eval_put_bool(ev, out, has);
    return true;
}

static bool do_first(CALL)
{
    return in->node->kind == YAML_SEQ && in->node->n == 0 ? true
                                                          : eval_get_index(ev, in, 0, out, errp);
}

/* any, all: of the elements, by their own truth. */
static bool do_any(CALL)
{
    bool wanted = e->text[1] == 'n', found = false;

    for (size_t i = 0; i < in->node->n; i++)
        found = found || eval_is_true(in->node->entries[i].value) == wanted;
    eval_put_bool(ev, out, found == wanted);
    return true;
}

static bool does_contain(const struct yaml_node *a, const struct yaml_node *b)
{
    if (a->kind == YAML_SCALAR || b->kind != a->kind)
        return a->kind == b->kind &&
               (a->tag == YAML_TAG_STR ? strstr(a->text.p, b->text.p) != NULL : yaml_equal(a, b));
    for (size_t i = 0; i < b->n; i++) {
        const struct yaml_node *part = b->entries[i].value;
        bool found = false;

        if (a->kind == YAML_MAP) {
            struct yaml_entry *entry = yaml_find(a, b->entries[i].key->text);

            found = entry && does_contain(entry->value, part);
        }
        for (size_t j = 0; a->kind == YAML_SEQ && j < a->n && !found; j++)
            found = does_contain(a->entries[j].value, part);
        if (!found)
            return false;
    }
    return true;
}

static bool do_contains(CALL)
{
    struct item *part;

    if (!eval_first(ev, e->kids.v[0], in, &part, errp))
        return false;
    eval_put_bool(ev, out, does_contain(in->node, part->node));
    return true;
}

static bool do_tag(CALL)
{
    eval_put_text(
        ev, out, sv_of(in->node->custom_tag ? in->node->custom_tag : yaml_tag_name(in->node->tag)));
    return true;
}

static bool do_style(CALL)
{
    static const char *const names[] = {
        [YAML_STYLE_AUTO] = "",           [YAML_STYLE_PLAIN] = "",
        [YAML_STYLE_SINGLE] = "single",   [YAML_STYLE_DOUBLE] = "double",
        [YAML_STYLE_LITERAL] = "literal", [YAML_STYLE_FOLDED] = "folded",
        [YAML_STYLE_FLOW] = "flow",
    };

    eval_put_text(ev, out, sv_of(names[in->node->style]));
    return true;
}

static bool do_document_index(CALL)
{
    eval_put(ev, out, yaml_new_int(ev->doc, 0));
    return true;
}

/* "# text" as text. */
static bool do_comment(CALL)
{
    const char *comment = e->text[0] == 'h' ? in->node->head : in->node->line;
    struct sv text = sv_trim(sv_of(comment));

    if (sv_starts(text, SV("#")))
        text = sv_trim(sv_slice(text, 1, text.n));
    eval_put_text(ev, out, text);
    return true;
}

/* ---- paths ---- */

static void put_path(struct eval *ev, struct yaml_node *list, const struct item *item)
{
    if (!item->up)
        return;
    put_path(ev, list, item->up);
    yaml_append(ev->doc, list,
                item->key.p ? yaml_new_str(ev->doc, item->key)
                            : yaml_new_int(ev->doc, (int64_t)item->index));
}

static bool do_path(CALL)
{
    struct yaml_node *list = yaml_new_seq(ev->doc);

    put_path(ev, list, in);
    eval_put(ev, out, list);
    return true;
}

static bool do_setpath(CALL)
{
    struct item *path, *value, *at = in;

    *vec_push(out) = in;
    if (!eval_first(ev, e->kids.v[0], in, &path, errp) ||
        !eval_first(ev, e->kids.v[1], in, &value, errp))
        return false;
    if (path->node->kind != YAML_SEQ)
        return eval_fail(ev, e, errp, "a path is a list");
    for (size_t i = 0; i < path->node->n; i++) {
        const struct yaml_node *step = path->node->entries[i].value;
        struct items next = { 0 };
        int64_t index;
        bool ok = step->tag == YAML_TAG_INT && yaml_as_int(step, &index)
                      ? eval_get_index(ev, at, index, &next, errp)
                      : eval_get_key(ev, at, step->text, &next, errp);

        at = ok ? next.v[0] : at;
        vec_done(&next);
        if (!ok)
            return false;
    }
    return eval_assign(ev, at, eval_copy(ev, value->node), errp);
}

static bool do_del(CALL)
{
    struct items found = { 0 };
    bool ok = eval_node(ev, e->kids.v[0], in, &found, errp);

    for (size_t i = 0; i < found.n && ok; i++) {
        struct yaml_node *above = found.v[i]->up ? found.v[i]->up->node : NULL;

        /* By identity: places in a list shift. */
        for (size_t j = 0; above && !found.v[i]->is_missing && j < above->n; j++)
            if (above->entries[j].value == found.v[i]->node) {
                yaml_remove(above, j);
                break;
            }
    }
    vec_done(&found);
    *vec_push(out) = in;
    return ok;
}

/* ---- lists ---- */

static bool do_map(CALL)
{
    struct yaml_node *list = yaml_new_seq(ev->doc);
    struct items elements = { 0 }, found = { 0 };
    bool ok = true;

    eval_iterate(ev, in, &elements);
    for (size_t i = 0; i < elements.n && ok; i++)
        ok = eval_node(ev, e->kids.v[0], elements.v[i], &found, errp);
    for (size_t i = 0; i < found.n && ok; i++)
        yaml_append(ev->doc, list, eval_copy(ev, found.v[i]->node));
    eval_put(ev, out, list);
    vec_done(&elements);
    vec_done(&found);
    return ok;
}

/* The element itself, or what the argument makes of it. */
static bool key_of(struct eval *ev, const struct node *e, struct item *element,
                   struct yaml_node **out, struct err **errp)
{
    struct item *key = element;

    if (e->kids.n > 0 && !eval_first(ev, e->kids.v[0], element, &key, errp))
        return false;
    *out = key->node;
    return true;
}

/* Keys of all elements, in their order. */
static bool keys_of(struct eval *ev, const struct node *e, struct item *in, struct items *elements,
                    struct yaml_node ***out, struct err **errp)
{
    bool ok = true;

    if (in->node->kind != YAML_SEQ)
        return yaml_is_null(in->node) || eval_fail(ev, e, errp, "%s is for lists", e->text);
    if (in->node->n > ELEMENTS_MAX)
        return eval_fail(ev, e, errp, "the list is too long for %s", e->text);
    eval_iterate(ev, in, elements);
    *out = mem_array(elements->n, sizeof(**out));
    for (size_t i = 0; i < elements->n && ok; i++)
        ok = key_of(ev, e, elements->v[i], &(*out)[i], errp);
    return ok;
}

static bool do_unique(CALL)
{
    struct yaml_node *list = eval_copy(ev, in->node);
    auto_mem struct yaml_node **keys = NULL;
    struct items elements = { 0 };
    bool ok = keys_of(ev, e, in, &elements, &keys, errp);

    for (size_t i = elements.n; i-- > 1 && ok;)
        for (size_t j = 0; j < i; j++)
            if (yaml_equal(keys[i], keys[j])) {
                yaml_remove(list, i);
                break;
            }
    vec_done(&elements);
    eval_put(ev, out, list);
    return ok;
}

static int compare(const struct yaml_node *a, const struct yaml_node *b)
{
    double x, y;

    if (yaml_is_null(a) || yaml_is_null(b))
        return yaml_is_null(b) - yaml_is_null(a);
    if (a->kind != YAML_SCALAR || b->kind != YAML_SCALAR)
        return 0;
    if (a->tag != YAML_TAG_STR && b->tag != YAML_TAG_STR && yaml_as_double(a, &x) &&
        yaml_as_double(b, &y))
        return x < y ? -1 : x > y;
    return strcmp(a->text.p, b->text.p);
}

static bool do_sort(CALL)
{
    struct yaml_node *list = yaml_new_seq(ev->doc);
    auto_mem struct yaml_node **keys = NULL;
    struct items elements = { 0 };
    bool ok = keys_of(ev, e, in, &elements, &keys, errp);

    for (size_t i = 1; i < elements.n && ok; i++)
        for (size_t j = i; j > 0 && compare(keys[j - 1], keys[j]) > 0; j--) {
            struct yaml_node *key = keys[j];
            struct item *element = elements.v[j];

            keys[j] = keys[j - 1];
            keys[j - 1] = key;
            elements.v[j] = elements.v[j - 1];
            elements.v[j - 1] = element;
        }
    for (size_t i = 0; i < elements.n && ok; i++)
        yaml_append(ev->doc, list, eval_copy(ev, elements.v[i]->node));
    vec_done(&elements);
    eval_put(ev, out, list);
    return ok;
}

/* ---- maps ---- */

static struct yaml_node *entries_of(struct eval *ev, const struct yaml_node *map)
{
    struct yaml_node *list = yaml_new_seq(ev->doc);

    for (size_t i = 0; i < map->n; i++) {
        struct yaml_node *pair = yaml_new_map(ev->doc);

        yaml_set(ev->doc, pair, SV("key"),
                 map->entries[i].key ? eval_copy(ev, map->entries[i].key)
                                     : yaml_new_int(ev->doc, (int64_t)i));
        yaml_set(ev->doc, pair, SV("value"), eval_copy(ev, map->entries[i].value));
        yaml_append(ev->doc, list, pair);
    }
    return list;
}

static bool do_to_entries(CALL)
{
    eval_put(ev, out, entries_of(ev, in->node));
    return true;
}

static bool put_map(struct eval *ev, const struct node *e, const struct yaml_node *list,
                    struct items *out, struct err **errp)
{
    struct yaml_node *map = yaml_new_map(ev->doc);

    for (size_t i = 0; i < list->n; i++) {
        const struct yaml_node *pair = list->entries[i].value;
        const struct yaml_node *key = yaml_get(pair, "key"), *value = yaml_get(pair, "value");

        if (!key || key->kind != YAML_SCALAR)
            return eval_fail(ev, e, errp, "an entry needs a key");
        yaml_set(ev->doc, map, key->text, value ? eval_copy(ev, value) : yaml_new_null(ev->doc));
    }
    eval_put(ev, out, map);
    return true;
}

static bool do_from_entries(CALL)
{
    return put_map(ev, e, in->node, out, errp);
}

static bool do_with_entries(CALL)
{
    struct items from = { 0 }, changed = { 0 };
    bool ok;

    eval_put(ev, &from, entries_of(ev, in->node));
    ok = do_map(ev, e, from.v[0], &changed, errp) && put_map(ev, e, changed.v[0]->node, out, errp);
    vec_done(&from);
    vec_done(&changed);
    return ok;
}

/* ---- texts ---- */

static bool text_arg(struct eval *ev, const struct node *e, size_t i, struct item *in,
                     struct sv *out, struct err **errp)
{
    struct item *arg;

    if (!eval_first(ev, e->kids.v[i], in, &arg, errp))
        return false;
    *out = arg->node->text;
    return arg->node->kind == YAML_SCALAR || eval_fail(ev, e, errp, "%s needs a text", e->text);
}

static bool do_join(CALL)
{
    auto_sb struct sb text = { 0 };
    struct sv between;

    if (!text_arg(ev, e, 0, in, &between, errp))
        return false;
    for (size_t i = 0; i < in->node->n; i++) {
        if (i > 0)
            sb_put(&text, between);
        sb_put(&text, in->node->entries[i].value->text);
    }
    eval_put_text(ev, out, sb_view(&text));
    return true;
}

static bool do_split(CALL)
{
    struct yaml_node *list = yaml_new_seq(ev->doc);
    struct sv between, rest = in->node->text;
    const char *at;

    if (!text_arg(ev, e, 0, in, &between, errp))
        return false;
    if (in->node->kind != YAML_SCALAR || between.n == 0)
        return eval_fail(ev, e, errp, "split needs a text, and one to split at");
    while ((at = memmem(rest.p, rest.n, between.p, between.n))) {
        yaml_append(ev->doc, list, yaml_new_str(ev->doc, sv_slice(rest, 0, (size_t)(at - rest.p))));
        rest = sv_slice(rest, (size_t)(at - rest.p) + between.n, rest.n);
    }
    yaml_append(ev->doc, list, yaml_new_str(ev->doc, rest));
    eval_put(ev, out, list);
    return true;
}

/* Go's classes in the words of POSIX. */
static void put_pattern(struct sb *out, struct sv pattern)
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
    bool in_brackets = false;

    for (size_t i = 0; i < pattern.n; i++) {
        char c = pattern.p[i];
        const char *class = NULL;

        if (c == '\\' && i + 1 < pattern.n)
            for (size_t k = 0; k < COUNT(classes); k++)
                if (classes[k].letter == pattern.p[i + 1])
                    class = in_brackets ? classes[k].inside : classes[k].outside;
        if (class) {
            sb_puts(out, class);
            i++;
            continue;
        }
        if (c == '\\' && i + 1 < pattern.n) {
            sb_putc(out, c);
            c = pattern.p[++i];
        } else if (c == '[') {
            in_brackets = true;
        } else if (c == ']') {
            in_brackets = false;
        }
        sb_putc(out, c);
    }
}

static bool compile(struct eval *ev, const struct node *e, struct sv pattern, regex_t *out,
                    struct err **errp)
{
    auto_sb struct sb translated = { 0 };
    int flags = REG_EXTENDED, rc;
    char why[128];

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

static bool do_test(CALL)
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

/* Replaces every match; "$1" and "${1}" stand for groups. */
static void substitute(const regex_t *regex, const char *text, struct sv by, struct sb *out)
{
    regmatch_t groups[10];

    while (regexec(regex, text, COUNT(groups), groups, 0) == 0) {
        sb_put(out, (struct sv){ text, (size_t)groups[0].rm_so });
        for (size_t i = 0; i < by.n; i++) {
            bool in_braces =
                i + 3 < by.n && by.p[i] == '$' && by.p[i + 1] == '{' && by.p[i + 3] == '}';
            unsigned digit =
                i + 1 + in_braces < by.n ? (unsigned)(by.p[i + 1 + in_braces] - '0') : 10;

            if (by.p[i] != '$' || digit > 9) {
                sb_putc(out, by.p[i]);
                continue;
            }
            if (groups[digit].rm_so >= 0)
                sb_put(out, (struct sv){ text + groups[digit].rm_so,
                                         (size_t)(groups[digit].rm_eo - groups[digit].rm_so) });
            i += in_braces ? 3 : 1;
        }
        text += groups[0].rm_eo;
        if (groups[0].rm_eo == groups[0].rm_so) {
            if (!*text)
                return;
            sb_putc(out, *text++);
        }
    }
    sb_puts(out, text);
}

static bool do_sub(CALL)
{
    auto_sb struct sb text = { 0 };
    struct sv pattern, by;
    regex_t regex;

    if (!text_arg(ev, e, 0, in, &pattern, errp) || !text_arg(ev, e, 1, in, &by, errp))
        return false;
    if (in->node->kind != YAML_SCALAR)
        return eval_fail(ev, e, errp, "sub is for texts");
    if (!compile(ev, e, pattern, &regex, errp))
        return false;
    substitute(&regex, in->node->text.p, by, &text);
    regfree(&regex);
    eval_put_text(ev, out, sb_view(&text));
    return true;
}

/* ---- the table ---- */

static const struct function functions[] = {
    { "select", 1, 1, do_select },
    { "not", 0, 0, do_not },
    { "length", 0, 0, do_length },
    { "keys", 0, 0, do_keys },
    { "has", 1, 1, do_has },
    { "first", 0, 0, do_first },
    { "any", 0, 0, do_any },
    { "all", 0, 0, do_any },
    { "contains", 1, 1, do_contains },
    { "tag", 0, 0, do_tag },
    { "type", 0, 0, do_tag },
    { "style", 0, 0, do_style },
    { "document_index", 0, 0, do_document_index },
    { "di", 0, 0, do_document_index },
    { "head_comment", 0, 0, do_comment },
    { "line_comment", 0, 0, do_comment },
    { "path", 0, 0, do_path },
    { "setpath", 2, 2, do_setpath },
    { "del", 1, 1, do_del },
    { "map", 1, 1, do_map },
    { "unique", 0, 0, do_unique },
    { "unique_by", 1, 1, do_unique },
    { "sort", 0, 0, do_sort },
    { "sort_by", 1, 1, do_sort },
    { "to_entries", 0, 0, do_to_entries },
    { "from_entries", 0, 0, do_from_entries },
    { "with_entries", 1, 1, do_with_entries },
    { "join", 1, 1, do_join },
    { "split", 1, 1, do_split },
    { "test", 1, 1, do_test },
    { "sub", 2, 2, do_sub },
};

static const struct {
    const char *names, *message;
} refused[] = {
    { " env strenv envsubst ", "env operations have been disabled" },
    { " load load_str load_xml load_props load_base64 ", "file operations have been disabled" },
    { " system ",
      "system operations are disabled, use --security-enable-system-operator to enable" },
};

const struct function *function_find(struct sv name, struct err **errp)
{
    auto_mem char *word = mem_printf(" %.*s ", SV_ARG(name));

    for (size_t i = 0; i < COUNT(functions); i++)
        if (sv_eq_str(name, functions[i].name))
            return &functions[i];
    for (size_t i = 0; i < COUNT(refused); i++)
        if (strstr(refused[i].names, word)) {
            err_set(errp, ERR_UNSUPPORTED, "%s", refused[i].message);
            return NULL;
        }
    err_set(errp, ERR_UNSUPPORTED, "the function `%.*s` is not available in expressions",
            SV_ARG(name));
    return NULL;
}
