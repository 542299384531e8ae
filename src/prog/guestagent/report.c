#include "prog/guestagent/report.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/log.h"
#include "prog/guestagent/transport.h"
#include "prog/guestagent/unit.h"
#include "sys/dir.h"
#include "sys/host.h"

#define PHASES_PATH AGENT_RUNTIME "/phases"

void report_put_hello(uint32_t flags, struct sb *out)
{
    auto_mem char *boot_id = NULL;

    if (!host_boot_id(&boot_id, NULL))
        boot_id = NULL;
    guest_encode(out, &(struct guest_msg){ .type = GUEST_HELLO,
                                           .version = GUEST_VERSION,
                                           .flags = flags | GUEST_CHUNKED,
                                           .program = SV(LIMA_VERSION "+clima." CLIMA_VERSION),
                                           .arch = sv_of(host_arch()),
                                           .boot_id = sv_of(boot_id) });
}

static void disconnect(struct report *report)
{
    if (report->fd >= 0)
        (void)close(report->fd);
    report->fd = -1;
    report->is_silent = true;
}

void report_connect(struct report *report)
{
    auto_err struct err *err = NULL;

    if (report->fd < 0 && !report->is_silent &&
        !transport_vsock(report->vsock_port, &report->fd, &err)) {
        log_debug("%s", err_text(err));
        /* Its modules may come yet. */
        report->is_silent = err_kind(err) != ERR_UNSUPPORTED && err_kind(err) != ERR_NOT_FOUND;
    }
}

/* Is the connection made? Waits for that at most timeout_ms. */
static bool is_connected(struct report *report, int timeout_ms)
{
    struct pollfd pfd = { .fd = report->fd, .events = POLLOUT };
    auto_err struct err *err = NULL;

    if (report->fd < 0 || poll(&pfd, 1, timeout_ms) <= 0)
        return false;
    if (!report->greeted && !transport_finish(report->fd, &err)) {
        log_debug("%s", err_text(err));
        disconnect(report);
        return false;
    }
    return true;
}

static void send_frames(struct report *report, const struct sb *frames)
{
    /* A few hundred bytes into an empty buffer: all or nothing. */
    if (send(report->fd, frames->p, frames->n, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)frames->n)
        disconnect(report);
}

/* Says hello with everything so far, or only the news of one phase. */
static void tell(struct report *report, enum guest_phase phase, int timeout_ms)
{
    auto_sb struct sb frames = { 0 };

    report_connect(report);
    if (!is_connected(report, timeout_ms))
        return;
    if (report->greeted) {
        phases_put(&report->phases, phase, &frames);
    } else {
        report_put_hello(GUEST_IN_INITRD, &frames);
        phases_put_all(&report->phases, &frames);
    }
    report->greeted = true;
    send_frames(report, &frames);
}

void report_phase(struct report *report, enum guest_phase phase, enum guest_state state,
                  const char *text)
{
    auto_err struct err *err = NULL;

    if (!phases_set(&report->phases, phase, state, text))
        return;
    log_at(state == GUEST_FAILED ? LOG_ERROR : LOG_INFO, "Phase %s: %s%s%s",
           guest_phase_name(phase), guest_state_name(state), text ? ": " : "", text ? text : "");
    if (report->has_file && !phases_save(&report->phases, PHASES_PATH, &err))
        log_warn("%s", err_text(err));
    tell(report, phase, 0);
}

void report_flush(struct report *report, int timeout_ms)
{
    if (!report->greeted)
        tell(report, GUEST_PHASE_INIT, timeout_ms);
    if (report->fd < 0)
        return;

    /* The host closes, or answers, when it has read everything. */
    struct pollfd pfd = { .fd = report->fd, .events = POLLIN };

    (void)shutdown(report->fd, SHUT_WR);
    (void)poll(&pfd, 1, timeout_ms);
}

void report_done(struct report *report)
{
    if (report->fd >= 0)
        (void)close(report->fd);
    phases_done(&report->phases);
    *report = REPORT_NONE;
}
