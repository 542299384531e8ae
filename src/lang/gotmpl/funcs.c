#include <ctype.h>

#include "base/quote.h"
#include "lang/gotmpl/gotmpl_priv.h"
#include "lang/json/json.h"
#include "lang/yaml/yaml_text.h"

static bool give_bool(struct exec *x, bool flag, value *out)
{
    *out = exec_keep(x, json_boolean(flag));
    return true;
}

static struct sv text_of(value v)
{
    return (struct sv){ json_string_value(v), json_string_length(v) };
}

static bool call_not(struct exec *x, const value *args, size_t n, value *out, struct err **errp)
{
    return give_bool(x, !value_is_true(args[0]), out);
}

static bool call_len(struct exec *x, const value *args, size_t n, value *out, struct err **errp)
{
    size_t len;

    if (json_is_string(args[0]))
        len = json_string_length(args[0]);
    else if (json_is_array(args[0]))
        len = json_array_size(args[0]);
    else if (json_is_object(args[0]))
        len = json_object_size(args[0]);
    else if (!args[0] || json_is_null(args[0]))
        return err_set(errp, ERR_INVALID, "len of nil pointer");
    else
        return err_set(errp, ERR_INVALID, "len of type %s", value_type(args[0]));
    *out = exec_keep(x, json_integer((json_int_t)len));
    return true;
}

static bool to_index(value v, size_t limit, size_t *out, struct err **errp)
{
    if (!json_is_integer(v))
        return err_set(errp, ERR_INVALID, "cannot index slice/array with type %s", value_type(v));
    if (json_integer_value(v) < 0 || (uint64_t)json_integer_value(v) >= limit)
        return err_set(errp, ERR_INVALID, "index out of range: %" JSON_INTEGER_FORMAT,
                       json_integer_value(v));
    *out = (size_t)json_integer_value(v);
    return true;
}

static bool call_index(struct exec *x, const value *args, size_t n, value *out, struct err **errp)
{
    value v = args[0];

    for (size_t i = 1; i < n; i++) {
        size_t at;

        if (json_is_object(v)) {
            if (!json_is_string(args[i]))
                return err_set(errp, ERR_INVALID, "value has type %s; should be string",
                               value_type(args[i]));
            v = json_object_get(v, json_string_value(args[i]));
        } else if (json_is_array(v)) {
            if (!to_index(args[i], json_array_size(v), &at, errp))
                return false;
            v = json_array_get(v, at);
        } else if (json_is_string(v)) {
            if (!to_index(args[i], json_string_length(v), &at, errp))
                return false;
            v = exec_keep(x, json_integer((unsigned char)json_string_value(v)[at]));
        } else if (!v || json_is_null(v)) {
            return err_set(errp, ERR_INVALID, "index of untyped nil");
        } else {
            return err_set(errp, ERR_INVALID, "can't index item of type %s", value_type(v));
        }
    }
    *out = v;
    return true;
}

static bool call_slice(struct exec *x, const value *args, size_t n, value *out, struct err **errp)
{
    bool is_string = json_is_string(args[0]);
    size_t len = is_string ? json_string_length(args[0]) : json_array_size(args[0]);
    size_t ends[2] = { 0, len };

    if (!is_string && !json_is_array(args[0]))
        return err_set(errp, ERR_INVALID, "can't slice item of type %s", value_type(args[0]));
    for (size_t i = 1; i < n; i++)
        if (!to_index(args[i], len + 1, &ends[i - 1], errp))
            return false;
    if (ends[0] > ends[1])
        return err_set(errp, ERR_INVALID, "invalid slice index: %zu > %zu", ends[0], ends[1]);
    if (is_string) {
        auto_sb struct sb part = { .limit = GOTMPL_MAX_OUTPUT };

        sb_put(&part, sv_slice(text_of(args[0]), ends[0], ends[1]));
        return exec_keep_text(x, &part, out, errp);
    }

    json_t *part = json_array();

    for (size_t i = ends[0]; i < ends[1]; i++)
        json_array_append(part, json_array_get(args[0], i));
    *out = exec_keep(x, part);
    return exec_spend(x, ends[1] * sizeof(part), errp);
}

