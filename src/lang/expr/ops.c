/* Operators on two values. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "lang/expr/expr_priv.h"

#define OPERANDS                                                                     \
    struct eval *ev, const struct node *e, struct yaml_node *a, struct yaml_node *b, \
        struct err **errp

static bool is_number(const struct yaml_node *node)
{
    return node->kind == YAML_SCALAR && (node->tag == YAML_TAG_INT || node->tag == YAML_TAG_FLOAT);
}

static struct yaml_node *refuse(OPERANDS)
{
    eval_fail(ev, e, errp, "%s and %s cannot be used with `%s`", yaml_tag_name(a->tag),
              yaml_tag_name(b->tag), e->text);
    return NULL;
}

/* Whole numbers stay whole, unless they overflow. */
static struct yaml_node *compute(OPERANDS)
{
    int64_t x, y, whole = 0;
    double p, q, result;
    bool is_whole = a->tag == YAML_TAG_INT && b->tag == YAML_TAG_INT && yaml_as_int(a, &x) &&
                    yaml_as_int(b, &y);

    if (!is_number(a) || !is_number(b) || !yaml_as_double(a, &p) || !yaml_as_double(b, &q))
        return refuse(ev, e, a, b, errp);
    switch (e->text[0]) {
    case '+':
        is_whole = is_whole && !__builtin_add_overflow(x, y, &whole);
        result = p + q;
        break;
    case '-':
        is_whole = is_whole && !__builtin_sub_overflow(x, y, &whole);
        result = p - q;
        break;
    case '*':
        is_whole = is_whole && !__builtin_mul_overflow(x, y, &whole);
        result = p * q;
        break;
    default:
        if (q == 0) {
            eval_fail(ev, e, errp, "division by zero");
            return NULL;
        }
        result = e->text[0] == '/' ? p / q : fmod(p, q);
        whole = (int64_t)0;
        is_whole = is_whole && fabs(result) < 9e15 && result == floor(result);
        if (is_whole)
            whole = (int64_t)result;
    }
    return is_whole ? yaml_new_int(ev->doc, whole) : yaml_new_double(ev->doc, result);
}

static void append_all(struct eval *ev, struct yaml_node *list, const struct yaml_node *value)
{
    if (value->kind != YAML_SEQ && !yaml_is_null(value))
        yaml_append(ev->doc, list, eval_copy(ev, value));
    for (size_t i = 0; value->kind == YAML_SEQ && i < value->n; i++)
        yaml_append(ev->doc, list, eval_copy(ev, value->entries[i].value));
}

static struct yaml_node *merge(struct eval *ev, const struct yaml_node *a,
                               const struct yaml_node *b, bool deep)
{
    struct yaml_node *map = eval_copy(ev, a);

    for (size_t i = 0; i < b->n; i++) {
        struct sv key = b->entries[i].key->text;
        struct yaml_node *value = b->entries[i].value;
        struct yaml_entry *old = yaml_find(map, key);

        ev->n_steps++;
        if (deep && old && old->value->kind == YAML_MAP && value->kind == YAML_MAP)
            yaml_set(ev->doc, map, key, merge(ev, old->value, value, true));
        else
            yaml_set(ev->doc, map, key, eval_copy(ev, value));
    }
    return map;
}

static struct yaml_node *do_add(OPERANDS)
{
    if (yaml_is_null(b))
        return eval_copy(ev, a);
    if (yaml_is_null(a))
        return eval_copy(ev, b);
    if (a->kind == YAML_SEQ || (b->kind == YAML_SEQ && a->kind == YAML_SCALAR)) {
        /* The list that is there keeps its style and comments. */
        struct yaml_node *list = a->kind == YAML_SEQ ? eval_copy(ev, a) : yaml_new_seq(ev->doc);

        if (a->kind != YAML_SEQ)
            append_all(ev, list, a);
        append_all(ev, list, b);
        return list;
    }
    if (a->kind == YAML_MAP && b->kind == YAML_MAP)
        return merge(ev, a, b, false);
    if (a->kind == YAML_SCALAR && b->kind == YAML_SCALAR && (!is_number(a) || !is_number(b))) {
        auto_sb struct sb text = { 0 };

        if (!eval_may_hold(ev, e, a->text.n + b->text.n, errp))
            return NULL;
        sb_put(&text, a->text);
        sb_put(&text, b->text);
        return eval_new_text(ev, sb_view(&text));
    }
    return compute(ev, e, a, b, errp);
}

