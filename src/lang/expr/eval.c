#include <stdarg.h>

#include "base/mem.h"
#include "lang/expr/expr_priv.h"
#include "lang/yaml/yaml_text.h"

bool eval_fail(const struct eval *ev, const struct node *e, struct err **errp, const char *fmt, ...)
{
    auto_mem char *what = NULL;
    va_list args;

    va_start(args, fmt);
    what = mem_vprintf(fmt, args);
    va_end(args);
    return lex_fail(ev->text, e->at, errp, "%s", what);
}

/* ---- items ---- */

static struct item *new_item(struct eval *ev, struct yaml_node *node)
{
    struct item *item = mem_new(struct item);

    item->node = node;
    *vec_push(&ev->all) = item;
    ev->n_steps++;
    return item;
}

static void count(struct eval *ev, const struct yaml_node *node)
{
    ev->n_steps++;
    for (size_t i = 0; i < node->n && ev->n_steps <= EXPR_STEPS_MAX; i++)
        count(ev, node->entries[i].value);
}

struct yaml_node *eval_copy(struct eval *ev, const struct yaml_node *node)
{
    /* The next step fails; what is made until then is empty, of the same kind. */
    if (ev->n_steps > EXPR_STEPS_MAX)
        return node->kind == YAML_MAP   ? yaml_new_map(ev->doc)
               : node->kind == YAML_SEQ ? yaml_new_seq(ev->doc)
                                        : yaml_new_null(ev->doc);
    count(ev, node);
    return yaml_copy(ev->doc, node);
}

void eval_put(struct eval *ev, struct items *out, struct yaml_node *value)
{
    *vec_push(out) = new_item(ev, value);
}

void eval_put_text(struct eval *ev, struct items *out, struct sv text)
{
    eval_put(ev, out, yaml_new_str(ev->doc, text));
}

void eval_put_bool(struct eval *ev, struct items *out, bool value)
{
    eval_put(ev, out, yaml_new_bool(ev->doc, value));
}

struct item *eval_child(struct eval *ev, struct item *up, struct sv key, size_t index,
                        struct yaml_node *value)
{
    struct item *item = new_item(ev, value ? value : yaml_new_null(ev->doc));

    item->up = up;
    item->key = key;
    item->index = index;
    item->is_missing = !value;
    return item;
}

bool eval_get_key(struct eval *ev, struct item *in, struct sv key, struct items *out,
                  struct err **errp)
{
    struct yaml_entry *entry;

    if (in->node->kind != YAML_MAP && !yaml_is_null(in->node)) {
        *vec_push(out) = eval_child(ev, NULL, key, 0, NULL);
        return in->node->kind == YAML_SCALAR ||
               err_set(errp, ERR_INVALID, "cannot index array with '%.*s'", SV_ARG(key));
    }
    entry = yaml_find(in->node, key);
    *vec_push(out) = eval_child(ev, in, key, 0, entry ? entry->value : NULL);
    return true;
}

bool eval_get_index(struct eval *ev, struct item *in, int64_t index, struct items *out,
                    struct err **errp)
{
    int64_t n = in->node->kind == YAML_SEQ ? (int64_t)in->node->n : 0;

    if (in->node->kind == YAML_MAP) {
        auto_mem char *text = mem_printf("%lld", (long long)index);

        return eval_get_key(ev, in, sv_of(yaml_dup_text(ev->doc, sv_of(text))), out, errp);
    }
    if (index < 0)
        index += n;
    if (index < 0 || index >= (int64_t)YAML_MAX_NODES)
        return err_set(errp, ERR_INVALID, "index out of range");
    *vec_push(out) = eval_child(ev, in, (struct sv){ 0 }, (size_t)index,
                                index < n ? in->node->entries[index].value : NULL);
    return true;
}

void eval_iterate(struct eval *ev, struct item *in, struct items *out)
{
    for (size_t i = 0; i < in->node->n; i++) {
        const struct yaml_entry *entry = &in->node->entries[i];

        *vec_push(out) =
            eval_child(ev, in, entry->key ? entry->key->text : (struct sv){ 0 }, i, entry->value);
    }
}

