#include <stdarg.h>

#include "base/mem.h"
#include "lang/expr/expr_priv.h"
#include "lang/yaml/yaml_text.h"

bool eval_fail(const struct eval *ev, const struct node *e, struct err **errp, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    (void)lex_vfail(ev->text, e->at, ERR_INVALID, errp, fmt, args);
    va_end(args);
    return false;
}

/* ---- values, and the work they are ---- */

bool eval_spend(struct eval *ev, const struct node *e, size_t n_steps, struct err **errp)
{
    if (n_steps <= EXPR_STEPS_MAX)
        ev->n_steps += n_steps;
    return (n_steps <= EXPR_STEPS_MAX && ev->n_steps <= EXPR_STEPS_MAX) ||
           eval_fail(ev, e, errp, "it takes too much work");
}

bool eval_may_hold(const struct eval *ev, const struct node *e, size_t n, struct err **errp)
{
    return n <= YAML_MAX_BYTES || eval_fail(ev, e, errp, "the text gets too long");
}

static void count(struct eval *ev, const struct yaml_node *node)
{
    ev->n_steps += 1 + node->text.n / EXPR_STEP_BYTES;
    for (size_t i = 0; i < node->n && ev->n_steps <= EXPR_STEPS_MAX; i++)
        count(ev, node->entries[i].value);
}

struct yaml_node *eval_copy(struct eval *ev, const struct yaml_node *node)
{
    count(ev, node);
    /* The next step fails; what is made until then is empty, of the same kind. */
    if (ev->n_steps > EXPR_STEPS_MAX)
        return node->kind == YAML_MAP   ? yaml_new_map(ev->doc)
               : node->kind == YAML_SEQ ? yaml_new_seq(ev->doc)
                                        : yaml_new_null(ev->doc);
    return yaml_copy(ev->doc, node);
}

struct yaml_node *eval_new_text(struct eval *ev, struct sv text)
{
    ev->n_steps += text.n / EXPR_STEP_BYTES;
    return yaml_new_str(ev->doc, text);
}

void eval_put(struct eval *ev, struct items *out, struct yaml_node *value)
{
    *vec_push(out) = item_new(ev, value);
}

void eval_put_text(struct eval *ev, struct items *out, struct sv text)
{
    eval_put(ev, out, eval_new_text(ev, text));
}

void eval_put_bool(struct eval *ev, struct items *out, bool value)
{
    eval_put(ev, out, yaml_new_bool(ev->doc, value));
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
        *out = found.n ? found.v[0] : item_new(ev, yaml_new_null(ev->doc));
    vec_done(&found);
    return ok;
}

static void recurse(struct eval *ev, struct item *in, struct items *out)
{
    struct items below = { 0 };

    *vec_push(out) = in;
    item_iterate(ev, in, &below);
    for (size_t i = 0; i < below.n; i++)
        recurse(ev, below.v[i], out);
    vec_done(&below);
}

static bool get_index(struct eval *ev, const struct node *e, struct item *from,
                      const struct yaml_node *key, struct items *out, struct err **errp)
{
    int64_t index;

    if (key->tag == YAML_TAG_INT && yaml_as_int(key, &index))
        return item_get_index(ev, e, from, index, out, errp);
    if (key->kind == YAML_SCALAR)
        return item_get_key(ev, e, from, key->text, out, errp);
    return eval_fail(ev, e, errp, "an index is a number or a name");
}

static bool eval_path(struct eval *ev, const struct node *e, struct item *in, struct items *out,
                      struct err **errp)
{
    struct items from = { 0 }, keys = { 0 };
    bool ok = !e->right || eval_node(ev, e->right, in, &keys, errp);

