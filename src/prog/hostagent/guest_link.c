#include "prog/hostagent/guest_link.h"

#include <assert.h>
#include <sys/socket.h>

#include "base/budget.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/quote.h"
#include "prog/hostagent/guest_update.h"
#include "svc/devices/devices_client.h"
#include "svc/loop/stream.h"
#include "svc/loop/timer.h"
#include "sys/host.h"
#include "sys/sock.h"

enum {
    RETRY_MIN_MS = 1000, /* connecting to a socket */
    RETRY_MAX_MS = 60 * 1000,
    LOG_BURST = 200, /* lines a guest may cause at once, and then one in LOG_INTERVAL_NS */
    LOG_TEXT_MAX = 1024,
    CLOCK_NOTED_MS = 5000, /* guests boot with a clock that is off by a little */
};
#define LOG_INTERVAL_NS (1000ULL * 1000 * 1000)

struct guest_link {
    struct uv_loop_s *loop;
    const struct guest_link_events *events; /* NULL once closed */
    void *arg;
    struct devices_client *devices; /* DEVICES */
    char *path;                     /* SERIAL, SSH */
    struct timer *retry;            /* SERIAL, SSH */
    uint64_t retry_ms;
    struct stream *stream; /* NULL while not connected */
    struct guest_reader reader;
    bool is_greeted;
    bool is_in_initrd, is_chunked; /* flags of its HELLO */
    struct guest_update update;
    struct budget log_lines;
    unsigned busy; /* callbacks running: the memory stays until they return */
};

/* --- Log lines that a guest causes --- */

static PRINTF_LIKE(4, 5) void guest_says(struct guest_link *link, enum log_level level,
                                         struct sv text, const char *fmt, ...)
{
    auto_mem char *printable = NULL;
    auto_mem char *what = NULL;
    va_list args;

    if (!log_enabled(level) || !budget_take(&link->log_lines, host_monotonic_ns()))
        return;
    printable = quote_printable(text, LOG_TEXT_MAX);
    va_start(args, fmt);
    what = mem_vprintf(fmt, args);
    va_end(args);
    log_at(level, "[guest] %s%s%s", what, *what && *printable ? ": " : "", printable);
}

/* --- Sending --- */

static void send_msg(struct guest_link *link, const struct guest_msg *msg)
{
    auto_sb struct sb frame = { 0 };

    guest_encode(&frame, msg);
    stream_send(link->stream, sb_view(&frame));
}

static bool can_send(const struct guest_link *link)
{
    return guest_link_is_up(link) && !link->is_in_initrd;
}

bool guest_link_send(struct guest_link *link, const struct guest_msg *msg)
{
    if (!can_send(link))
        return false;
    send_msg(link, msg);
    return true;
}

struct devices_client *guest_link_devices(const struct guest_link *link)
{
    return link ? link->devices : NULL;
}

bool guest_link_is_chunked(const struct guest_link *link)
{
    return can_send(link) && link->is_chunked && link->devices &&
           devices_client_can_forward(link->devices);
}

void guest_link_send_time(struct guest_link *link)
{
    if (can_send(link))
        send_msg(link, &(struct guest_msg){ .type = GUEST_TIME, .time_ns = host_realtime_ns() });
}

bool guest_link_update(struct guest_link *link, const char *program_path, struct err **errp)
{
    auto_sb struct sb frame = { 0 };

    if (!can_send(link))
        return err_set(errp, ERR_NOT_FOUND, "the guest agent is not connected");
    if (!guest_update_begin(&link->update, program_path, &frame, errp))
        return false;
    stream_send(link->stream, sb_view(&frame));
    return true;
}

/* --- Receiving --- */

static void disconnect(struct guest_link *link)
{
    bool was_up = link->is_greeted;

    stream_close(link->stream);
    link->stream = NULL;
    guest_reader_done(&link->reader);
    link->reader = (struct guest_reader){ 0 };
    link->is_greeted = false;
    guest_update_cancel(&link->update);
    if (link->retry && link->events) {
        timer_set(link->retry, link->retry_ms);
        link->retry_ms = link->retry_ms * 2 > RETRY_MAX_MS ? RETRY_MAX_MS : link->retry_ms * 2;
    }
    if (was_up && link->events && link->events->on_lost)
        link->events->on_lost(link->arg);
}

