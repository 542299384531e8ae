#include "prog/hostagent/ssh_banner.h"

#include <errno.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/sv.h"
#include "svc/loop/timer.h"
#include "svc/loop/watch.h"
#include "sys/sock.h"

enum { CONNECT_TIMEOUT_MS = 500 }; /* to this host: at once, or never */

struct ssh_banner {
    struct uv_loop_s *loop;
    char *address;
    uint16_t port;
    uint64_t interval_ms;
    ssh_banner_fn on_answer;
    void *arg;
    struct timer *timer;
    struct watch *connection; /* NULL between tries */
};

static void hang_up(struct ssh_banner *b)
{
    watch_close(b->connection);
    b->connection = NULL;
}

static void server_spoke(void *arg)
{
    struct ssh_banner *b = arg;
    char text[16];
    ssize_t n = read(watch_fd(b->connection), text, sizeof(text));

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    hang_up(b);
    if (n <= 0 || !sv_starts((struct sv){ text, (size_t)n }, SV("SSH-")))
        return; /* not yet: the timer is running */
    timer_stop(b->timer);
    b->on_answer(b->arg);
}

static void try_again(void *arg)
{
    struct ssh_banner *b = arg;
    auto_err struct err *err = NULL;
    int fd;

    hang_up(b); /* a server that does not speak */
    timer_set(b->timer, b->interval_ms);
    if (!sock_tcp_connect(b->address, b->port, CONNECT_TIMEOUT_MS, &fd, &err)) {
        log_trace("ssh server: %s", err_text(err));
        return;
    }
    b->connection = watch_open(b->loop, fd, server_spoke, b, &err);
    if (!b->connection)
        log_debug("ssh server: %s", err_text(err));
}

struct ssh_banner *ssh_banner_open(struct uv_loop_s *loop, const char *address, uint16_t port,
                                   uint64_t interval_ms, ssh_banner_fn on_answer, void *arg)
{
    struct ssh_banner *b = mem_new(struct ssh_banner);

    b->loop = loop;
    b->address = mem_strdup(address);
    b->port = port;
    b->interval_ms = interval_ms;
    b->on_answer = on_answer;
    b->arg = arg;
    b->timer = timer_open(loop, try_again, b);
    timer_set(b->timer, interval_ms);
    return b;
}

void ssh_banner_close(struct ssh_banner *b)
{
    if (!b)
        return;
    hang_up(b);
    timer_close(b->timer);
    free(b->address);
    free(b);
}
