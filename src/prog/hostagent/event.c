#include "prog/hostagent/event.h"

#include <errno.h>
#include <jansson.h>
#include <time.h>
#include <unistd.h>

#include "base/enum.h"
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

static void put_text(json_t *object, const char *key, const char *text)
{
    if (text && *text)
        (void)json_object_set_new(object, key, string_of(text));
}

static json_t *port_json(const struct event_port *port)
{
    static const char *const types[] = { "forwarding", "not-forwarding", "stopping", "failed" };
    json_t *object = json_object();

    ENUM_NAMES_MATCH(types, EVENT_PORT_TYPE_COUNT);
    (void)json_object_set_new(object, "type", json_string(types[port->type]));
    put_text(object, "protocol", port->protocol);
    put_text(object, "guestAddr", port->guest_addr);
    put_text(object, "hostAddr", port->host_addr);
    put_text(object, "error", port->error);
    return object;
}

static json_t *vsock_json(const struct event_vsock *vsock)
{
    static const char *const types[] = { "started", "skipped", "failed" };
    json_t *object = json_object();

    ENUM_NAMES_MATCH(types, EVENT_VSOCK_TYPE_COUNT);
    (void)json_object_set_new(object, "type", json_string(types[vsock->type]));
    put_text(object, "hostAddr", vsock->host_addr);
    if (vsock->port)
        (void)json_object_set_new(object, "vsockPort", json_integer(vsock->port));
    put_text(object, "reason", vsock->reason);
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
    if (status->port.is_set)
        (void)json_object_set_new(object, "portForward", port_json(&status->port));
    if (status->vsock.is_set)
        (void)json_object_set_new(object, "vsock", vsock_json(&status->vsock));
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

static void emit(struct events *events, bool is_synced)
{
    auto_sb struct sb line = { 0 };
    auto_err struct err *err = NULL;
    int64_t now_ns = host_realtime_ns();

    event_encode(&line, now_ns, local_offset_s(now_ns), &events->last);
    if (!file_write_fd(events->fd, "an event", sb_view(&line), &err))
        log_error("%s", err_text(err));
    else if (is_synced && fsync(events->fd) < 0 && errno != EINVAL &&
             errno != EROFS) /* pipes, terminals */
        log_debug("cannot sync an event: %s", strerror(errno));
}

static void port_done(struct event_port *port)
{
    free(port->protocol);
    free(port->guest_addr);
    free(port->host_addr);
    free(port->error);
    *port = (struct event_port){ 0 };
}

static void vsock_done(struct event_vsock *vsock)
{
    free(vsock->host_addr);
    free(vsock->reason);
    *vsock = (struct event_vsock){ 0 };
}

static void status_done(struct event_status *status)
{
    port_done(&status->port);
    vsock_done(&status->vsock);
    strv_done(&status->errors);
    free(status->progress.log_line);
    *status = (struct event_status){ 0 };
}

void events_started(struct events *events, uint16_t ssh_port)
{
    status_done(&events->last);
    events->last.ssh_port = ssh_port;
    emit(events, true);
}

void events_progress(struct events *events, const char *log_line, bool completed)
{
    struct event_progress *progress = &events->last.progress;

    mem_replace(&progress->log_line, mem_strdup(log_line));
    progress->is_set = true;
    progress->completed = completed;
    progress->active = !completed;
    emit(events, true);
}

void events_port(struct events *events, const struct event_port *port)
{
    port_done(&events->last.port);
    events->last.port = (struct event_port){
        .is_set = true,
        .type = port->type,
        .protocol = mem_strdup(port->protocol),
        .guest_addr = mem_strdup(port->guest_addr),
        .host_addr = mem_strdup(port->host_addr),
        .error = mem_strdup(port->error),
    };
    emit(events, false);
}

void events_vsock(struct events *events, const struct event_vsock *vsock)
{
    vsock_done(&events->last.vsock);
    events->last.vsock = (struct event_vsock){
        .is_set = true,
        .type = vsock->type,
        .host_addr = mem_strdup(vsock->host_addr),
        .reason = mem_strdup(vsock->reason),
        .port = vsock->port,
    };
    emit(events, true);
}

void events_running(struct events *events, uint16_t ssh_port, const struct strv *errors)
{
    status_done(&events->last);
    events->last.running = true;
    events->last.ssh_port = ssh_port;
    events->last.degraded = errors->n > 0;
    strv_extend(&events->last.errors, errors);
    emit(events, true);
}

void events_exiting(struct events *events)
{
    status_done(&events->last);
    events->last.exiting = true;
    emit(events, true);
}

void events_done(struct events *events)
{
    status_done(&events->last);
}