static void greeted(struct guest_link *link, const struct guest_msg *msg)
{
    link->is_greeted = true;
    link->is_in_initrd = msg->flags & GUEST_IN_INITRD;
    link->is_chunked = msg->flags & GUEST_CHUNKED;
    link->retry_ms = RETRY_MIN_MS;
    guest_says(link, LOG_DEBUG, msg->program, "hello%s", link->is_in_initrd ? " (initramfs)" : "");
    link->events->on_hello(link->arg, msg);
}

static void time_answered(struct guest_link *link, const struct guest_msg *msg)
{
    long long drift_ms = (long long)(msg->drift_ns / 1000000);

    if (msg->text.n)
        guest_says(link, LOG_WARN, msg->text, "cannot set its clock, which is off by %lld ms",
                   drift_ms);
    else
        guest_says(link, msg->adjusted && llabs(drift_ms) >= CLOCK_NOTED_MS ? LOG_INFO : LOG_DEBUG,
                   SV(""), "its clock %s off by %lld ms", msg->adjusted ? "was" : "is", drift_ms);
}

static void message_arrived(struct guest_link *link, const struct guest_msg *msg)
{
    switch (msg->type) {
    case GUEST_HELLO:
        greeted(link, msg);
        break;
    case GUEST_PHASE:
        link->events->on_phase(link->arg, (enum guest_phase)msg->phase,
                               (enum guest_state)msg->state, msg->text);
        break;
    case GUEST_TIME_RESULT:
        time_answered(link, msg);
        break;
    case GUEST_LOG:
        guest_says(link, msg->level > LOG_ERROR ? LOG_ERROR : (enum log_level)msg->level, msg->text,
                   "%s", "");
        break;
    case GUEST_UPDATE_RESULT:
        guest_says(link, msg->text.n ? LOG_WARN : LOG_INFO, msg->text, "the guest agent %s",
                   msg->text.n ? "could not be replaced" : "was replaced");
        break;
    case GUEST_PORTS:
        if (link->events->on_ports)
            link->events->on_ports(link->arg, msg);
        break;
    case GUEST_LISTEN_RESULT:
        if (link->events->on_listen_result)
            link->events->on_listen_result(link->arg, msg);
        break;
    case GUEST_MOUNT_RESULT:
        if (link->events->on_mount_result)
            link->events->on_mount_result(link->arg, msg);
        break;
    case GUEST_PING:
        if (can_send(link))
            send_msg(link, &(struct guest_msg){ .type = GUEST_PONG, .id = msg->id });
        break;
    default: /* what only a host says */
        break;
    }
}

static void link_free(struct guest_link *link)
{
    free(link->path);
    free(link);
}

static void release(struct guest_link *link)
{
    if (--link->busy == 0 && !link->events)
        link_free(link);
}

static void stream_data(void *arg, struct sv bytes)
{
    struct guest_link *link = arg;
    struct stream *stream = link->stream;
    auto_err struct err *err = NULL;
    enum guest_read status = GUEST_READ_MORE;
    struct guest_msg msg;

    link->busy++;
    guest_reader_feed(&link->reader, bytes.p, bytes.n);
    /* A callback may have closed the link, or the connection. */
    while (link->stream == stream &&
           (status = guest_reader_next(&link->reader, &msg, &err)) == GUEST_READ_MESSAGE)
        message_arrived(link, &msg);
    if (link->stream == stream && status == GUEST_READ_BROKEN) {
        guest_says(link, LOG_WARN, sv_of(err_text(err)), "its agent was disconnected");
        disconnect(link);
    }
    release(link);
}

static void stream_ended(void *arg, const struct err *err)
{
    struct guest_link *link = arg;

    guest_says(link, LOG_DEBUG, sv_of(err ? err_text(err) : NULL), "the connection ended");
    disconnect(link);
}

