/*
 * dns: the DNS server by itself. "limactl debug dns" becomes this program:
 *
 *     dns UDP_PORT TCP_PORT [--ipv6]
 */
#include <signal.h>
#include <string.h>
#include <uv.h>

#include "base/log.h"
#include "base/num.h"
#include "prog/dns/serve.h"
#include "svc/loop/watch.h"
#include "sys/sig.h"

struct program {
    uv_loop_t loop;
    struct serve *serve;
    struct watch *signals;
};

static void end(void *arg)
{
    struct program *p = arg;

    serve_close(MOVE(p->serve));
    watch_close(MOVE(p->signals));
}

static bool parse_port(const char *text, uint16_t *out, struct err **errp)
{
    uint64_t n;

    if (!parse_u64(sv_of(text), &n) || n > UINT16_MAX)
        return err_set(errp, ERR_INVALID, "\"%s\" is not a port", text);
    *out = (uint16_t)n;
    return true;
}

static bool run(struct program *p, const uint16_t ports[2], bool answers_aaaa, struct err **errp)
{
    static const int signals[] = { SIGINT, SIGTERM, SIGHUP, 0 };
    uint16_t open[2];
    int fd;

    if (!sig_open(signals, &fd, errp))
        return false;
    p->signals = watch_open(&p->loop, fd, end, p, errp);
    if (!p->signals)
        return false;
    p->serve = serve_open(&p->loop, ports, answers_aaaa, open, errp);
    if (!p->serve) {
        end(p);
        return false;
    }
    log_info("Serving DNS on 127.0.0.1: UDP port %u, TCP port %u; press Ctrl-C to end", open[0],
             open[1]);
    return true;
}

int main(int argc, char **argv)
{
    bool answers_aaaa = argc == 4 && strcmp(argv[3], "--ipv6") == 0, ok;
    struct program program = { 0 };
    auto_err struct err *err = NULL;
    uint16_t ports[2];

    log_setup(LOG_INFO, LOG_FORMAT_TEXT);
    sig_ignore_pipe();
    if (argc < 3 || argc > 4 || (argc == 4 && !answers_aaaa)) {
        log_at(LOG_FATAL, "usage: dns UDP_PORT TCP_PORT [--ipv6]");
        return 2;
    }
    if (uv_loop_init(&program.loop) < 0) {
        log_at(LOG_FATAL, "cannot make an event loop");
        return 1;
    }
    ok = parse_port(argv[1], &ports[0], &err) && parse_port(argv[2], &ports[1], &err) &&
         run(&program, ports, answers_aaaa, &err);
    (void)uv_run(&program.loop, UV_RUN_DEFAULT);
    if (uv_loop_close(&program.loop) != 0)
        log_error("handles are left on the loop");
    if (!ok)
        log_at(LOG_FATAL, "%s", err_text(err));
    return ok ? 0 : 1;
}