/* Makes a null what its first child needs. */
static void become(struct eval *ev, struct yaml_node *node, bool map)
{
    if (yaml_is_null(node))
        yaml_assign(node, map ? yaml_new_map(ev->doc) : yaml_new_seq(ev->doc));
}

/* Puts what is missing in its place. */
static bool attach(struct eval *ev, struct item *item, struct err **errp)
{
    struct item *up = item->up;
    struct yaml_node *in;

    if (!item->is_missing || !up)
        return true;
    if (!attach(ev, up, errp))
        return false;
    in = up->node;
    become(ev, in, item->key.p);
    item->is_missing = false;
    if (item->key.p) {
        struct yaml_entry *entry;

        if (in->kind != YAML_MAP)
            return err_set(errp, ERR_INVALID, "cannot set '%.*s' of something that is no map",
                           SV_ARG(item->key));
        entry = yaml_find(in, item->key); /* made meanwhile by another item */
        if (entry)
            item->node = entry->value;
        else
            yaml_append_pair(ev->doc, in, yaml_new_str(ev->doc, item->key), item->node);
        return true;
    }
    if (in->kind != YAML_SEQ)
        return err_set(errp, ERR_INVALID, "cannot set an index of something that is no list");
    while (in->n < item->index)
        yaml_append(ev->doc, in, yaml_new_null(ev->doc));
    if (item->index < in->n)
        item->node = in->entries[item->index].value;
    else
        yaml_append(ev->doc, in, item->node);
    return true;
}

bool eval_assign(struct eval *ev, struct item *item, struct yaml_node *value, struct err **errp)
{
    if (!attach(ev, item, errp))
        return false;
    yaml_assign(item->node, value);
    return true;
}

bool eval_is_true(const struct yaml_node *node)
{
    bool value = true;

    return !yaml_is_null(node) &&
           (!yaml_as_bool(node, &value) || node->tag != YAML_TAG_BOOL || value);
}

/* ---- the kinds of nodes ---- */

bool eval_first(struct eval *ev, const struct node *e, struct item *in, struct item **out,
                struct err **errp)
{
    struct items found = { 0 };
    bool ok = eval_node(ev, e, in, &found, errp);

    if (ok)
        *out = found.n ? found.v[0] : new_item(ev, yaml_new_null(ev->doc));
    vec_done(&found);
    return ok;
}

static void recurse(struct eval *ev, struct item *in, struct items *out)
{
    struct items below = { 0 };

    *vec_push(out) = in;
    eval_iterate(ev, in, &below);
    for (size_t i = 0; i < below.n; i++)
        recurse(ev, below.v[i], out);
    vec_done(&below);
}

static bool eval_path(struct eval *ev, const struct node *e, struct item *in, struct items *out,
                      struct err **errp)
{
    struct items from = { 0 };
    bool ok = true;

    if (e->left)
        ok = eval_node(ev, e->left, in, &from, errp);
    else
        *vec_push(&from) = in;
    for (size_t i = 0; i < from.n && ok; i++) {
        struct item *key;
        int64_t index;

        if (e->kind == NODE_KEY) {
            ok = eval_get_key(ev, from.v[i], sv_of(e->text), out, errp);
        } else if (e->kind == NODE_ITERATE) {
            eval_iterate(ev, from.v[i], out);
        } else if (!eval_first(ev, e->right, in, &key, errp)) {
            ok = false;
        } else if (key->node->tag == YAML_TAG_INT && yaml_as_int(key->node, &index)) {
            ok = eval_get_index(ev, from.v[i], index, out, errp);
        } else {
            ok = key->node->kind == YAML_SCALAR
                     ? eval_get_key(ev, from.v[i], key->node->text, out, errp)
                     : eval_fail(ev, e, errp, "an index is a number or a name");
        }
    }
    vec_done(&from);
    return ok;
}