static void stream_drained(void *arg)
{
    struct guest_link *link = arg;
    auto_sb struct sb frame = { 0 };
    auto_err struct err *err = NULL;

    if (link->update.fd < 0)
        return;
    if (!guest_update_continue(&link->update, &frame, &err)) {
        log_warn("Cannot replace the guest agent: %s", err_text(err));
        disconnect(link); /* it waits for bytes that will not come */
        return;
    }
    stream_send(link->stream, sb_view(&frame));
}

static const struct stream_events stream_events = {
    .on_data = stream_data,
    .on_end = stream_ended,
    .on_drained = stream_drained,
};

static void connected(struct guest_link *link, int take_fd)
{
    auto_err struct err *err = NULL;

    disconnect(link); /* the newest counts */
    if (link->retry)
        timer_stop(link->retry);
    link->stream = stream_open(link->loop, take_fd, &stream_events, link, &err);
    if (!link->stream) {
        log_debug("guest link: %s", err_text(err));
        return;
    }
    send_msg(link, &(struct guest_msg){ .type = GUEST_HELLO,
                                        .version = GUEST_VERSION,
                                        .program = SV(LIMA_VERSION "+clima." CLIMA_VERSION) });
}

/* --- Over `devices` --- */

static void guest_connected(void *arg, int take_fd, uint32_t port, uint32_t peer_port)
{
    connected(arg, take_fd);
}

static void devices_up(void *arg, bool resumed)
{
    log_debug("The guest's vsock driver is ready%s", resumed ? " again" : "");
}

static void devices_down(void *arg)
{
    struct guest_link *link = arg;

    log_debug("The guest's vsock driver is gone");
    disconnect(link);
}

static void devices_closed(void *arg, const struct err *err)
{
    struct guest_link *link = arg;

    link->busy++;
    disconnect(link);
    devices_client_close(link->devices);
    link->devices = NULL;
    link->events->on_dead(link->arg, err);
    release(link);
}

static const struct devices_client_events devices_events = {
    .on_up = devices_up,
    .on_down = devices_down,
    .on_closed = devices_closed,
};

/* --- Over a socket --- */

static void retry_due(void *arg)
{
    struct guest_link *link = arg;
    auto_err struct err *err = NULL;
    int fd;

    if (sock_unix_connect(link->path, SOCK_STREAM, &fd, &err)) {
        connected(link, fd);
    } else {
        log_trace("guest link: %s", err_text(err));
        disconnect(link); /* sets the timer */
    }
}

/* --- Life --- */

struct guest_link *guest_link_open(struct uv_loop_s *loop, struct driver_link where,
                                   const struct guest_link_events *events, void *arg,
                                   struct err **errp)
{
    struct guest_link *link = mem_new(struct guest_link);

    assert(where.kind != DRIVER_LINK_NONE);
    link->loop = loop;
    link->events = events;
    link->arg = arg;
    link->update = GUEST_UPDATE_NONE;
    link->log_lines = (struct budget){ .max = LOG_BURST, .interval_ns = LOG_INTERVAL_NS };
    link->path = mem_strdup(where.path);
    if (where.kind == DRIVER_LINK_DEVICES) {
        link->devices = devices_client_open(loop, where.path, &devices_events, link, errp);
        if (!link->devices) {
            link_free(link);
            return NULL;
        }
        devices_client_listen(link->devices, GUEST_VSOCK_PORT, guest_connected, link);
    } else {
        link->retry = timer_open(loop, retry_due, link);
        link->retry_ms = RETRY_MIN_MS;
        timer_set(link->retry, 0);
    }
    return link;
}

void guest_link_close(struct guest_link *link)
{
    if (!link || !link->events)
        return;
    link->busy++;
    link->events = NULL;
    disconnect(link);
    devices_client_close(link->devices);
    link->devices = NULL;
    timer_close(link->retry);
    link->retry = NULL;
    release(link);
}

bool guest_link_is_up(const struct guest_link *link)
{
    return link && link->stream && link->is_greeted;
}
