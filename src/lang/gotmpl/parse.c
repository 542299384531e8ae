#include "lang/gotmpl/parse_priv.h"

#include "base/mem.h"
#include "base/quote.h"

bool parser_advance(struct parser *p, struct err **errp)
{
    p->last_end = p->token.pos + p->token.text.n;
    p->space_before = false;
    do {
        if (p->token.kind == TOKEN_SPACE)
            p->space_before = true;
        if (!lexer_next(&p->lexer, &p->token, errp))
            return false;
    } while (p->token.kind == TOKEN_SPACE);
    return true;
}

bool parser_unexpected(struct parser *p, const char *context, struct err **errp)
{
    auto_sb struct sb shown = { 0 };

    if (p->token.kind == TOKEN_EOF)
        sb_puts(&shown, "EOF");
    else
        quote_go(&shown, sv_slice(p->token.text, 0, 20));
    if (p->token.kind == TOKEN_EOF)
        return lexer_fail(&p->lexer, p->token.pos, errp, "unexpected EOF");
    return lexer_fail(&p->lexer, p->token.pos, errp, "unexpected %s in %s", sb_str(&shown),
                      context);
}

bool parser_at_word(const struct parser *p, const char *word)
{
    return p->token.kind == TOKEN_IDENTIFIER && sv_eq_str(p->token.text, word);
}

struct sv parser_source(const struct parser *p, size_t start)
{
    return sv_slice(p->lexer.text, start, p->last_end);
}

/* ---- release ---- */

static void node_list_done(struct node_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        free(list->v[i].name);
        pipeline_free(list->v[i].pipeline);
        node_list_done(&list->v[i].body);
        node_list_done(&list->v[i].other);
    }
    vec_done(list);
}

static void node_list_free(void *list)
{
    node_list_done(list);
    free(list);
}

/* ---- actions ---- */

enum list_end { END_EOF, END_END, END_ELSE };

static bool parse_list(struct parser *p, struct node_list *list, enum list_end *out_end,
                       struct err **errp);

static bool expect_right(struct parser *p, const char *context, struct err **errp)
{
    return p->token.kind == TOKEN_RIGHT || parser_unexpected(p, context, errp);
}

static void forget_variables(struct parser *p, size_t n)
{
    while (p->variables.n > n)
        strv_remove(&p->variables, p->variables.n - 1);
}

/* if, with, range: behind the keyword. */
static bool parse_control(struct parser *p, struct node *node, const char *context,
                          struct err **errp)
{
    size_t n_variables = p->variables.n;
    bool is_loop = node->kind == NODE_RANGE;
    enum list_end end;

    if (++p->depth > GOTMPL_MAX_DEPTH)
        return lexer_fail(&p->lexer, p->token.pos, errp, "actions are nested too deeply");
    if (!pipeline_parse(p, context, TOKEN_RIGHT, &node->pipeline, errp))
        return false;
    p->n_loops += is_loop;
    if (!parser_advance(p, errp) || !parse_list(p, &node->body, &end, errp))
        return false;
    p->n_loops -= is_loop;
    if (end == END_ELSE) {
        /* "else if" is an "if" in the else part that shares the end; the same for "with". */
        bool chains = !is_loop && parser_at_word(p, context);

        if (chains) {
            struct node *inner = vec_push(&node->other);

            inner->kind = node->kind;
            inner->pos = p->token.pos;
            if (!parser_advance(p, errp) || !parse_control(p, inner, context, errp))
                return false;
            end = END_END;
        } else {
            if (!expect_right(p, "else", errp) || !parser_advance(p, errp) ||
                !parse_list(p, &node->other, &end, errp))
                return false;
            if (end == END_ELSE)
                return lexer_fail(&p->lexer, p->token.pos, errp, "expected end; found {{else}}");
        }
    }
    if (end == END_EOF)
        return lexer_fail(&p->lexer, p->token.pos, errp, "unexpected EOF");
    forget_variables(p, n_variables);
    p->depth--;
    return true;
}

static bool parse_template_name(struct parser *p, const char *context, char **out,
                                struct err **errp)
{
    struct arg arg = { 0 };
    bool ok;

    if (p->token.kind != TOKEN_STRING)
        return parser_unexpected(p, context, errp);
    ok = constant_parse_string(p, &arg, errp);
    if (ok)
        *out = mem_strdup(json_string_value(arg.constant));
    json_decref(arg.constant);
    return ok && parser_advance(p, errp);
}

