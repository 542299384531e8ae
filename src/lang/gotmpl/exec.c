#include "lang/gotmpl/gotmpl.h"

#include <stdarg.h>
#include <stdlib.h>

#include "base/mem.h"
#include "lang/gotmpl/gotmpl_priv.h"

struct variable {
    const char *name; /* borrowed from the tree */
    value value;
};

enum flow { FLOW_ON, FLOW_BREAK, FLOW_CONTINUE };

struct exec {
    const struct gotmpl *tmpl;
    const struct gotmpl_resolver *resolver;
    const char *template_name; /* the one that is being executed */
    struct sb *out;
    size_t out_start;
    VEC(struct variable) variables;
    VEC(json_t *) kept;
    enum flow flow;
    unsigned steps;
    size_t spent;
    int depth;
};

value exec_keep(struct exec *x, json_t *take_json)
{
    *vec_push(&x->kept) = take_json;
    return take_json;
}

bool exec_spend(struct exec *x, size_t n, struct err **errp)
{
    x->spent += n;
    return x->spent <= GOTMPL_MAX_MEMORY ||
           err_set(errp, ERR_INVALID, "the template needs too much memory");
}

bool exec_keep_text(struct exec *x, const struct sb *text, value *out, struct err **errp)
{
    json_t *string;

    if (text->over)
        return err_set(errp, ERR_INVALID, "the text is too long");
    if (!exec_spend(x, text->n, errp))
        return false;
    string = json_stringn(sb_str(text), text->n);
    *out = exec_keep(x, string ? string : json_string("\xef\xbf\xbd")); /* not UTF-8 */
    return true;
}

/* "template: NAME:LINE:COLUMN: executing "T" at <SOURCE>: text" */
static bool PRINTF_LIKE(5, 6)
    fail_at(struct exec *x, size_t pos, struct sv source, struct err **errp, const char *fmt, ...)
{
    const char *text = x->tmpl->text;
    size_t line = 1, line_start = 0;
    va_list args;

    for (size_t i = 0; i < pos; i++) {
        if (text[i] == '\n') {
            line++;
            line_start = i + 1;
        }
    }
    va_start(args, fmt);

    auto_mem char *why = mem_vprintf(fmt, args);

    va_end(args);
    return err_set(errp, ERR_INVALID, "template: %s:%zu:%zu: executing \"%s\" at <%.*s>: %s",
                   x->tmpl->name, line, pos - line_start, x->template_name, SV_ARG(source), why);
}

static bool count_step(struct exec *x, size_t pos, struct err **errp)
{
    if (++x->steps > GOTMPL_MAX_STEPS)
        return fail_at(x, pos, SV("..."), errp, "the template takes too many steps");
    if (x->out->n - x->out_start > GOTMPL_MAX_OUTPUT || x->out->over)
        return fail_at(x, pos, SV("..."), errp, "the output is too long");
    return true;
}

/* ---- values ---- */

value exec_encoded(const struct exec *x, value v)
{
    return x->resolver && x->resolver->encoded ? x->resolver->encoded(x->resolver->ctx, v) : v;
}

static bool get_field(struct exec *x, const struct arg *arg, value from, const char *name,
                      value *out, struct err **errp)
{
    const char *type = NULL;

    if (!from)
        return fail_at(x, arg->pos, arg->source, errp, "nil data; no entry for key \"%s\"", name);
    if (json_is_null(from))
        return fail_at(x, arg->pos, arg->source, errp, "nil pointer evaluating interface {}.%s",
                       name);
    if (!json_is_object(from))
        return fail_at(x, arg->pos, arg->source, errp, "can't evaluate field %s in type %s", name,
                       value_type(from));
    *out = x->resolver ? x->resolver->field(x->resolver->ctx, from, name, &type)
                       : json_object_get(from, name);
    if (!*out && type)
        return fail_at(x, arg->pos, arg->source, errp, "can't evaluate field %s in type %s", name,
                       type);
    return true;
}

static bool eval_pipeline(struct exec *x, value dot, const struct pipeline *pipeline, value *out,
                          struct err **errp);