static bool eval_text(struct eval *ev, const struct node *e, struct item *in, struct items *out,
                      struct err **errp)
{
    auto_sb struct sb text = { 0 };

    for (size_t i = 0; i < e->kids.n; i++) {
        struct item *part;

        if (!eval_first(ev, e->kids.v[i], in, &part, errp))
            return false;
        if (part->node->kind == YAML_SCALAR)
            sb_put(&text, part->node->text);
        else
            yaml_emit_node(&text, part->node);
    }
    eval_put_text(ev, out, sb_view(&text));
    return true;
}

static bool eval_list(struct eval *ev, const struct node *e, struct item *in, struct items *out,
                      struct err **errp)
{
    struct yaml_node *list = yaml_new_seq(ev->doc);
    struct items found = { 0 };
    bool ok = !e->left || eval_node(ev, e->left, in, &found, errp);

    for (size_t i = 0; i < found.n && ok; i++)
        yaml_append(ev->doc, list, eval_copy(ev, found.v[i]->node));
    eval_put(ev, out, list);
    vec_done(&found);
    return ok;
}

static bool eval_map(struct eval *ev, const struct node *e, struct item *in, struct items *out,
                     struct err **errp)
{
    struct yaml_node *map = yaml_new_map(ev->doc);

    for (size_t i = 0; i < e->kids.n; i += 2) {
        struct item *key, *value;

        if (!eval_first(ev, e->kids.v[i], in, &key, errp) ||
            !eval_first(ev, e->kids.v[i + 1], in, &value, errp))
            return false;
        if (key->node->kind != YAML_SCALAR)
            return eval_fail(ev, e, errp, "a key is a text");
        yaml_set(ev->doc, map, key->node->text, eval_copy(ev, value->node));
    }
    eval_put(ev, out, map);
    return true;
}

static bool eval_pipe(struct eval *ev, const struct node *e, struct item *in, struct items *out,
                      struct err **errp)
{
    struct items between = { 0 };
    bool ok = eval_node(ev, e->left, in, &between, errp);

    for (size_t i = 0; i < between.n && ok; i++)
        ok = eval_node(ev, e->right, between.v[i], out, errp);
    vec_done(&between);
    return ok;
}

static bool eval_binary(struct eval *ev, const struct node *e, struct item *in, struct items *out,
                        struct err **errp)
{
    struct items left = { 0 }, right = { 0 };
    bool ok = eval_node(ev, e->left, in, &left, errp) && eval_node(ev, e->right, in, &right, errp);

    if (ok && right.n == 0 && left.n > 0)
        eval_put(ev, &right, yaml_new_null(ev->doc));
    if (ok && left.n == 0 && right.n > 0)
        eval_put(ev, &left, yaml_new_null(ev->doc));
    for (size_t i = 0; i < left.n && ok; i++)
        for (size_t j = 0; j < right.n && ok; j++) {
            struct yaml_node *value =
                e->operation->run(ev, e, left.v[i]->node, right.v[j]->node, errp);

            ok = value;
            if (ok)
                eval_put(ev, out, value);
        }
    vec_done(&left);
    vec_done(&right);
    return ok;
}

/* The value that an assignment gives to one item; NULL in *out: none, leave it as it is. */
static bool value_for(struct eval *ev, const struct node *e, struct item *in, struct item *item,
                      struct yaml_node **out, struct err **errp)
{
    bool is_update = e->text[0] == '|';
    struct items found = { 0 };
    bool ok = eval_node(ev, e->right, is_update ? item : in, &found, errp);
    struct yaml_node *value = ok && found.n ? found.v[0]->node : NULL;

    vec_done(&found);
    if (!ok)
        return false;
    if (!value && !is_update)
        value = yaml_new_null(ev->doc);
    if (value && e->operation)
        value = e->operation->run(ev, e, item->node, value, errp);
    else if (value)
        value = eval_copy(ev, value);
    *out = value;
    return value || is_update;
}