/* define and block: the body becomes a template of its own. */
static bool parse_definition(struct parser *p, const char *name, struct err **errp)
{
    struct node_list *body = mem_new(struct node_list);
    struct strv outer = p->variables;
    int n_loops = p->n_loops;
    enum list_end end;
    bool ok;

    p->variables = (struct strv){ 0 };
    p->n_loops = 0;
    strv_push(&p->variables, "$");
    ok = parser_advance(p, errp) && parse_list(p, body, &end, errp);
    strv_done(&p->variables);
    p->variables = outer;
    p->n_loops = n_loops;
    if (!ok || end != END_END) {
        node_list_free(body);
        return !ok ? false
                   : lexer_fail(&p->lexer, p->token.pos, errp,
                                end == END_EOF ? "unexpected EOF" : "unexpected {{else}}");
    }
    map_set(&p->tmpl->defined, name, body);
    return true;
}

static bool parse_define(struct parser *p, struct err **errp)
{
    auto_mem char *name = NULL;

    return parse_template_name(p, "define clause", &name, errp) &&
           expect_right(p, "define clause", errp) && parse_definition(p, name, errp);
}

/* template and block. */
static bool parse_call(struct parser *p, struct node *node, bool is_block, struct err **errp)
{
    const char *context = is_block ? "block clause" : "template clause";

    node->kind = NODE_TEMPLATE;
    if (!parse_template_name(p, context, &node->name, errp))
        return false;
    if ((is_block || p->token.kind != TOKEN_RIGHT) &&
        !pipeline_parse(p, context, TOKEN_RIGHT, &node->pipeline, errp))
        return false;
    return !is_block || parse_definition(p, node->name, errp);
}

static bool parse_loop_control(struct parser *p, struct node *node, struct err **errp)
{
    const char *word = node->kind == NODE_BREAK ? "break" : "continue";

    if (p->n_loops == 0)
        return lexer_fail(&p->lexer, p->token.pos, errp, "{{%s}} outside {{range}}", word);
    return expect_right(p, word, errp);
}

static bool parse_action(struct parser *p, struct node_list *list, struct err **errp)
{
    static const struct {
        const char *word;
        enum node_kind kind;
    } controls[] = { { "if", NODE_IF }, { "with", NODE_WITH }, { "range", NODE_RANGE } };
    size_t pos = p->token.pos;
    struct node *node;

    if (parser_at_word(p, "define"))
        return parser_advance(p, errp) && parse_define(p, errp);
    node = vec_push(list);
    node->pos = pos;
    for (size_t i = 0; i < COUNT(controls); i++) {
        if (!parser_at_word(p, controls[i].word))
            continue;
        node->kind = controls[i].kind;
        return parser_advance(p, errp) && parse_control(p, node, controls[i].word, errp);
    }
    if (parser_at_word(p, "template") || parser_at_word(p, "block")) {
        bool is_block = parser_at_word(p, "block");

        return parser_advance(p, errp) && parse_call(p, node, is_block, errp);
    }
    if (parser_at_word(p, "break") || parser_at_word(p, "continue")) {
        node->kind = parser_at_word(p, "break") ? NODE_BREAK : NODE_CONTINUE;
        return parser_advance(p, errp) && parse_loop_control(p, node, errp);
    }
    node->kind = NODE_PIPELINE;
    return pipeline_parse(p, "command", TOKEN_RIGHT, &node->pipeline, errp);
}

/* Until {{end}}, whose "}}" is then the current token, until {{else, or to the end of the text. */
static bool parse_list(struct parser *p, struct node_list *list, enum list_end *out_end,
                       struct err **errp)
{
    for (;;) {
        if (p->token.kind == TOKEN_EOF) {
            *out_end = END_EOF;
            return true;
        }
        if (p->token.kind == TOKEN_TEXT) {
            *vec_push(list) =
                (struct node){ .kind = NODE_TEXT, .pos = p->token.pos, .text = p->token.text };
            if (!parser_advance(p, errp))
                return false;
            continue;
        }
        if (!parser_advance(p, errp)) /* {{ */
            return false;
        if (parser_at_word(p, "end") || parser_at_word(p, "else")) {
            bool is_end = parser_at_word(p, "end");

            *out_end = is_end ? END_END : END_ELSE;
            return parser_advance(p, errp) && (!is_end || expect_right(p, "end", errp));
        }
        if (!parse_action(p, list, errp) || !parser_advance(p, errp)) /* }} */
            return false;
    }
}

bool gotmpl_parse_text(struct gotmpl *t, struct err **errp)
{
    struct parser p = { .tmpl = t, .lexer = { .name = t->name, .text = sv_of(t->text) } };
    enum list_end end = END_EOF;
    bool ok;

    t->defined.free_value = node_list_free;
    strv_push(&p.variables, "$");
    ok = parser_advance(&p, errp) && parse_list(&p, &t->body, &end, errp);
    strv_done(&p.variables);
    return ok && (end == END_EOF || lexer_fail(&p.lexer, p.token.pos, errp, "unexpected {{%s}}",
                                               end == END_END ? "end" : "else"));
}

void gotmpl_free(struct gotmpl *t)
{
    if (!t)
        return;
    node_list_done(&t->body);
    map_done(&t->defined);
    free(t->name);
    free(t->text);
    free(t);
}
