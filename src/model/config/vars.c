#include "model/config/vars.h"

#include "base/sb.h"
#include "base/sv.h"

/* The value that ".A.B" names; NULL in *out_value: a missing key of a map. */
static bool resolve(const json_t *vars, struct sv path, const json_t **out_value, struct err **errp)
{
    const json_t *value = vars;
    struct sv rest = sv_slice(path, 1, path.n), name;
    bool top = true;

    while (sv_next(&rest, '.', &name)) {
        auto_mem char *key = sv_dup(name);

        value = json_object_get(value, key);
        if (!value && top)
            return err_set(errp, ERR_INVALID, "can't evaluate field %s", key);
        top = false;
    }
    *out_value = value;
    return true;
}

static void put_value(struct sb *out, const json_t *value)
{
    if (json_is_string(value))
        sb_puts(out, json_string_value(value));
    else if (json_is_integer(value))
        sb_putf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else
        sb_puts(out, "<no value>");
}

bool vars_expand(const char *text, const json_t *vars, char **out_text, struct err **errp)
{
    auto_sb struct sb out = { 0 };
    const char *p = text, *open, *close;

    while ((open = strstr(p, "{{"))) {
        const json_t *value = NULL;
        struct sv action;

        close = strstr(open, "}}");
        if (!close)
            return err_set(errp, ERR_INVALID, "unclosed action");
        action = sv_trim((struct sv){ open + 2, (size_t)(close - open) - 2 });
        if (action.n < 2 || action.p[0] != '.' || strcspn(action.p, " |()\"`$-}") < action.n)
            return err_set(errp, ERR_UNSUPPORTED, "action {{%.*s}} is not supported",
                           SV_ARG(action));
        if (!resolve(vars, action, &value, errp))
            return false;
        sb_put_mem(&out, p, (size_t)(open - p));
        put_value(&out, value);
        p = close + 2;
    }
    sb_puts(&out, p);
    *out_text = sb_steal(&out);
    return true;
}
