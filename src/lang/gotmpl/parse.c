#include "lang/gotmpl/gotmpl_priv.h"

#include <math.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/quote.h"
#include "base/strv.h"

struct parser {
    struct gotmpl *tmpl;
    struct lexer lexer;
    struct token token; /* the current one; blanks are skipped, space_before remembers them */
    bool space_before;
    size_t last_end;       /* end of the token before the current one */
    struct strv variables; /* in scope */
    int depth;
    int n_loops; /* around the current action */
};

static bool advance(struct parser *p, struct err **errp)
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

static bool unexpected(struct parser *p, const char *context, struct err **errp)
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

static bool is_word(const struct parser *p, const char *word)
{
    return p->token.kind == TOKEN_IDENTIFIER && sv_eq_str(p->token.text, word);
}

static struct sv source_from(const struct parser *p, size_t start)
{
    return sv_slice(p->lexer.text, start, p->last_end);
}

/* ---- constants ---- */

static bool put_hex(struct sb *out, struct sv digits, bool is_byte)
{
    uint64_t rune;

    if (!parse_u64_base(digits, 16, &rune) || rune > 0x10ffff)
        return false;
    if (is_byte)
        sb_putc(out, (char)rune);
    else
        utf8_put(out, (uint32_t)rune);
    return true;
}

/* The content of a quoted string without its quotes. */
static bool unquote(struct sv body, struct sb *out)
{
    static const char letters[] = "abfnrtv\\'\"", meanings[] = "\a\b\f\n\r\t\v\\'\"";

    for (size_t i = 0; i < body.n; i++) {
        const char *letter;
        char c = body.p[i];

        if (c != '\\') {
            sb_putc(out, c);
            continue;
        }
        if (++i >= body.n)
            return false;
        c = body.p[i];
        letter = strchr(letters, c);
        if (c && letter) {
            sb_putc(out, meanings[letter - letters]);
        } else if (c == 'x' || c == 'u' || c == 'U') {
            size_t n = c == 'x' ? 2 : c == 'u' ? 4 : 8;

            if (i + n >= body.n)
                return false;
            if (!put_hex(out, sv_slice(body, i + 1, i + 1 + n), c == 'x'))
                return false;
            i += n;
        } else {
            return false;
        }
    }
    return true;
}

static json_t *string_constant(const char *bytes, size_t n)
{
    json_t *text = json_stringn(bytes, n);

    return text ? text : json_string("\xef\xbf\xbd"); /* \xff alone is no text */
}

static bool parse_string(struct parser *p, struct arg *arg, struct err **errp)
{
    struct sv body = sv_slice(p->token.text, 1, p->token.text.n - 1);
    auto_sb struct sb out = { 0 };
    uint32_t rune;

    if (p->token.text.p[0] == '`')
        sb_put(&out, body);
    else if (!unquote(body, &out))
        return lexer_fail(&p->lexer, p->token.pos, errp, "invalid syntax");
    if (p->token.kind == TOKEN_CHAR) {
        if (utf8_decode(sb_view(&out), &rune) != out.n || out.n == 0)
            return lexer_fail(&p->lexer, p->token.pos, errp, "malformed character constant: %.*s",
                              SV_ARG(p->token.text));
        arg->constant = json_integer((json_int_t)rune);
    } else {
        arg->constant = string_constant(sb_str(&out), out.n);
    }
    return true;
}