/* Sprint puts a blank between two operands when neither is a string. */
static bool call_print(struct exec *x, const value *args, size_t n, value *out, struct err **errp)
{
    auto_sb struct sb text = { .limit = GOTMPL_MAX_OUTPUT };

    for (size_t i = 0; i < n; i++) {
        if (i > 0 && !json_is_string(args[i]) && !json_is_string(args[i - 1]))
            sb_putc(&text, ' ');
        format_value(&text, args[i]);
    }
    return exec_keep_text(x, &text, out, errp);
}

static bool call_println(struct exec *x, const value *args, size_t n, value *out, struct err **errp)
{
    auto_sb struct sb text = { .limit = GOTMPL_MAX_OUTPUT };

    for (size_t i = 0; i < n; i++) {
        sb_puts(&text, i > 0 ? " " : "");
        format_value(&text, args[i]);
    }
    sb_putc(&text, '\n');
    return exec_keep_text(x, &text, out, errp);
}

static bool call_printf(struct exec *x, const value *args, size_t n, value *out, struct err **errp)
{
    auto_sb struct sb text = { .limit = GOTMPL_MAX_OUTPUT };

    if (!json_is_string(args[0]))
        return err_set(errp, ERR_INVALID, "wrong type for value; expected string; got %s",
                       value_type(args[0]));
    format_printf(&text, text_of(args[0]), args + 1, n - 1);
    return exec_keep_text(x, &text, out, errp);
}

/* The arguments as one text, for the escaping functions. */
static void join_args(const value *args, size_t n, struct sb *out)
{
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && !json_is_string(args[i]) && !json_is_string(args[i - 1]))
            sb_putc(out, ' ');
        format_value(out, args[i]);
    }
}

static bool call_html(struct exec *x, const value *args, size_t n, value *out, struct err **errp)
{
    auto_sb struct sb in = { .limit = GOTMPL_MAX_OUTPUT }, text = { .limit = GOTMPL_MAX_OUTPUT };

    join_args(args, n, &in);
    for (size_t i = 0; i < in.n; i++) {
        char c = in.p[i];

        if (c == '\0')
            sb_puts(&text, "\xef\xbf\xbd");
        else if (c == '"' || c == '\'')
            sb_puts(&text, c == '"' ? "&#34;" : "&#39;");
        else if (c == '&')
            sb_puts(&text, "&amp;");
        else if (c == '<' || c == '>')
            sb_puts(&text, c == '<' ? "&lt;" : "&gt;");
        else
            sb_putc(&text, c);
    }
    return exec_keep_text(x, &text, out, errp);
}

static bool call_js(struct exec *x, const value *args, size_t n, value *out, struct err **errp)
{
    auto_sb struct sb in = { .limit = GOTMPL_MAX_OUTPUT }, text = { .limit = GOTMPL_MAX_OUTPUT };

    join_args(args, n, &in);
    for (size_t i = 0; i < in.n; i++) {
        unsigned char c = (unsigned char)in.p[i];

        if (c == '\\' || c == '\'' || c == '"')
            sb_putf(&text, "\\%c", c);
        else if (c < 0x20 || strchr("<>&=", c))
            sb_putf(&text, "\\u%04X", c);
        else
            sb_putc(&text, (char)c);
    }
    return exec_keep_text(x, &text, out, errp);
}

static bool call_urlquery(struct exec *x, const value *args, size_t n, value *out,
                          struct err **errp)
{
    auto_sb struct sb in = { .limit = GOTMPL_MAX_OUTPUT }, text = { .limit = GOTMPL_MAX_OUTPUT };

