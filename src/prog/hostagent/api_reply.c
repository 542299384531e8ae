#include "prog/hostagent/api_reply.h"

#include "base/mem.h"
#include "lang/json/json.h"

void api_reply(struct http_exchange *x, const json_t *value)
{
    auto_mem char *text = json_text(value, JSON_STYLE_COMPACT_HTML);

    http_respond(x, 200, "application/json", sv_of(text));
}

void api_reply_error(struct http_exchange *x, unsigned status, const struct err *err)
{
    const char *hint = err_hint_text(err);

    http_respond_error(x, status, "%s%s%s", err_text(err), hint ? "; " : "", hint ? hint : "");
}

void api_reply_outcome(struct http_exchange *x, json_t *take_value, const struct err *err)
{
    auto_json json_t *value = take_value;

    if (err)
        api_reply_error(x, 500, err);
    else
        api_reply(x, value);
}

void api_reply_done(struct http_exchange *x, const struct err *err)
{
    if (err)
        api_reply_error(x, 500, err);
    else
        http_respond(x, 204, NULL, SV(""));
}