static bool parse_number(struct parser *p, struct arg *arg, struct err **errp)
{
    struct sv text = p->token.text, digits = text;
    bool negative = text.p[0] == '-';
    uint64_t magnitude;
    double real;
    static const struct {
        const char *prefix;
        unsigned base;
    } bases[] = { { "0x", 16 }, { "0X", 16 }, { "0o", 8 }, { "0b", 2 }, { "", 10 } };

    if (negative || text.p[0] == '+')
        digits = sv_slice(text, 1, text.n);
    for (size_t i = 0; i < COUNT(bases); i++) {
        struct sv prefix = sv_of(bases[i].prefix);

        if (!sv_starts(digits, prefix) ||
            !parse_u64_base(sv_slice(digits, prefix.n, digits.n), bases[i].base, &magnitude) ||
            magnitude > INT64_MAX)
            continue;
        arg->constant = json_integer(negative ? -(json_int_t)magnitude : (json_int_t)magnitude);
        return true;
    }
    if (!parse_double(text, &real))
        return lexer_fail(&p->lexer, p->token.pos, errp, "bad number syntax: \"%.*s\"",
                          SV_ARG(text));
    arg->constant = json_real(real);
    return true;
}

/* ---- pipelines ---- */

static bool parse_pipeline(struct parser *p, const char *context, enum token_kind end,
                           struct pipeline **out, struct err **errp);

static bool has_variable(const struct parser *p, const char *name)
{
    return strv_has(&p->variables, name);
}

static bool parse_name(struct parser *p, struct arg *arg, struct err **errp)
{
    if (is_word(p, "true") || is_word(p, "false")) {
        arg->kind = ARG_CONSTANT;
        arg->constant = json_boolean(is_word(p, "true"));
        return true;
    }
    if (is_word(p, "nil")) {
        arg->kind = ARG_NIL;
        return true;
    }
    arg->kind = ARG_FUNCTION;
    arg->name = sv_dup(p->token.text);
    return function_find(arg->name, p->tmpl->flags) ||
           lexer_fail(&p->lexer, p->token.pos, errp, "function \"%s\" not defined", arg->name);
}

static bool parse_term(struct parser *p, struct arg *arg, struct err **errp)
{
    switch (p->token.kind) {
    case TOKEN_DOT:
        arg->kind = ARG_DOT;
        break;
    case TOKEN_FIELD:
        arg->kind = ARG_FIELD;
        strv_push_sv(&arg->fields, sv_slice(p->token.text, 1, p->token.text.n));
        break;
    case TOKEN_VARIABLE:
        arg->kind = ARG_VARIABLE;
        arg->name = sv_dup(p->token.text);
        if (!has_variable(p, arg->name))
            return lexer_fail(&p->lexer, p->token.pos, errp, "undefined variable \"%s\"",
                              arg->name);
        break;
    case TOKEN_STRING:
    case TOKEN_CHAR:
        arg->kind = ARG_CONSTANT;
        if (!parse_string(p, arg, errp))
            return false;
        break;
    case TOKEN_NUMBER:
        arg->kind = ARG_CONSTANT;
        if (!parse_number(p, arg, errp))
            return false;
        break;
    case TOKEN_OPEN:
        arg->kind = ARG_CHAIN;
        if (!advance(p, errp) ||
            !parse_pipeline(p, "parenthesized pipeline", TOKEN_CLOSE, &arg->pipeline, errp))
            return false;
        break;
    default:
        if (!parse_name(p, arg, errp))
            return false;
    }
    return advance(p, errp);
}

static bool starts_operand(const struct parser *p)
{
    switch (p->token.kind) {
    case TOKEN_DOT:
    case TOKEN_FIELD:
    case TOKEN_VARIABLE:
    case TOKEN_IDENTIFIER:
    case TOKEN_STRING:
    case TOKEN_CHAR:
    case TOKEN_NUMBER:
    case TOKEN_OPEN:
        return true;
    default:
        return false;
    }
}

