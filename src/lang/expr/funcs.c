/* The table of functions. Those of yq that reach files, the environment or other programs are
 * refused. */
#include <string.h>

#include "base/mem.h"
#include "base/quote.h"
#include "lang/expr/expr_priv.h"

/* ---- choosing and counting ---- */

static bool do_select(CALL_PARAMS)
{
    struct items found = { 0 };
    bool ok = eval_node(ev, e->kids.v[0], in, &found, errp), is_wanted = false;

    for (size_t i = 0; i < found.n; i++)
        is_wanted = is_wanted || eval_is_true(found.v[i]->node);
    vec_done(&found);
    if (is_wanted)
        *vec_push(out) = in;
    return ok;
}

static bool do_not(CALL_PARAMS)
{
    eval_put_bool(ev, out, !eval_is_true(in->node));
    return true;
}

static bool do_length(CALL_PARAMS)
{
    const struct yaml_node *node = in->node;
    size_t n = node->kind != YAML_SCALAR ? node->n
               : yaml_is_null(node)      ? 0
                                         : utf8_count(node->text);

    eval_put(ev, out, yaml_new_int(ev->doc, (int64_t)n));
    return true;
}

static bool do_keys(CALL_PARAMS)
{
    struct yaml_node *list = yaml_new_seq(ev->doc);

    for (size_t i = 0; i < in->node->n; i++)
        yaml_append(ev->doc, list,
                    in->node->kind == YAML_MAP ? eval_copy(ev, in->node->entries[i].key)
                                               : yaml_new_int(ev->doc, (int64_t)i));
    eval_put(ev, out, list);
    return true;
}

static bool do_has(CALL_PARAMS)
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

static bool do_first(CALL_PARAMS)
{
    return in->node->kind == YAML_SEQ && in->node->n == 0 ? true
                                                          : item_get_index(ev, e, in, 0, out, errp);
}

static bool do_tag(CALL_PARAMS)
{
    eval_put_text(
        ev, out, sv_of(in->node->custom_tag ? in->node->custom_tag : yaml_tag_name(in->node->tag)));
    return true;
}

static bool do_trait(CALL_PARAMS)
{
    auto_sb struct sb text = { 0 };

    trait_find(sv_of(e->text))->get(in, &text);
    eval_put_text(ev, out, sb_view(&text));
    return true;
}

static bool do_document_index(CALL_PARAMS)
{
    eval_put(ev, out, yaml_new_int(ev->doc, 0));
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

static bool do_path(CALL_PARAMS)
{
    struct yaml_node *list = yaml_new_seq(ev->doc);

    put_path(ev, list, in);
    eval_put(ev, out, list);
    return true;
}

static bool do_setpath(CALL_PARAMS)
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
                      ? item_get_index(ev, e, at, index, &next, errp)
                      : item_get_key(ev, e, at, step->text, &next, errp);

        if (ok && next.n == 0)
            ok = eval_fail(ev, e, errp, "the path leads into a text or a number");
        at = ok ? next.v[0] : at;
        vec_done(&next);
        if (!ok)
            return false;
    }
    return item_assign(ev, e, at, eval_copy(ev, value->node), errp);
}

static bool do_del(CALL_PARAMS)
{
    struct items found = { 0 };
    bool ok = eval_node(ev, e->kids.v[0], in, &found, errp);

    for (size_t i = 0; i < found.n && ok; i++) {
        /* By identity: places in a list shift. */
        struct yaml_entry *entry = item_entry(found.v[i]);

        if (entry)
            yaml_remove(found.v[i]->up->node, (size_t)(entry - found.v[i]->up->node->entries));
        ok = eval_spend(ev, e, found.v[i]->up ? found.v[i]->up->node->n : 0, errp);
    }
    vec_done(&found);
    *vec_push(out) = in;
    return ok;
}

/* ---- the table ---- */

static const struct function functions[] = {
    { "all", 0, func_any },
    { "any", 0, func_any },
    { "contains", 1, func_contains },
    { "del", 1, do_del },
    { "di", 0, do_document_index },
    { "document_index", 0, do_document_index },
    { "first", 0, do_first },
    { "from_entries", 0, func_from_entries },
    { "has", 1, do_has },
    { "head_comment", 0, do_trait },
    { "join", 1, func_join },
    { "keys", 0, do_keys },
    { "length", 0, do_length },
    { "line_comment", 0, do_trait },
    { "map", 1, func_map },
    { "not", 0, do_not },
    { "path", 0, do_path },
    { "select", 1, do_select },
    { "setpath", 2, do_setpath },
    { "sort", 0, func_sort },
    { "sort_by", 1, func_sort },
    { "split", 1, func_split },
    { "style", 0, do_trait },
    { "sub", 2, func_sub },
    { "tag", 0, do_tag },
    { "test", 1, func_test },
    { "to_entries", 0, func_to_entries },
    { "type", 0, do_tag },
    { "unique", 0, func_unique },
    { "unique_by", 1, func_unique },
    { "with_entries", 1, func_with_entries },
};

static const struct {
    const char *name, *message;
} refused[] = {
    { "env", "env operations have been disabled" },
    { "strenv", "env operations have been disabled" },
    { "envsubst", "env operations have been disabled" },
    { "load", "file operations have been disabled" },
    { "load_str", "file operations have been disabled" },
    { "load_xml", "file operations have been disabled" },
    { "load_props", "file operations have been disabled" },
    { "load_base64", "file operations have been disabled" },
    { "system", "system operations are disabled, use --security-enable-system-operator to enable" },
};

const struct function *expr_function_find(struct sv name)
{
    for (size_t i = 0; i < COUNT(functions); i++)
        if (sv_eq_str(name, functions[i].name))
            return &functions[i];
    return NULL;
}

const char *expr_function_refusal(struct sv name)
{
    for (size_t i = 0; i < COUNT(refused); i++)
        if (sv_eq_str(name, refused[i].name))
            return refused[i].message;
    return NULL;
}