static value get_variable(const struct exec *x, const char *name)
{
    for (size_t i = x->variables.n; i-- > 0;)
        if (str_eq(x->variables.v[i].name, name))
            return x->variables.v[i].value;
    return NULL; /* its declaration was not executed */
}

static bool eval_arg(struct exec *x, value dot, const struct arg *arg, value *out,
                     struct err **errp)
{
    value at = dot;

    switch (arg->kind) {
    case ARG_NIL:
        *out = exec_keep(x, json_null());
        return true;
    case ARG_CONSTANT:
        *out = arg->constant;
        return true;
    case ARG_VARIABLE:
        at = get_variable(x, arg->name);
        break;
    case ARG_CHAIN:
        if (!eval_pipeline(x, dot, arg->pipeline, &at, errp))
            return false;
        break;
    default:
        break;
    }
    for (size_t i = 0; i < arg->fields.n; i++)
        if (!get_field(x, arg, at, arg->fields.v[i], &at, errp))
            return false;
    *out = at;
    return true;
}

static bool eval_command(struct exec *x, value dot, const struct command *command,
                         const value *piped, value *out, struct err **errp);

/* An argument of a function may be a function without arguments. */
static bool eval_operand(struct exec *x, value dot, const struct arg *arg, value *out,
                         struct err **errp)
{
    struct command alone = {
        .v = (struct arg *)arg, .n = 1, .pos = arg->pos, .source = arg->source
    };

    return arg->kind == ARG_FUNCTION ? eval_command(x, dot, &alone, NULL, out, errp)
                                     : eval_arg(x, dot, arg, out, errp);
}

/* and, or: the value of the first argument that decides. */
static bool eval_short_circuit(struct exec *x, value dot, const struct command *command,
                               const value *piped, value *out, struct err **errp)
{
    bool stop_at = str_eq(command->v[0].name, "or");

    for (size_t i = 1; i < command->n; i++) {
        if (!eval_operand(x, dot, &command->v[i], out, errp))
            return false;
        if (value_is_true(*out) == stop_at)
            return true;
    }
    if (piped)
        *out = *piped;
    return true;
}

static bool check_count(struct exec *x, const struct command *command, const struct function *f,
                        size_t n, struct err **errp)
{
    if (f->max_args < 0 ? n >= (size_t)f->min_args
                        : n >= (size_t)f->min_args && n <= (size_t)f->max_args)
        return true;
    if (f->max_args == f->min_args)
        return fail_at(x, command->pos, command->source, errp,
                       "wrong number of args for %s: want %d got %zu", f->name, f->min_args, n);
    return fail_at(x, command->pos, command->source, errp,
                   "wrong number of args for %s: want at least %d got %zu", f->name, f->min_args,
                   n);
}

static bool eval_function(struct exec *x, value dot, const struct command *command,
                          const value *piped, value *out, struct err **errp)
{
    const struct function *f = function_find(command->v[0].name, x->tmpl->flags);
    size_t n = command->n - 1 + (piped ? 1 : 0);
    auto_mem value *args = mem_array(n, sizeof(*args));
    auto_err struct err *err = NULL;

    if (!check_count(x, command, f, n, errp))
        return false;
    if (!f->call)
        return eval_short_circuit(x, dot, command, piped, out, errp);
    for (size_t i = 1; i < command->n; i++)
        if (!eval_operand(x, dot, &command->v[i], &args[i - 1], errp))
            return false;
    if (piped)
        args[n - 1] = *piped;
    if (f->call(x, args, n, out, &err))
        return true;
    return fail_at(x, command->pos, command->source, errp, "error calling %s: %s", f->name,
                   err_text(err));
}

static bool eval_command(struct exec *x, value dot, const struct command *command,
                         const value *piped, value *out, struct err **errp)
{
    const struct arg *first = &command->v[0];

    if (!count_step(x, command->pos, errp))
        return false;
    if (first->kind == ARG_FUNCTION)
        return eval_function(x, dot, command, piped, out, errp);
    if (command->n > 1 || piped)
        return fail_at(x, first->pos, first->source, errp, "%s%.*s%s",
                       first->kind == ARG_FIELD ? "" : "can't give argument to non-function ",
                       SV_ARG(first->source),
                       first->kind == ARG_FIELD ? " is not a method but has arguments" : "");
    if (first->kind == ARG_NIL)
        return fail_at(x, first->pos, first->source, errp, "nil is not a command");
    return eval_arg(x, dot, first, out, errp);
}

