/* Values and their places in the document. */
#include "base/mem.h"
#include "lang/expr/expr_priv.h"
#include "lang/yaml/yaml_text.h"

struct item *item_new(struct eval *ev, struct yaml_node *node)
{
    struct item *item = mem_new(struct item);

    item->node = node;
    *vec_push(&ev->all) = item;
    ev->n_steps++;
    return item;
}

/* value NULL: missing. */
static struct item *new_child(struct eval *ev, struct item *up, struct sv key, size_t index,
                              struct yaml_node *value)
{
    struct item *item = item_new(ev, value ? value : yaml_new_null(ev->doc));

    item->up = up;
    item->key = key;
    item->index = index;
    item->is_missing = !value;
    return item;
}

bool item_get_key(struct eval *ev, const struct node *e, struct item *in, struct sv key,
                  struct items *out, struct err **errp)
{
    struct yaml_entry *entry = yaml_find(in->node, key);

    if (in->node->kind == YAML_SEQ)
        return eval_fail(ev, e, errp, "cannot index array with '%.*s'", SV_ARG(key));
    if (in->node->kind == YAML_MAP || yaml_is_null(in->node))
        *vec_push(out) = new_child(ev, in, key, 0, entry ? entry->value : NULL);
    return true;
}

bool item_get_index(struct eval *ev, const struct node *e, struct item *in, int64_t index,
                    struct items *out, struct err **errp)
{
    int64_t n = in->node->kind == YAML_SEQ ? (int64_t)in->node->n : 0;

    if (in->node->kind == YAML_MAP) {
        auto_mem char *text = mem_printf("%lld", (long long)index);

        return item_get_key(ev, e, in, sv_of(yaml_dup_text(ev->doc, sv_of(text))), out, errp);
    }
    if (in->node->kind == YAML_SCALAR && !yaml_is_null(in->node))
        return true;
    if (index < -n || index >= (int64_t)YAML_MAX_NODES)
        return eval_fail(ev, e, errp, "index %lld is out of range, the array has %lld elements",
                         (long long)index, (long long)n);
    if (index < 0)
        index += n;
    *vec_push(out) = new_child(ev, in, (struct sv){ 0 }, (size_t)index,
                               index < n ? in->node->entries[index].value : NULL);
    return true;
}

void item_iterate(struct eval *ev, struct item *in, struct items *out)
{
    for (size_t i = 0; i < in->node->n; i++) {
        const struct yaml_entry *entry = &in->node->entries[i];

        *vec_push(out) =
            new_child(ev, in, entry->key ? entry->key->text : (struct sv){ 0 }, i, entry->value);
    }
}

struct yaml_entry *item_entry(const struct item *item)
{
    struct yaml_node *in = item->up ? item->up->node : NULL;

    for (size_t i = 0; in && i < in->n; i++)
        if (in->entries[i].value == item->node)
            return &in->entries[i];
    return NULL;
}

/* Makes a null what its first child needs. */
static void become(struct eval *ev, struct yaml_node *node, bool map)
{
    if (yaml_is_null(node))
        yaml_assign(node, map ? yaml_new_map(ev->doc) : yaml_new_seq(ev->doc));
}

/* Puts what is missing in its place. */
static bool attach(struct eval *ev, const struct node *e, struct item *item, struct err **errp)
{
    struct yaml_node *in;

    if (!item->is_missing || !item->up)
        return true;
    if (!attach(ev, e, item->up, errp))
        return false;
    in = item->up->node;
    become(ev, in, item->key.p);
    item->is_missing = false;
    if (item->key.p) {
        struct yaml_entry *entry = yaml_find(in, item->key); /* made meanwhile by another item */

        if (in->kind != YAML_MAP)
            return eval_fail(ev, e, errp, "cannot set '%.*s' of something that is no map",
                             SV_ARG(item->key));
        if (entry)
            item->node = entry->value;
        else
            yaml_append_pair(ev->doc, in, yaml_new_str(ev->doc, item->key), item->node);
        return true;
    }
    if (in->kind != YAML_SEQ)
        return eval_fail(ev, e, errp, "cannot set an index of something that is no list");
    if (item->index >= in->n && !eval_spend(ev, e, item->index - in->n, errp))
        return false;
    while (in->n < item->index)
        yaml_append(ev->doc, in, yaml_new_null(ev->doc));
    if (item->index < in->n)
        item->node = in->entries[item->index].value;
    else
        yaml_append(ev->doc, in, item->node);
    return true;
}

bool item_assign(struct eval *ev, const struct node *e, struct item *item, struct yaml_node *value,
                 struct err **errp)
{
    if (!attach(ev, e, item, errp))
        return false;
    yaml_assign(item->node, value);
    return true;
}
