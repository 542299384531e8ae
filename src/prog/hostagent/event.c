#include "prog/hostagent/event.h"

#include <errno.h>
#include <jansson.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/rfc3339.h"
#include "lang/json/json.h"
#include "sys/file.h"
#include "sys/host.h"

static void put_true(json_t *object, const char *key, bool value)
{
    if (value)
        (void)json_object_set_new(object, key, json_true());
}

static json_t *string_of(const char *text)
{
    json_t *value = json_string(text);

    return value ? value : json_string(""); /* not UTF-8 */
}

static json_t *progress_json(const struct event_progress *progress)
{
    json_t *object = json_object();

    if (progress->log_line && *progress->log_line)
        (void)json_object_set_new(object, "logLine", string_of(progress->log_line));
    put_true(object, "completed", progress->completed);
    put_true(object, "active", progress->active);
    return object;
}

static json_t *status_json(const struct event_status *status)
{
    json_t *object = json_object();

    put_true(object, "running", status->running);
    put_true(object, "degraded", status->degraded);
    put_true(object, "exiting", status->exiting);
    if (status->errors.n) {
        json_t *errors = json_array();

        for (size_t i = 0; i < status->errors.n; i++)
            (void)json_array_append_new(errors, string_of(status->errors.v[i]));
        (void)json_object_set_new(object, "errors", errors);
    }
    if (status->ssh_port)
        (void)json_object_set_new(object, "sshLocalPort", json_integer(status->ssh_port));
    if (status->progress.is_set)
        (void)json_object_set_new(object, "cloudInitProgress", progress_json(&status->progress));
    return object;
}

void event_encode(struct sb *out, int64_t now_ns, int offset_s, const struct event_status *status)
{
    auto_sb struct sb time_text = { 0 };
    auto_json json_t *line = json_object();

    rfc3339_format(&time_text, now_ns, offset_s, true);
    (void)json_object_set_new(line, "time", json_string(sb_str(&time_text)));
    (void)json_object_set_new(line, "status", status_json(status));
    json_put(out, line, JSON_STYLE_COMPACT_HTML);
    sb_putc(out, '\n');
}

static int local_offset_s(int64_t now_ns)
{
    time_t now = (time_t)(now_ns / 1000000000);
    struct tm local = { 0 };

    return localtime_r(&now, &local) ? (int)local.tm_gmtoff : 0;
}

static void emit(struct events *events)
{
    auto_sb struct sb line = { 0 };
    auto_err struct err *err = NULL;
    int64_t now_ns = host_realtime_ns();

    event_encode(&line, now_ns, local_offset_s(now_ns), &events->last);
    if (!file_write_fd(events->fd, "an event", sb_view(&line), &err))
        log_error("%s", err_text(err));
    else if (fsync(events->fd) < 0 && errno != EINVAL && errno != EROFS) /* pipes, terminals */
        log_debug("cannot sync an event: %s", strerror(errno));
}

static void status_done(struct event_status *status)
{
    strv_done(&status->errors);
    free(status->progress.log_line);
    *status = (struct event_status){ 0 };
}

void events_started(struct events *events, uint16_t ssh_port)
{
    status_done(&events->last);
    events->last.ssh_port = ssh_port;
    emit(events);
}

void events_progress(struct events *events, const char *log_line, bool completed)
{
    struct event_progress *progress = &events->last.progress;

    mem_replace(&progress->log_line, mem_strdup(log_line));
    progress->is_set = true;
    progress->completed = completed;
    progress->active = !completed;
    emit(events);
}

void events_running(struct events *events, uint16_t ssh_port, const struct strv *errors)
{
    status_done(&events->last);
    events->last.running = true;
    events->last.ssh_port = ssh_port;
    events->last.degraded = errors->n > 0;
    strv_extend(&events->last.errors, errors);
    emit(events);
}

void events_exiting(struct events *events)
{
    status_done(&events->last);
    events->last.exiting = true;
    emit(events);
}

void events_done(struct events *events)
{
    status_done(&events->last);
}