    if (ok && e->left)
        ok = eval_node(ev, e->left, in, &from, errp);
    else if (ok)
        *vec_push(&from) = in;
    for (size_t i = 0; i < from.n && ok; i++) {
        ok = eval_spend(ev, e, keys.n, errp);
        if (e->kind == NODE_KEY)
            ok = ok && item_get_key(ev, e, from.v[i], sv_of(e->text), out, errp);
        else if (e->kind == NODE_ITERATE)
            item_iterate(ev, from.v[i], out);
        for (size_t j = 0; j < keys.n && ok; j++)
            ok = get_index(ev, e, from.v[i], keys.v[j]->node, out, errp);
    }
    vec_done(&from);
    vec_done(&keys);
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
        if (!eval_may_hold(ev, e, text.n, errp))
            return false;
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

/* Adds the pairs of each key with each value to copies of the maps. */
static bool put_pairs(struct eval *ev, const struct node *e, const struct items *maps,
                      const struct items *keys, const struct items *values, struct items *out,
                      struct err **errp)
{
    for (size_t i = 0; i < maps->n; i++)
        for (size_t j = 0; j < keys->n; j++)
            for (size_t k = 0; k < values->n; k++) {
                struct yaml_node *map = eval_copy(ev, maps->v[i]->node);

                if (keys->v[j]->node->kind != YAML_SCALAR)
                    return eval_fail(ev, e, errp, "a key is a text");
                if (!eval_spend(ev, e, 1, errp))
                    return false;
                yaml_set(ev->doc, map, keys->v[j]->node->text, eval_copy(ev, values->v[k]->node));
                eval_put(ev, out, map);
            }
    return true;
}

static bool eval_map(struct eval *ev, const struct node *e, struct item *in, struct items *out,
                     struct err **errp)
{
    struct items maps = { 0 };
    bool ok = true;

    eval_put(ev, &maps, yaml_new_map(ev->doc));
    for (size_t i = 0; i < e->kids.n && ok; i += 2) {
        struct items keys = { 0 }, values = { 0 }, next = { 0 };

        ok = eval_node(ev, e->kids.v[i], in, &keys, errp) &&
             eval_node(ev, e->kids.v[i + 1], in, &values, errp) &&
             put_pairs(ev, e, &maps, &keys, &values, &next, errp);
        vec_done(&keys);
        vec_done(&values);
        vec_done(&maps);
        maps = next;
    }
    for (size_t i = 0; i < maps.n && ok; i++)
        *vec_push(out) = maps.v[i];
    vec_done(&maps);
    return ok;
}

/* The results of a kid for each of the items; *items is used up. */
static bool pipe_into(struct eval *ev, const struct node *kid, struct items *items,
                      struct items *out, struct err **errp)
{
    bool ok = true;

    for (size_t i = 0; i < items->n && ok; i++)
        ok = eval_node(ev, kid, items->v[i], out, errp);
    vec_done(items);
    return ok;
}

static bool eval_pipe(struct eval *ev, const struct node *e, struct item *in, struct items *out,
                      struct err **errp)
{
    struct items between = { 0 };
    bool ok = eval_node(ev, e->kids.v[0], in, &between, errp);

    for (size_t i = 1; i + 1 < e->kids.n && ok; i++) {
        struct items next = { 0 };

        ok = pipe_into(ev, e->kids.v[i], &between, &next, errp);
        between = next;
    }
    if (ok)
        return pipe_into(ev, e->kids.v[e->kids.n - 1], &between, out, errp);
    vec_done(&between);
    return false;
}

static bool eval_comma(struct eval *ev, const struct node *e, struct item *in, struct items *out,
                       struct err **errp)
{
    for (size_t i = 0; i < e->kids.n; i++)
        if (!eval_node(ev, e->kids.v[i], in, out, errp))
            return false;
    return true;
}

static bool is_settled(const struct node *e, const struct yaml_node *left)
{
    enum shortcut shortcut = e->operation->shortcut;

    return shortcut != SHORTCUT_NONE && eval_is_true(left) == (shortcut == SHORTCUT_IF_TRUE);
}

static bool put_operation(struct eval *ev, const struct node *e, struct yaml_node *left,
                          struct yaml_node *right, struct items *out, struct err **errp)
{
    struct yaml_node *value = e->operation->run(ev, e, left, right, errp);

    if (value)
        eval_put(ev, out, value);
    return value && eval_spend(ev, e, 0, errp);
}

static bool eval_binary(struct eval *ev, const struct node *e, struct item *in, struct items *out,
                        struct err **errp)
{
    struct items left = { 0 }, right = { 0 };
    bool ok = eval_node(ev, e->left, in, &left, errp), needs_right = left.n == 0;