static void set_variable(struct exec *x, const struct pipeline *pipeline, unsigned i, value v)
{
    if (!pipeline->is_assignment) {
        *vec_push(&x->variables) = (struct variable){ pipeline->variables[i], v };
        return;
    }
    for (size_t k = x->variables.n; k-- > 0;) {
        if (str_eq(x->variables.v[k].name, pipeline->variables[i])) {
            x->variables.v[k].value = v;
            return;
        }
    }
}

/* The value; variables are the caller's business. */
static bool eval_commands(struct exec *x, value dot, const struct pipeline *pipeline, value *out,
                          struct err **errp)
{
    value v = NULL;

    for (size_t i = 0; i < pipeline->n; i++) {
        value before = v;

        if (!eval_command(x, dot, &pipeline->v[i], i > 0 ? &before : NULL, &v, errp))
            return false;
    }
    *out = v;
    return true;
}

static bool eval_pipeline(struct exec *x, value dot, const struct pipeline *pipeline, value *out,
                          struct err **errp)
{
    if (!eval_commands(x, dot, pipeline, out, errp))
        return false;
    if (pipeline->n_variables > 0)
        set_variable(x, pipeline, 0, *out);
    return true;
}

/* ---- actions ---- */

static bool run_list(struct exec *x, value dot, const struct node_list *list, struct err **errp);

/* Variables declared in a list end with it. */
static bool run_scope(struct exec *x, value dot, const struct node_list *list, struct err **errp)
{
    size_t n = x->variables.n;
    bool ok = run_list(x, dot, list, errp);

    x->variables.n = n;
    return ok;
}

static bool run_branch(struct exec *x, value dot, const struct node *node, struct err **errp)
{
    size_t n = x->variables.n;
    value v;
    bool ok;

    if (!eval_pipeline(x, dot, node->pipeline, &v, errp))
        return false;
    if (value_is_true(v))
        ok = run_scope(x, node->kind == NODE_WITH ? v : dot, &node->body, errp);
    else
        ok = run_scope(x, dot, &node->other, errp);
    x->variables.n = n;
    return ok;
}