/* From lists: without the elements of the other. */
static struct yaml_node *do_subtract(OPERANDS)
{
    struct yaml_node *list;

    if (a->kind != YAML_SEQ || b->kind != YAML_SEQ)
        return compute(ev, e, a, b, errp);
    list = eval_copy(ev, a);
    for (size_t i = list->n; i-- > 0;) {
        if (!eval_spend(ev, e, b->n, errp))
            return NULL;
        for (size_t j = 0; j < b->n; j++)
            if (yaml_equal(list->entries[i].value, b->entries[j].value)) {
                yaml_remove(list, i);
                break;
            }
    }
    return list;
}

static struct yaml_node *do_multiply(OPERANDS)
{
    if (a->kind == YAML_MAP && b->kind == YAML_MAP)
        return merge(ev, a, b, true);
    if (b->kind == YAML_MAP && yaml_is_null(a))
        return eval_copy(ev, b);
    if (b->kind == YAML_SEQ && (a->kind == YAML_SEQ || yaml_is_null(a)))
        return eval_copy(ev, b);
    return compute(ev, e, a, b, errp);
}

static struct yaml_node *do_else(OPERANDS)
{
    return eval_is_true(a) ? a : b;
}

/* "*" stands for anything, "?" for one byte. */
static bool matches(struct sv text, struct sv pattern)
{
    size_t t = 0, p = 0, star = SIZE_MAX, star_t = 0;

    while (t < text.n || p < pattern.n) {
        if (p < pattern.n && pattern.p[p] == '*') {
            star = p++;
            star_t = t;
        } else if (p < pattern.n && t < text.n &&
                   (pattern.p[p] == '?' || pattern.p[p] == text.p[t])) {
            p++;
            t++;
        } else if (star != SIZE_MAX && star_t < text.n) {
            p = star + 1;
            t = ++star_t;
        } else {
            return false;
        }
    }
    return true;
}

/* Texts, whatever they look like. */
static bool equals(struct yaml_node *a, struct yaml_node *b)
{
    if (a->kind != YAML_SCALAR || b->kind != YAML_SCALAR)
        return yaml_equal(a, b);
    if (yaml_is_null(a) || yaml_is_null(b))
        return yaml_is_null(a) && yaml_is_null(b);
    return b->tag == YAML_TAG_STR ? matches(a->text, b->text) : sv_eq(a->text, b->text);
}

static struct yaml_node *do_equal(OPERANDS)
{
    return yaml_new_bool(ev->doc, equals(a, b));
}

static struct yaml_node *do_differ(OPERANDS)
{
    return yaml_new_bool(ev->doc, !equals(a, b));
}

static struct yaml_node *do_order(OPERANDS)
{
    double x, y;
    int order;

    if (is_number(a) && is_number(b) && yaml_as_double(a, &x) && yaml_as_double(b, &y))
        order = x < y ? -1 : x > y;
    else if (yaml_is_null(a) || yaml_is_null(b))
        return yaml_new_bool(ev->doc, yaml_is_null(a) && yaml_is_null(b) && e->text[1] == '=');
    else if (a->kind == YAML_SCALAR && b->kind == YAML_SCALAR && !is_number(a) && !is_number(b))
        order = strcmp(a->text.p, b->text.p);
    else
        return refuse(ev, e, a, b, errp);
    if (order == 0)
        return yaml_new_bool(ev->doc, e->text[1] == '=');
    return yaml_new_bool(ev->doc, e->text[0] == '<' ? order < 0 : order > 0);
}

static struct yaml_node *do_and(OPERANDS)
{
    return yaml_new_bool(ev->doc, eval_is_true(a) && eval_is_true(b));
}

static struct yaml_node *do_or(OPERANDS)
{
    return yaml_new_bool(ev->doc, eval_is_true(a) || eval_is_true(b));
}

static const struct operation operations[] = {
    { "+", do_add },
    { "-", do_subtract },
    { "*", do_multiply },
    { "/", compute },
    { "%", compute },
    { "//", do_else, SHORTCUT_IF_TRUE },
    { "==", do_equal },
    { "!=", do_differ },
    { "<", do_order },
    { "<=", do_order },
    { ">", do_order },
    { ">=", do_order },
    { "and", do_and, SHORTCUT_IF_FALSE },
    { "or", do_or, SHORTCUT_IF_TRUE },
};

const struct operation *operation_find(struct sv name)
{
    for (size_t i = 0; i < COUNT(operations); i++)
        if (sv_eq_str(name, operations[i].name))
            return &operations[i];
    return NULL;
}