/* A term and the fields behind it. */
static bool parse_operand(struct parser *p, struct arg *arg, struct err **errp)
{
    arg->pos = p->token.pos;

    size_t start = p->token.pos;
    bool first = true;

    if (!parse_term(p, arg, errp))
        return false;
    while (p->token.kind == TOKEN_FIELD && !p->space_before) {
        if (arg->kind == ARG_CONSTANT || arg->kind == ARG_NIL || arg->kind == ARG_FUNCTION)
            return lexer_fail(&p->lexer, p->token.pos, errp, "unexpected . after term \"%.*s\"",
                              SV_ARG(source_from(p, start)));
        if (arg->kind == ARG_DOT)
            arg->kind = ARG_FIELD;
        strv_push_sv(&arg->fields, sv_slice(p->token.text, 1, p->token.text.n));
        if (first)
            arg->pos = p->token.pos; /* where Go says that a chain is */
        first = false;
        if (!advance(p, errp))
            return false;
    }
    arg->source = source_from(p, start);
    return true;
}

static bool parse_command(struct parser *p, struct command *command, enum token_kind end,
                          struct err **errp)
{
    command->pos = p->token.pos;
    while (starts_operand(p)) {
        if (command->n > 0 && !p->space_before)
            return unexpected(p, "operand", errp);
        if (!parse_operand(p, vec_push(command), errp))
            return false;
    }
    if (command->n == 0)
        return p->token.kind == end || p->token.kind == TOKEN_PIPE
                   ? lexer_fail(&p->lexer, p->token.pos, errp, "empty command")
                   : unexpected(p, "command", errp);
    command->source = source_from(p, command->pos);
    return true;
}

/* "$x :=", "$x =", in range also "$i, $x :=". What is no declaration stays untouched. */
static bool parse_declaration(struct parser *p, const char *context, struct pipeline *pipeline,
                              struct err **errp)
{
    struct parser saved = *p;
    auto_mem char *first = NULL, *second = NULL;

    if (p->token.kind != TOKEN_VARIABLE)
        return true;
    first = sv_dup(p->token.text);
    if (!advance(p, errp))
        return false;
    if (p->token.kind == TOKEN_COMMA && str_eq(context, "range")) {
        if (!advance(p, errp))
            return false;
        if (p->token.kind != TOKEN_VARIABLE)
            return unexpected(p, "range", errp);
        second = sv_dup(p->token.text);
        if (!advance(p, errp))
            return false;
    }
    if (p->token.kind != TOKEN_DECLARE && p->token.kind != TOKEN_ASSIGN) {
        if (second)
            return unexpected(p, context, errp);
        p->lexer = saved.lexer;
        p->token = saved.token;
        p->space_before = saved.space_before;
        p->last_end = saved.last_end;
        return true;
    }
    pipeline->is_assignment = p->token.kind == TOKEN_ASSIGN;
    for (unsigned i = 0; i < 2; i++) {
        const char *name = i == 0 ? first : second;

        if (!name)
            continue;
        if (pipeline->is_assignment && !has_variable(p, name))
            return lexer_fail(&p->lexer, p->token.pos, errp, "undefined variable \"%s\"", name);
        pipeline->variables[pipeline->n_variables++] = mem_strdup(name);
    }
    return advance(p, errp);
}

/* Up to the token end, which is left for the caller. */
static bool parse_pipeline(struct parser *p, const char *context, enum token_kind end,
                           struct pipeline **out, struct err **errp)
{
    struct pipeline *pipeline = *out = mem_new(struct pipeline);

    if (++p->depth > GOTMPL_MAX_DEPTH)
        return lexer_fail(&p->lexer, p->token.pos, errp, "max expression depth exceeded");
    if (!parse_declaration(p, context, pipeline, errp))
        return false;
    pipeline->pos = p->token.pos;
    if (p->token.kind == end)
        return lexer_fail(&p->lexer, p->token.pos, errp, "missing value for %s", context);
    for (;;) {
        struct command *command = vec_push(pipeline);

        if (!parse_command(p, command, end, errp))
            return false;
        if (pipeline->n > 1 && command->v[0].kind != ARG_FUNCTION &&
            command->v[0].kind != ARG_FIELD && command->v[0].kind != ARG_CHAIN &&
            command->v[0].kind != ARG_VARIABLE)
            return lexer_fail(&p->lexer, command->pos, errp,
                              "non executable command in pipeline stage %zu", pipeline->n);
        if (p->token.kind == end)
            break;
        if (p->token.kind != TOKEN_PIPE)
            return unexpected(p, context, errp);
        if (!advance(p, errp))
            return false;
    }
    pipeline->source = source_from(p, pipeline->pos);
    for (unsigned i = 0; !pipeline->is_assignment && i < pipeline->n_variables; i++)
        strv_push(&p->variables, pipeline->variables[i]);
    p->depth--;
    return true;
}