static bool is_style(const struct node *e)
{
    return e->kind == NODE_CALL && e->function == function_find(SV("style"), NULL);
}

static void apply_style(struct yaml_node *node, enum yaml_style style)
{
    /* A quoted number would be a text. */
    if ((node->kind == YAML_SCALAR && node->tag == YAML_TAG_STR) || style == YAML_STYLE_AUTO ||
        style == YAML_STYLE_FLOW)
        node->style = style;
}

static bool set_style(struct eval *ev, const struct node *e, struct item *in,
                      const struct items *targets, struct err **errp)
{
    static const struct {
        const char *name;
        enum yaml_style style;
    } styles[] = {
        { "double", YAML_STYLE_DOUBLE }, { "single", YAML_STYLE_SINGLE },
        { "", YAML_STYLE_AUTO },         { "literal", YAML_STYLE_LITERAL },
        { "folded", YAML_STYLE_FOLDED }, { "flow", YAML_STYLE_FLOW },
    };
    struct item *value;

    if (!eval_first(ev, e->right, in, &value, errp))
        return false;
    for (size_t i = 0; i < COUNT(styles); i++) {
        if (!sv_eq_str(value->node->text, styles[i].name))
            continue;
        for (size_t j = 0; j < targets->n; j++)
            apply_style(targets->v[j]->node, styles[i].style);
        return true;
    }
    return eval_fail(ev, e, errp, "unknown style `%.*s`", SV_ARG(value->node->text));
}

static bool eval_style(struct eval *ev, const struct node *e, struct item *in, struct items *out,
                       struct err **errp)
{
    struct items targets = { 0 };
    bool ok = true;

    if (e->kind == NODE_STYLE)
        ok = eval_node(ev, e->left, in, &targets, errp);
    else
        *vec_push(&targets) = in;
    ok = ok && set_style(ev, e, in, &targets, errp);
    vec_done(&targets);
    *vec_push(out) = in;
    return ok;
}

static bool eval_assignment(struct eval *ev, const struct node *e, struct item *in,
                            struct items *out, struct err **errp)
{
    struct items targets = { 0 };
    bool ok;

    if (e->kind == NODE_STYLE || is_style(e->left))
        return eval_style(ev, e, in, out, errp);
    ok = eval_node(ev, e->left, in, &targets, errp);
    for (size_t i = 0; i < targets.n && ok; i++) {
        struct yaml_node *value = NULL;

        ok = value_for(ev, e, in, targets.v[i], &value, errp) &&
             (!value || eval_assign(ev, targets.v[i], value, errp));
    }
    vec_done(&targets);
    *vec_push(out) = in;
    return ok;
}

static bool eval_var(struct eval *ev, const struct node *e, struct items *out, struct err **errp)
{
    for (unsigned i = ev->n_vars; i-- > 0;)
        if (str_eq(ev->vars[i].name, e->text)) {
            *vec_push(out) = ev->vars[i].value;
            return true;
        }
    return eval_fail(ev, e, errp, "there is no variable $%s", e->text);
}

static bool eval_bind(struct eval *ev, const struct node *e, struct item *in, struct items *out,
                      struct err **errp)
{
    struct items values = { 0 };
    bool ok = eval_node(ev, e->left, in, &values, errp);

    if (ok && ev->n_vars == COUNT(ev->vars))
        ok = eval_fail(ev, e, errp, "too many variables");
    for (size_t i = 0; i < values.n && ok; i++) {
        ev->vars[ev->n_vars].name = e->text;
        ev->vars[ev->n_vars++].value = values.v[i];
        ok = eval_node(ev, e->right, in, out, errp);
        ev->n_vars--;
    }
    vec_done(&values);
    return ok;
}