/* One turn of a loop; *out_go_on is false after "break". */
static bool run_turn(struct exec *x, const struct node *node, value key, value element,
                     bool *out_go_on, struct err **errp)
{
    const struct pipeline *pipeline = node->pipeline;
    size_t n = x->variables.n;
    bool ok;

    if (pipeline->n_variables == 1) {
        set_variable(x, pipeline, 0, element);
    } else if (pipeline->n_variables == 2) {
        set_variable(x, pipeline, 0, key);
        set_variable(x, pipeline, 1, element);
    }
    ok = count_step(x, node->pos, errp) && run_list(x, element, &node->body, errp);
    x->variables.n = n;
    *out_go_on = x->flow != FLOW_BREAK;
    x->flow = FLOW_ON;
    return ok;
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool run_object(struct exec *x, const struct node *node, value object, struct err **errp)
{
    size_t n = json_object_size(object), i = 0;
    auto_mem const char **keys = mem_array(n, sizeof(*keys));
    const char *key;
    json_t *member;
    bool go_on = true;

    json_object_foreach((json_t *)object, key, member) keys[i++] = key;
    qsort(keys, n, sizeof(*keys), compare_keys);
    for (i = 0; i < n && go_on; i++)
        if (!run_turn(x, node, exec_keep(x, json_string(keys[i])), json_object_get(object, keys[i]),
                      &go_on, errp))
            return false;
    return true;
}

static bool run_range(struct exec *x, value dot, const struct node *node, struct err **errp)
{
    value v;
    json_int_t n = 0;
    bool go_on = true;

    if (!eval_commands(x, dot, node->pipeline, &v, errp))
        return false;
    if (json_is_array(v))
        n = (json_int_t)json_array_size(v);
    else if (json_is_integer(v))
        n = json_integer_value(v) > 0 ? json_integer_value(v) : 0;
    else if (json_is_object(v))
        n = (json_int_t)json_object_size(v);
    else if (v && !json_is_null(v))
        return fail_at(x, node->pipeline->pos, node->pipeline->source, errp,
                       "range can't iterate over a value of type %s", value_type(v));
    if (n == 0)
        return run_scope(x, dot, &node->other, errp);
    if (json_is_object(v))
        return run_object(x, node, v, errp);
    for (json_int_t i = 0; i < n && go_on; i++) {
        value index = exec_keep(x, json_integer(i));
        value element = json_is_array(v) ? json_array_get(v, (size_t)i) : index;

        if (!run_turn(x, node, index, element, &go_on, errp))
            return false;
    }
    return true;
}

static bool run_template(struct exec *x, value dot, const struct node *node, struct err **errp)
{
    const struct node_list *body = map_get(&x->tmpl->defined, node->name);
    const char *outer_name = x->template_name;
    size_t n = x->variables.n;
    value data = NULL;
    bool ok;

    if (!body)
        return fail_at(x, node->pos, SV("template"), errp, "template \"%s\" not defined",
                       node->name);
    if (++x->depth > GOTMPL_MAX_DEPTH)
        return fail_at(x, node->pos, SV("template"), errp, "exceeded maximum template depth (%d)",
                       GOTMPL_MAX_DEPTH);
    if (node->pipeline && !eval_pipeline(x, dot, node->pipeline, &data, errp))
        return false;
    *vec_push(&x->variables) = (struct variable){ "$", data };
    x->template_name = node->name;
    ok = run_list(x, data, body, errp);
    x->template_name = outer_name;
    x->variables.n = n;
    x->depth--;
    return ok;
}

static bool run_node(struct exec *x, value dot, const struct node *node, struct err **errp)
{
    value v;

    switch (node->kind) {
    case NODE_TEXT:
        sb_put(x->out, node->text);
        return true;
    case NODE_PIPELINE:
        if (!eval_pipeline(x, dot, node->pipeline, &v, errp))
            return false;
        if (node->pipeline->n_variables == 0)
            format_value(x->out, v);
        return true;
    case NODE_IF:
    case NODE_WITH:
        return run_branch(x, dot, node, errp);
    case NODE_RANGE:
        return run_range(x, dot, node, errp);
    case NODE_TEMPLATE:
        return run_template(x, dot, node, errp);
    case NODE_BREAK:
        x->flow = FLOW_BREAK;
        return true;
    case NODE_CONTINUE:
        x->flow = FLOW_CONTINUE;
        return true;
    }
    return true;
}

static bool run_list(struct exec *x, value dot, const struct node_list *list, struct err **errp)
{
    for (size_t i = 0; i < list->n && x->flow == FLOW_ON; i++)
        if (!count_step(x, list->v[i].pos, errp) || !run_node(x, dot, &list->v[i], errp))
            return false;
    return true;
}

bool gotmpl_run(const struct gotmpl *tmpl, const json_t *data,
                const struct gotmpl_resolver *resolver, struct sb *out, struct err **errp)
{
    struct exec x = { .tmpl = tmpl,
                      .resolver = resolver,
                      .template_name = tmpl->name,
                      .out = out,
                      .out_start = out->n };
    bool ok;

    *vec_push(&x.variables) = (struct variable){ "$", data };
    ok = run_list(&x, data, &tmpl->body, errp);
    for (size_t i = 0; i < x.kept.n; i++)
        json_decref(x.kept.v[i]);
    vec_done(&x.kept);
    vec_done(&x.variables);
    return ok;
}

struct gotmpl *gotmpl_parse(const char *name, struct sv text, unsigned flags, struct err **errp)
{
    auto_gotmpl struct gotmpl *t = mem_new(struct gotmpl);

    t->name = mem_strdup(name);
    t->text = sv_dup(text);
    t->flags = flags;
    return gotmpl_parse_text(t, errp) ? MOVE(t) : NULL;
}