/* ---- release ---- */

static void pipeline_free(struct pipeline *pipeline)
{
    if (!pipeline)
        return;
    free(pipeline->variables[0]);
    free(pipeline->variables[1]);
    for (size_t i = 0; i < pipeline->n; i++) {
        struct command *command = &pipeline->v[i];

        for (size_t k = 0; k < command->n; k++) {
            free(command->v[k].name);
            strv_done(&command->v[k].fields);
            json_decref(command->v[k].constant);
            pipeline_free(command->v[k].pipeline);
        }
        free(command->v);
    }
    free(pipeline->v);
    free(pipeline);
}

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
    return p->token.kind == TOKEN_RIGHT || unexpected(p, context, errp);
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
    if (!parse_pipeline(p, context, TOKEN_RIGHT, &node->pipeline, errp))
        return false;
    p->n_loops += is_loop;
    if (!advance(p, errp) || !parse_list(p, &node->body, &end, errp))
        return false;
    p->n_loops -= is_loop;
    if (end == END_ELSE) {
        /* "else if" is an "if" in the else part that shares the end; the same for "with". */
        bool chains = !is_loop && is_word(p, context);

        if (chains) {
            struct node *inner = vec_push(&node->other);

            inner->kind = node->kind;
            inner->pos = p->token.pos;
            if (!advance(p, errp) || !parse_control(p, inner, context, errp))
                return false;
            end = END_END;
        } else {
            if (!expect_right(p, "else", errp) || !advance(p, errp) ||
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
        return unexpected(p, context, errp);
    ok = parse_string(p, &arg, errp);
    if (ok)
        *out = mem_strdup(json_string_value(arg.constant));
    json_decref(arg.constant);
    return ok && advance(p, errp);
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
    ok = advance(p, errp) && parse_list(p, body, &end, errp);
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
        !parse_pipeline(p, context, TOKEN_RIGHT, &node->pipeline, errp))
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

    if (is_word(p, "define"))
        return advance(p, errp) && parse_define(p, errp);
    node = vec_push(list);
    node->pos = pos;
    for (size_t i = 0; i < COUNT(controls); i++) {
        if (!is_word(p, controls[i].word))
            continue;
        node->kind = controls[i].kind;
        return advance(p, errp) && parse_control(p, node, controls[i].word, errp);
    }
    if (is_word(p, "template") || is_word(p, "block")) {
        bool is_block = is_word(p, "block");

        return advance(p, errp) && parse_call(p, node, is_block, errp);
    }
    if (is_word(p, "break") || is_word(p, "continue")) {
        node->kind = is_word(p, "break") ? NODE_BREAK : NODE_CONTINUE;
        return advance(p, errp) && parse_loop_control(p, node, errp);
    }
    node->kind = NODE_PIPELINE;
    return parse_pipeline(p, "command", TOKEN_RIGHT, &node->pipeline, errp);
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
            if (!advance(p, errp))
                return false;
            continue;
        }
        if (!advance(p, errp)) /* {{ */
            return false;
        if (is_word(p, "end") || is_word(p, "else")) {
            bool is_end = is_word(p, "end");

            *out_end = is_end ? END_END : END_ELSE;
            return advance(p, errp) && (!is_end || expect_right(p, "end", errp));
        }
        if (!parse_action(p, list, errp) || !advance(p, errp)) /* }} */
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
    ok = advance(&p, errp) && parse_list(&p, &t->body, &end, errp);
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
