#include "http_server.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/sb.h"
#include "sys/sock.h"

static bool read_head(int fd, struct sb *head)
{
    char buf[1024];

    while (!strstr(sb_str(head), "\r\n\r\n")) {
        ssize_t n = read(fd, buf, sizeof(buf));

        if (n <= 0)
            return false;
        sb_put_mem(head, buf, (size_t)n);
    }
    return true;
}

/* Value of a header, "" when absent; owned. */
static char *header_value(const char *head, const char *name)
{
    auto_mem char *start = mem_printf("\r\n%s: ", name);
    const char *at = strstr(head, start);

    if (!at)
        return mem_strdup("");
    at += strlen(start);
    return mem_strndup(at, strcspn(at, "\r"));
}

static size_t range_start(struct http_script *script, const char *head)
{
    auto_mem char *range = header_value(head, "Range");
    auto_mem char *condition = header_value(head, "If-Range");
    struct sv value = sv_of(range);
    uint64_t from = 0;

    if (!str_starts(range, "bytes="))
        return 0;
    script->n_ranges++;
    (void)snprintf(script->last_if_range, sizeof(script->last_if_range), "%s", condition);
    bool is_same = !condition[0] || strcmp(condition, script->etag) == 0 ||
                   strcmp(condition, script->last_modified) == 0;

    if (!parse_u64(sv_slice(value, 6, value.n - 1), &from) || !is_same || script->ignores_range)
        return 0;
    return (size_t)from;
}

static void put_status(struct sb *out, const struct http_script *script, bool is_head, size_t from)
{
    unsigned status = is_head && script->head_fails ? 500
                      : script->status              ? script->status
                      : from > script->body_size    ? 416
                      : from > 0                    ? 206
                                                    : 200;

    sb_putf(out, "HTTP/1.1 %u Some Text\r\nConnection: close\r\nContent-Type: text/x-test\r\n", status);
    if (script->last_modified[0])
        sb_putf(out, "Last-Modified: %s\r\n", script->last_modified);
    if (script->etag[0])
        sb_putf(out, "ETag: %s\r\n", script->etag);
    if (status == 206)
        sb_putf(out, "Content-Range: bytes %zu-%zu/%zu\r\n", from, script->body_size - 1,
                script->body_size);
}

static void answer(int fd, struct http_script *script)
{
    auto_sb struct sb head = { 0 };
    auto_sb struct sb out = { 0 };

    if (!read_head(fd, &head))
        return;
    bool is_head = str_starts(sb_str(&head), "HEAD ");
    size_t from = range_start(script, sb_str(&head));
    size_t size = from > script->body_size ? 0 : script->body_size - from;

    is_head ? script->n_heads++ : script->n_gets++;
    put_status(&out, script, is_head, from);
    sb_putf(&out, "Content-Length: %zu\r\n\r\n", size);
    if (!is_head) {
        if (script->cut_after > 0 && script->n_cuts > 0 && size > script->cut_after) {
            script->n_cuts--;
            size = script->cut_after;
        }
        if (size > 0)
            sb_put_mem(&out, script->body + from, size);
    }
    for (size_t at = 0; at < out.n;) {
        ssize_t n = send(fd, out.p + at, out.n - at, MSG_NOSIGNAL);

        if (n <= 0)
            return;
        at += (size_t)n;
    }
}

void http_server_start(struct http_server *server)
{
    int listen_fd, fd;

    server->script = mmap(NULL, sizeof(*server->script), PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert(server->script != MAP_FAILED);
    if (!sock_tcp_listen("127.0.0.1", 0, &listen_fd, &server->port, NULL))
        assert(!"cannot listen");
    server->pid = fork();
    assert(server->pid >= 0);
    if (server->pid > 0) {
        (void)close(listen_fd);
        return;
    }
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (sock_accept(listen_fd, &fd, NULL)) {
        answer(fd, server->script);
        (void)shutdown(fd, SHUT_WR);
        (void)close(fd);
    }
    _exit(1);
}

void http_server_stop(struct http_server *server)
{
    (void)kill(server->pid, SIGKILL);
    (void)waitpid(server->pid, NULL, 0);
    (void)munmap(server->script, sizeof(*server->script));
}
