/* Functions on lists and maps. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "lang/expr/expr_priv.h"

/* any, all: of the elements, by their own truth. */
bool func_any(CALL_PARAMS)
{
    bool wanted = e->text[1] == 'n', found = false;

    for (size_t i = 0; i < in->node->n; i++)
        found = found || eval_is_true(in->node->entries[i].value) == wanted;
    eval_put_bool(ev, out, found == wanted);
    return true;
}

/* False, too, when it is too much work. */
static bool does_contain(struct eval *ev, const struct yaml_node *a, const struct yaml_node *b)
{
    if (++ev->n_steps > EXPR_STEPS_MAX)
        return false;
    if (a->kind == YAML_SCALAR || b->kind != a->kind)
        return a->kind == b->kind &&
               (a->tag == YAML_TAG_STR ? strstr(a->text.p, b->text.p) != NULL : yaml_equal(a, b));
    for (size_t i = 0; i < b->n; i++) {
        const struct yaml_node *part = b->entries[i].value;
        bool found = false;

        if (a->kind == YAML_MAP) {
            struct yaml_entry *entry = yaml_find(a, b->entries[i].key->text);

            found = entry && does_contain(ev, entry->value, part);
        }
        for (size_t j = 0; a->kind == YAML_SEQ && j < a->n && !found; j++)
            found = does_contain(ev, a->entries[j].value, part);
        if (!found)
            return false;
    }
    return true;
}

bool func_contains(CALL_PARAMS)
{
    struct item *part;

    if (!eval_first(ev, e->kids.v[0], in, &part, errp))
        return false;
    eval_put_bool(ev, out, does_contain(ev, in->node, part->node));
    return eval_spend(ev, e, 0, errp);
}

/* ---- lists ---- */

bool func_map(CALL_PARAMS)
{
    struct yaml_node *list = yaml_new_seq(ev->doc);
    struct items elements = { 0 }, found = { 0 };
    bool ok = true;

    item_iterate(ev, in, &elements);
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
    item_iterate(ev, in, elements);
    *out = mem_array(elements->n, sizeof(**out));
    for (size_t i = 0; i < elements->n && ok; i++)
        ok = key_of(ev, e, elements->v[i], &(*out)[i], errp);
    return ok;
}

bool func_unique(CALL_PARAMS)
{
    struct yaml_node *list = eval_copy(ev, in->node);
    auto_mem struct yaml_node **keys = NULL;
    struct items elements = { 0 };
    bool ok = keys_of(ev, e, in, &elements, &keys, errp) &&
              eval_spend(ev, e, elements.n * elements.n / 2, errp);

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

/* Values of different kinds stand in this order. */
static int rank(const struct yaml_node *node)
{
    switch (node->tag) {
    case YAML_TAG_NULL:
        return 0;
    case YAML_TAG_BOOL:
        return 1;
    case YAML_TAG_INT:
    case YAML_TAG_FLOAT:
        return 2;
    case YAML_TAG_STR:
    case YAML_TAG_BINARY:
        return 3;
    default:
        return 4;
    }
}

struct sort_entry {
    const struct yaml_node *key, *value;
    size_t index;
};

static int compare(const void *left, const void *right)
{
    const struct sort_entry *a = left, *b = right;
    double x, y;
    int order = rank(a->key) - rank(b->key);

    if (order == 0 && rank(a->key) == 2 && yaml_as_double(a->key, &x) && yaml_as_double(b->key, &y))
        order = (x > y) - (x < y);
    else if (order == 0 && a->key->kind == YAML_SCALAR)
        order = strcmp(a->key->text.p, b->key->text.p);
    return order ? order : (a->index > b->index) - (a->index < b->index);
}

bool func_sort(CALL_PARAMS)
{
    struct yaml_node *list = yaml_new_seq(ev->doc);
    auto_mem struct yaml_node **keys = NULL;
    auto_mem struct sort_entry *sorted = NULL;
    struct items elements = { 0 };
    bool ok = keys_of(ev, e, in, &elements, &keys, errp);

    if (ok && elements.n > 0) {
        sorted = mem_array(elements.n, sizeof(*sorted));
        for (size_t i = 0; i < elements.n; i++)
            sorted[i] = (struct sort_entry){ keys[i], elements.v[i]->node, i };
        qsort(sorted, elements.n, sizeof(*sorted), compare);
        for (size_t i = 0; i < elements.n; i++)
            yaml_append(ev->doc, list, eval_copy(ev, sorted[i].value));
    }
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

bool func_to_entries(CALL_PARAMS)
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

bool func_from_entries(CALL_PARAMS)
{
    return put_map(ev, e, in->node, out, errp);
}

bool func_with_entries(CALL_PARAMS)
{
    struct items from = { 0 }, changed = { 0 };
    bool ok;

    eval_put(ev, &from, entries_of(ev, in->node));
    ok =
        func_map(ev, e, from.v[0], &changed, errp) && put_map(ev, e, changed.v[0]->node, out, errp);
    vec_done(&from);
    vec_done(&changed);
    return ok;
}
