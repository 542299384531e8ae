#include "instance/event.h"

#include <string.h>

#include "base/mem.h"
#include "base/quote.h"
#include "base/rfc3339.h"
#include "lang/json/json.h"

/* Longest text taken from a log line; the rest is cut. */
#define TEXT_MAX ((size_t)64 * 1024)

/*
 * Events.
 */

static bool get_time(const json_t *line, int64_t *out, struct err **errp)
{
    const char *text;

    if (!json_get_str(line, "time", &text, errp))
        return false;
    if (!rfc3339_parse(sv_of(text), out))
        return err_set(errp, ERR_INVALID, "`time` is no time stamp");
    return true;
}

static bool get_errors(const json_t *status, struct strv *out, struct err **errp)
{
    json_t *errors = NULL;
    json_t *item;
    size_t i;

    if (!json_opt_array(status, "errors", &errors, errp))
        return false;
    json_array_foreach(errors, i, item) {
        if (!json_is_string(item))
            return err_set(errp, ERR_INVALID, "`errors` must hold strings");
        strv_push(out, json_string_value(item));
    }
    return true;
}

static bool get_progress(const json_t *status, struct event *out, struct err **errp)
{
    json_t *progress = NULL;
    const char *line = NULL;

    if (!json_opt_object(status, "cloudInitProgress", &progress, errp))
        return false;
    if (!progress)
        return true;
    if (!json_opt_str(progress, "logLine", &line, errp) ||
        !json_opt_bool(progress, "completed", &out->progress_completed, errp))
        return false;
    out->has_progress = true;
    out->progress_line = mem_strdup(line);
    return true;
}

static bool get_event(const json_t *line, struct event *out, struct err **errp)
{
    json_t *status;

    return json_get_object(line, "status", &status, errp) && get_time(line, &out->time_ns, errp) &&
           json_opt_bool(status, "running", &out->running, errp) &&
           json_opt_bool(status, "degraded", &out->degraded, errp) &&
           json_opt_bool(status, "exiting", &out->exiting, errp) &&
           json_opt_i64(status, "sshLocalPort", &out->ssh_port, errp) &&
           get_errors(status, &out->errors, errp) && get_progress(status, out, errp);
}

bool event_decode(struct sv line, struct event *out, struct err **errp)
{
    auto_err struct err *why = NULL;
    auto_json json_t *value = json_parse(line, &why);

    *out = (struct event){ 0 };
    if (value && json_is_object(value) && get_event(value, out, &why))
        return true;
    event_done(out);
    return err_set(errp, ERR_PROTOCOL, "not an event of the host agent: %s",
                   why ? err_text(why) : "no object");
}

void event_done(struct event *event)
{
    strv_done(&event->errors);
    free(event->progress_line);
    *event = (struct event){ 0 };
}

/*
 * Log lines.
 */

/* Text for our own log: line feeds and tabs stay, other control characters do not. */
static char *clean(const char *text)
{
    auto_sb struct sb out = { .limit = TEXT_MAX };
    struct sv rest = { text, strnlen(text, TEXT_MAX / 4) };
    struct sv part;

    while (rest.n > 0) {
        size_t n = 0;

        while (n < rest.n && rest.p[n] != '\n' && rest.p[n] != '\t')
            n++;
        part = sv_slice(rest, 0, n);
        auto_mem char *printable = quote_printable(part, TEXT_MAX);

        sb_puts(&out, printable);
        if (n < rest.n)
            sb_putc(&out, rest.p[n]);
        rest = sv_slice(rest, n < rest.n ? n + 1 : n, rest.n);
    }
    return sb_steal(&out);
}

static bool is_own_key(const char *key)
{
    return strcmp(key, "level") == 0 || strcmp(key, "msg") == 0 || strcmp(key, "time") == 0;
}

static void add_field(struct event_log *out, const char *key, json_t *value)
{
    auto_mem char *text = json_is_string(value) ? mem_strdup(json_string_value(value))
                                                : json_text(value, JSON_STYLE_COMPACT);

    strv_push_take(&out->texts, clean(key));
    strv_push_take(&out->texts, clean(text));
    out->fields = mem_resize(out->fields, out->n_fields + 1, sizeof(*out->fields));
    out->fields[out->n_fields++] = (struct log_field){
        .key = out->texts.v[out->texts.n - 2],
        .value = out->texts.v[out->texts.n - 1],
    };
}

void event_log_decode(struct sv line, struct event_log *out)
{
    auto_json json_t *value = json_parse(line, NULL);
    const char *text = NULL, *level = NULL, *when = NULL;
    const char *key;
    json_t *member;

    *out = (struct event_log){ .level = LOG_INFO };
    if (!value || !json_is_object(value) || !json_get_str(value, "level", &level, NULL) ||
        !log_level_parse(level, &out->level) || !json_opt_str(value, "msg", &text, NULL)) {
        auto_mem char *whole = sv_dup(line);

        out->level = LOG_INFO;
        out->text = clean(whole);
        return;
    }
    if (out->level > LOG_ERROR)
        out->level = LOG_ERROR;
    out->text = clean(text ? text : "");
    if (json_get_str(value, "time", &when, NULL) && !rfc3339_parse(sv_of(when), &out->time_ns))
        out->time_ns = 0;
    json_object_foreach(value, key, member) {
        if (!is_own_key(key))
            add_field(out, key, member);
    }
}

void event_log_done(struct event_log *log)
{
    free(log->fields);
    strv_done(&log->texts);
    free(log->text);
    *log = (struct event_log){ 0 };
}