static bool eval_kind(struct eval *ev, const struct node *e, struct item *in, struct items *out,
                      struct err **errp)
{
    switch (e->kind) {
    case NODE_SELF:
        *vec_push(out) = in;
        return true;
    case NODE_RECURSE:
        recurse(ev, in, out);
        return true;
    case NODE_KEY:
    case NODE_INDEX:
    case NODE_ITERATE:
        return eval_path(ev, e, in, out, errp);
    case NODE_SCALAR:
        eval_put(ev, out,
                 e->is_string ? yaml_new_str(ev->doc, sv_of(e->text))
                              : yaml_new_plain(ev->doc, sv_of(e->text)));
        return true;
    case NODE_TEXT:
        return eval_text(ev, e, in, out, errp);
    case NODE_LIST:
        return eval_list(ev, e, in, out, errp);
    case NODE_MAP:
        return eval_map(ev, e, in, out, errp);
    case NODE_PIPE:
        return eval_pipe(ev, e, in, out, errp);
    case NODE_COMMA:
        return eval_node(ev, e->left, in, out, errp) && eval_node(ev, e->right, in, out, errp);
    case NODE_BINARY:
        return eval_binary(ev, e, in, out, errp);
    case NODE_ASSIGN:
    case NODE_STYLE:
        return eval_assignment(ev, e, in, out, errp);
    case NODE_CALL:
        return e->function->run(ev, e, in, out, errp);
    case NODE_VAR:
        return eval_var(ev, e, out, errp);
    case NODE_BIND:
        return eval_bind(ev, e, in, out, errp);
    }
    return false;
}

bool eval_node(struct eval *ev, const struct node *e, struct item *in, struct items *out,
               struct err **errp)
{
    bool ok;

    if (++ev->n_steps > EXPR_STEPS_MAX || ev->depth == EXPR_DEPTH_MAX)
        return eval_fail(ev, e, errp, "it takes too much work");
    ev->depth++;
    ok = eval_kind(ev, e, in, out, errp);
    ev->depth--;
    return ok;
}

/* ---- the interface ---- */

void expr_results_done(struct expr_results *results)
{
    vec_done(results);
}

bool expr_eval(const struct expr *expr, struct yaml_doc *doc, struct expr_results *out,
               struct err **errp)
{
    struct eval ev = { .doc = doc, .text = sv_of(expr->text) };
    struct items found = { 0 };
    bool ok = eval_node(&ev, expr->root, new_item(&ev, doc->root), &found, errp);

    for (size_t i = 0; i < found.n && ok; i++)
        *vec_push(out) = found.v[i]->node;
    vec_done(&found);
    for (size_t i = 0; i < ev.all.n; i++)
        free(ev.all.v[i]);
    vec_done(&ev.all);
    return ok;
}

bool expr_edit_text(struct sv text, struct sv expression, char **out, struct err **errp)
{
    auto_yaml_doc struct yaml_doc *doc = NULL;
    auto_expr struct expr *expr = NULL;
    auto_expr_results struct expr_results results = { 0 };
    auto_sb struct sb edited = { 0 };

    if (sv_trim(expression).n == 0) {
        *out = sv_dup(text);
        return true;
    }
    if (!(expr = expr_parse(expression, errp)) || !(doc = yaml_load(text, errp)) ||
        !expr_eval(expr, doc, &results, errp))
        return false;
    if (results.n > 0 && results.v[0] == doc->root)
        yaml_emit(&edited, doc);
    else if (results.n > 0)
        yaml_emit_node(&edited, results.v[0]);
    *out = sb_steal(&edited);
    return true;
}

bool expr_eval_json(const json_t *value, struct sv expression, json_t **out, struct err **errp)
{
    auto_expr struct expr *expr = expr_parse(expression, errp);
    auto_yaml_doc struct yaml_doc *doc = expr ? yaml_from_json(value) : NULL;
    auto_expr_results struct expr_results results = { 0 };

    if (!expr || !expr_eval(expr, doc, &results, errp))
        return false;
    *out = json_array();
    for (size_t i = 0; i < results.n; i++)
        json_array_append_new(*out, yaml_to_json(results.v[i]));
    return true;
}