    join_args(args, n, &in);
    for (size_t i = 0; i < in.n; i++) {
        unsigned char c = (unsigned char)in.p[i];

        if (isalnum(c) || (c && strchr("-_.~", c)))
            sb_putc(&text, (char)c);
        else if (c == ' ')
            sb_putc(&text, '+');
        else
            sb_putf(&text, "%%%02X", c);
    }
    return exec_keep_text(x, &text, out, errp);
}

/* ---- comparison ---- */

enum basic { BASIC_NIL, BASIC_BOOL, BASIC_INT, BASIC_FLOAT, BASIC_STRING, BASIC_NONE };

static enum basic basic_kind(value v)
{
    switch (v ? json_typeof(v) : JSON_NULL) {
    case JSON_NULL:
        return BASIC_NIL;
    case JSON_TRUE:
    case JSON_FALSE:
        return BASIC_BOOL;
    case JSON_INTEGER:
        return BASIC_INT;
    case JSON_REAL:
        return BASIC_FLOAT;
    case JSON_STRING:
        return BASIC_STRING;
    default:
        return BASIC_NONE;
    }
}

static bool equals(value a, value b, bool *out, struct err **errp)
{
    enum basic ka = basic_kind(a), kb = basic_kind(b);

    if (ka == BASIC_NONE || kb == BASIC_NONE)
        return err_set(errp, ERR_INVALID, "non-comparable type %s",
                       value_type(ka == BASIC_NONE ? a : b));
    if (ka != kb && ka != BASIC_NIL && kb != BASIC_NIL)
        return err_set(errp, ERR_INVALID, "incompatible types for comparison");
    *out = ka == kb && (ka == BASIC_NIL || json_equal(a, b));
    return true;
}

static bool less(value a, value b, bool *out, struct err **errp)
{
    enum basic ka = basic_kind(a), kb = basic_kind(b);

    if (ka == BASIC_NIL || ka == BASIC_NONE || ka == BASIC_BOOL || kb == BASIC_NIL ||
        kb == BASIC_NONE || kb == BASIC_BOOL)
        return err_set(errp, ERR_INVALID, "invalid type for comparison");
    if (ka != kb)
        return err_set(errp, ERR_INVALID, "incompatible types for comparison");
    if (ka == BASIC_STRING)
        *out = strcmp(json_string_value(a), json_string_value(b)) < 0;
    else if (ka == BASIC_INT)
        *out = json_integer_value(a) < json_integer_value(b);
    else
        *out = json_real_value(a) < json_real_value(b);
    return true;
}

static bool call_eq(struct exec *x, const value *args, size_t n, value *out, struct err **errp)
{
    bool same = false;

    if (n < 2)
        return err_set(errp, ERR_INVALID, "missing argument for comparison");
    for (size_t i = 1; i < n && !same; i++)
        if (!equals(args[0], args[i], &same, errp))
            return false;
    return give_bool(x, same, out);
}

static bool call_ne(struct exec *x, const value *args, size_t n, value *out, struct err **errp)
{
    bool same;

    return equals(args[0], args[1], &same, errp) && give_bool(x, !same, out);
}

static bool call_lt(struct exec *x, const value *args, size_t n, value *out, struct err **errp)
{
    bool is_less;

    return less(args[0], args[1], &is_less, errp) && give_bool(x, is_less, out);
}

static bool call_ge(struct exec *x, const value *args, size_t n, value *out, struct err **errp)
{
    bool is_less;

    return less(args[0], args[1], &is_less, errp) && give_bool(x, !is_less, out);
}

static bool call_gt(struct exec *x, const value *args, size_t n, value *out, struct err **errp)
{
    bool is_less;

    return less(args[1], args[0], &is_less, errp) && give_bool(x, is_less, out);
}

static bool call_le(struct exec *x, const value *args, size_t n, value *out, struct err **errp)
{
    bool is_less;

    return less(args[1], args[0], &is_less, errp) && give_bool(x, !is_less, out);
}

