#include "base/mem.h"
#include "lang/gotmpl/parse_priv.h"

static bool has_variable(const struct parser *p, const char *name)
{
    return strv_has(&p->variables, name);
}

static bool parse_name(struct parser *p, struct arg *arg, struct err **errp)
{
    if (parser_at_word(p, "true") || parser_at_word(p, "false")) {
        arg->kind = ARG_CONSTANT;
        arg->constant = json_boolean(parser_at_word(p, "true"));
        return true;
    }
    if (parser_at_word(p, "nil")) {
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
        if (!constant_parse_string(p, arg, errp))
            return false;
        break;
    case TOKEN_NUMBER:
        arg->kind = ARG_CONSTANT;
        if (!constant_parse_number(p, arg, errp))
            return false;
        break;
    case TOKEN_OPEN:
        arg->kind = ARG_CHAIN;
        if (!parser_advance(p, errp) ||
            !pipeline_parse(p, "parenthesized pipeline", TOKEN_CLOSE, &arg->pipeline, errp))
            return false;
        break;
    default:
        if (!parse_name(p, arg, errp))
            return false;
    }
    return parser_advance(p, errp);
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
                              SV_ARG(parser_source(p, start)));
        if (arg->kind == ARG_DOT)
            arg->kind = ARG_FIELD;
        strv_push_sv(&arg->fields, sv_slice(p->token.text, 1, p->token.text.n));
        if (first)
            arg->pos = p->token.pos; /* where Go says that a chain is */
        first = false;
        if (!parser_advance(p, errp))
            return false;
    }
    arg->source = parser_source(p, start);
    return true;
}

static bool parse_command(struct parser *p, struct command *command, enum token_kind end,
                          struct err **errp)
{
    command->pos = p->token.pos;
    while (starts_operand(p)) {
        if (command->n > 0 && !p->space_before)
            return parser_unexpected(p, "operand", errp);
        if (!parse_operand(p, vec_push(command), errp))
            return false;
    }
    if (command->n == 0)
        return p->token.kind == end || p->token.kind == TOKEN_PIPE
                   ? lexer_fail(&p->lexer, p->token.pos, errp, "empty command")
                   : parser_unexpected(p, "command", errp);
    command->source = parser_source(p, command->pos);
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
    if (!parser_advance(p, errp))
        return false;
    if (p->token.kind == TOKEN_COMMA && str_eq(context, "range")) {
        if (!parser_advance(p, errp))
            return false;
        if (p->token.kind != TOKEN_VARIABLE)
            return parser_unexpected(p, "range", errp);
        second = sv_dup(p->token.text);
        if (!parser_advance(p, errp))
            return false;
    }
    if (p->token.kind != TOKEN_DECLARE && p->token.kind != TOKEN_ASSIGN) {
        if (second)
            return parser_unexpected(p, context, errp);
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
    return parser_advance(p, errp);
}

/* Up to the token end, which is left for the caller. */
bool pipeline_parse(struct parser *p, const char *context, enum token_kind end,
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
            return parser_unexpected(p, context, errp);
        if (!parser_advance(p, errp))
            return false;
    }
    pipeline->source = parser_source(p, pipeline->pos);
    for (unsigned i = 0; !pipeline->is_assignment && i < pipeline->n_variables; i++)
        strv_push(&p->variables, pipeline->variables[i]);
    p->depth--;
    return true;
}

void pipeline_free(struct pipeline *pipeline)
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