    for (size_t i = 0; i < left.n; i++)
        needs_right = needs_right || !is_settled(e, left.v[i]->node);
    ok = ok && (!needs_right || eval_node(ev, e->right, in, &right, errp));
    if (ok && right.n == 0 && left.n > 0)
        eval_put(ev, &right, yaml_new_null(ev->doc));
    if (ok && left.n == 0 && right.n > 0)
        eval_put(ev, &left, yaml_new_null(ev->doc));
    for (size_t i = 0; i < left.n && ok; i++) {
        struct yaml_node *node = left.v[i]->node;

        if (is_settled(e, node))
            ok = put_operation(ev, e, node, node, out, errp);
        else
            for (size_t j = 0; j < right.n && ok; j++)
                ok = put_operation(ev, e, node, right.v[j]->node, out, errp);
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

/* "style = X" without a value in front is about the value itself. */
static const struct trait *trait_of(const struct node *e)
{
    if (e->kind == NODE_TRAIT)
        return e->trait;
    return e->left->kind == NODE_CALL && str_eq(e->text, "=") ? trait_find(sv_of(e->left->text))
                                                              : NULL;
}

static bool eval_trait(struct eval *ev, const struct node *e, struct item *in, struct items *out,
                       struct err **errp)
{
    struct items targets = { 0 };
    struct item *value;
    bool ok = eval_first(ev, e->right, in, &value, errp);

    if (ok && e->kind == NODE_TRAIT)
        ok = eval_node(ev, e->left, in, &targets, errp);
    else if (ok)
        *vec_push(&targets) = in;
    for (size_t i = 0; i < targets.n && ok; i++)
        ok = trait_of(e)->set(ev, e, targets.v[i], value->node->text, errp);
    vec_done(&targets);
    *vec_push(out) = in;
    return ok;
}

static bool eval_assignment(struct eval *ev, const struct node *e, struct item *in,
                            struct items *out, struct err **errp)
{
    struct items targets = { 0 };
    bool ok;

    if (trait_of(e))
        return eval_trait(ev, e, in, out, errp);
    ok = eval_node(ev, e->left, in, &targets, errp);
    for (size_t i = 0; i < targets.n && ok; i++) {
        struct yaml_node *value = NULL;

        ok = value_for(ev, e, in, targets.v[i], &value, errp) &&
             (!value || item_assign(ev, e, targets.v[i], value, errp));
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

static bool eval_with_var(struct eval *ev, const struct node *e, const struct node *body,
                          struct item *value, struct item *in, struct items *out, struct err **errp)
{
    bool ok;

    if (ev->n_vars == COUNT(ev->vars))
        return eval_fail(ev, e, errp, "too many variables");
    ev->vars[ev->n_vars].name = e->text;
    ev->vars[ev->n_vars++].value = value;
    ok = eval_node(ev, body, in, out, errp);
    ev->n_vars--;
    return ok;
}

static bool eval_bind(struct eval *ev, const struct node *e, struct item *in, struct items *out,
                      struct err **errp)
{
    struct items values = { 0 };
    bool ok = eval_node(ev, e->left, in, &values, errp);

    for (size_t i = 0; i < values.n && ok; i++)
        ok = eval_with_var(ev, e, e->right, values.v[i], in, out, errp);
    vec_done(&values);
    return ok;
}

/* kids[0] gives the value to begin with, kids[1] the next one for each result of left. */
static bool eval_reduce(struct eval *ev, const struct node *e, struct item *in, struct items *out,
                        struct err **errp)
{
    struct items values = { 0 };
    struct item *so_far = in;
    bool ok = eval_node(ev, e->left, in, &values, errp) &&
              eval_first(ev, e->kids.v[0], in, &so_far, errp);

    for (size_t i = 0; i < values.n && ok; i++) {
        struct items next = { 0 };

        ok = eval_with_var(ev, e, e->kids.v[1], values.v[i], so_far, &next, errp);
        if (ok && next.n > 0)
            so_far = next.v[0];
        vec_done(&next);
    }
    *vec_push(out) = so_far;
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
        return eval_comma(ev, e, in, out, errp);
    case NODE_BINARY:
        return eval_binary(ev, e, in, out, errp);
    case NODE_ASSIGN:
    case NODE_TRAIT:
        return eval_assignment(ev, e, in, out, errp);
    case NODE_CALL:
        return e->function->run(ev, e, in, out, errp);
    case NODE_VAR:
        return eval_var(ev, e, out, errp);
    case NODE_BIND:
        return eval_bind(ev, e, in, out, errp);
    case NODE_REDUCE:
        return eval_reduce(ev, e, in, out, errp);
    }
    return false;
}

bool eval_node(struct eval *ev, const struct node *e, struct item *in, struct items *out,
               struct err **errp)
{
    bool ok;

    if (!eval_spend(ev, e, 1, errp))
        return false;
    if (ev->depth == EXPR_DEPTH_MAX + EXPR_PATH_MAX)
        return eval_fail(ev, e, errp, "the expression is nested too deeply");
    ev->depth++;
    ok = eval_kind(ev, e, in, out, errp);
    ev->depth--;
    return ok;
}