static bool call_call(struct exec *x, const value *args, size_t n, value *out, struct err **errp)
{
    return err_set(errp, ERR_INVALID, "non-function of type %s", value_type(args[0]));
}

/* ---- for list --format ---- */

static bool call_json(struct exec *x, const value *args, size_t n, value *out, struct err **errp)
{
    auto_sb struct sb text = { .limit = GOTMPL_MAX_OUTPUT };

    json_put(&text, exec_encoded(x, args[0]), JSON_STYLE_COMPACT);
    return exec_keep_text(x, &text, out, errp);
}

static bool call_yaml(struct exec *x, const value *args, size_t n, value *out, struct err **errp)
{
    auto_yaml_doc struct yaml_doc *doc = yaml_from_json(exec_encoded(x, args[0]));
    auto_sb struct sb text = { .limit = GOTMPL_MAX_OUTPUT };

    sb_puts(&text, "---\n");
    yaml_emit(&text, doc);
    return exec_keep_text(x, &text, out, errp);
}

static bool call_indent(struct exec *x, const value *args, size_t n, value *out, struct err **errp)
{
    auto_sb struct sb text = { .limit = GOTMPL_MAX_OUTPUT };
    json_int_t width = n > 1 ? json_integer_value(args[0]) : 2;
    value v = args[n - 1];
    bool at_start = true;
    struct sv in;

    if ((n > 1 && !json_is_integer(args[0])) || !json_is_string(v))
        return err_set(errp, ERR_INVALID, "expected an optional number and a string");
    if (width < 0 || width > 1000)
        return err_set(errp, ERR_INVALID, "cannot indent by %" JSON_INTEGER_FORMAT, width);
    in = text_of(v);
    for (size_t i = 0; i < in.n; i++) {
        for (json_int_t k = 0; at_start && in.p[i] != '\n' && k < width; k++)
            sb_putc(&text, ' ');
        at_start = in.p[i] == '\n';
        sb_putc(&text, in.p[i]);
    }
    return exec_keep_text(x, &text, out, errp);
}

static bool call_missing(struct exec *x, const value *args, size_t n, value *out, struct err **errp)
{
    value v = args[n - 1];

    if (!json_is_string(v) || (n > 1 && !json_is_string(args[0])))
        return err_set(errp, ERR_INVALID, "expected an optional replacement and a string");
    if (json_string_length(v) > 0)
        *out = v;
    else
        *out = n > 1 ? args[0] : exec_keep(x, json_string("<missing>"));
    return true;
}

static const struct function functions[] = {
    { "and", NULL, 1, -1, false },
    { "or", NULL, 1, -1, false },
    { "not", call_not, 1, 1, false },
    { "len", call_len, 1, 1, false },
    { "index", call_index, 1, -1, false },
    { "slice", call_slice, 1, 3, false },
    { "print", call_print, 0, -1, false },
    { "printf", call_printf, 1, -1, false },
    { "println", call_println, 0, -1, false },
    { "html", call_html, 0, -1, false },
    { "js", call_js, 0, -1, false },
    { "urlquery", call_urlquery, 0, -1, false },
    { "call", call_call, 1, -1, false },
    { "eq", call_eq, 1, -1, false },
    { "ne", call_ne, 2, 2, false },
    { "lt", call_lt, 2, 2, false },
    { "le", call_le, 2, 2, false },
    { "gt", call_gt, 2, 2, false },
    { "ge", call_ge, 2, 2, false },
    { "json", call_json, 1, 1, true },
    { "yaml", call_yaml, 1, 1, true },
    { "indent", call_indent, 1, 2, true },
    { "missing", call_missing, 1, 2, true },
};

const struct function *function_find(const char *name, unsigned flags)
{
    for (size_t i = 0; i < COUNT(functions); i++)
        if (str_eq(functions[i].name, name) &&
            (!functions[i].is_for_lists || (flags & GOTMPL_LIST_FUNCS)))
            return &functions[i];
    return NULL;
}
