#include "model/store/ha_client.h"

#include <errno.h>
#include <poll.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/quote.h"
#include "base/sb.h"
#include "lang/json/json.h"
#include "sys/host.h"
#include "sys/sock.h"

#define RESPONSE_MAX ((size_t)64 << 10)
#define MESSAGE_MAX  4096

/* The request fits into any socket's buffer. */
static bool send_request(int fd, const struct ha_request *r, struct err **errp)
{
    auto_mem char *content = r->body.n ? mem_printf("Content-Type: application/json\r\n"
                                                    "Content-Length: %zu\r\n",
                                                    r->body.n)
                                       : mem_strdup("");
    auto_mem char *request = mem_printf("%s %s HTTP/1.1\r\n"
                                        "Host: lima-hostagent\r\n"
                                        "Connection: close\r\n"
                                        "%s\r\n%.*s",
                                        r->method, r->path, content, SV_ARG(r->body));
    ssize_t n = send(fd, request, strlen(request), MSG_NOSIGNAL);

    if (n < 0)
        return err_set_os(errp, errno, "cannot ask the host agent");
    return (size_t)n == strlen(request) ||
           err_set(errp, ERR_PROTOCOL, "the host agent does not take the question");
}

/* Waits for the socket until the deadline. */
static bool wait_readable(int fd, uint64_t deadline_ns, struct err **errp)
{
    for (;;) {
        struct pollfd p = { .fd = fd, .events = POLLIN };
        uint64_t now = host_monotonic_ns();
        int n;

        if (now >= deadline_ns)
            return err_set(errp, ERR_TIMEOUT, "the host agent does not answer");
        n = poll(&p, 1, (int)((deadline_ns - now) / 1000000 + 1));
        if (n > 0)
            return true;
        if (n < 0 && errno != EINTR)
            return err_set_os(errp, errno, "cannot wait for the host agent");
    }
}

/* The response ends with the connection. */
static bool read_response(int fd, uint64_t deadline_ns, struct sb *out, struct err **errp)
{
    for (;;) {
        char *room;
        ssize_t n;

        if (!wait_readable(fd, deadline_ns, errp))
            return false;
        room = sb_reserve(out, 4096);
        if (!room)
            return err_set(errp, ERR_PROTOCOL, "the host agent's answer is too long");
        n = recv(fd, room, 4096, MSG_DONTWAIT);
        if (n == 0)
            return true;
        if (n > 0)
            sb_commit(out, (size_t)n);
        else if (errno != EINTR && errno != EAGAIN)
            return err_set_os(errp, errno, "cannot read the host agent's answer");
    }
}

static bool fetch(const char *socket_path, const struct ha_request *request, struct sb *response,
                  struct err **errp)
{
    uint64_t deadline_ns = host_monotonic_ns() + (uint64_t)request->timeout_ms * 1000000;
    auto_fd int fd = -1;

    return sock_unix_connect(socket_path, SOCK_STREAM, &fd, errp) &&
           send_request(fd, request, errp) && read_response(fd, deadline_ns, response, errp);
}

bool ha_client_get(const char *socket_path, const char *path, unsigned timeout_ms, struct sb *out,
                   struct err **errp)
{
    return ha_client_call(socket_path, &(struct ha_request){ "GET", path, SV(""), timeout_ms }, out,
                          errp);
}

bool ha_client_call(const char *socket_path, const struct ha_request *request, struct sb *out,
                    struct err **errp)
{
    auto_sb struct sb response = { .limit = out->limit };
    struct sv body;

    if (!fetch(socket_path, request, &response, errp) ||
        !ha_response_body(sb_view(&response), &body, errp))
        return false;
    sb_put(out, body);
    return true;
}

bool ha_client_info(const char *socket_path, unsigned timeout_ms, struct ha_info *out,
                    struct err **errp)
{
    auto_sb struct sb response = { .limit = RESPONSE_MAX };

    const struct ha_request request = { "GET", "/v1/info", SV(""), timeout_ms };

    return fetch(socket_path, &request, &response, errp) &&
           ha_info_decode(sb_view(&response), out, errp);
}

void ha_info_done(struct ha_info *info)
{
    free(info->auto_started_identifier);
    strv_done(&info->errors);
    *info = (struct ha_info){ 0 };
}

/* Cuts a line off the front, without its CR LF. False at the end of the text. */
static bool next_line(struct sv *text, struct sv *out_line)
{
    if (!sv_next(text, '\n', out_line))
        return false;
    if (out_line->n && out_line->p[out_line->n - 1] == '\r')
        out_line->n--;
    return true;
}

static bool is_header(struct sv line, const char *name, struct sv *out_value)
{
    struct sv rest = line, head;

    if (!sv_next(&rest, ':', &head) || head.n != strlen(name) ||
        strncasecmp(head.p, name, head.n) != 0)
        return false;
    *out_value = sv_trim(rest);
    return true;
}

/* Splits off what follows the status line: headers, and the body. */
static bool take_body(struct sv response, struct sv *out_body, struct err **errp)
{
    struct sv line, value;
    uint64_t length = UINT64_MAX;

    for (;;) {
        if (!next_line(&response, &line))
            return err_set(errp, ERR_PROTOCOL, "the host agent's answer has no body");
        if (line.n == 0)
            break;
        if (is_header(line, "transfer-encoding", &value))
            return err_set(errp, ERR_PROTOCOL, "the host agent's answer is encoded");
        if (is_header(line, "content-length", &value) && !parse_u64(value, &length))
            return err_set(errp, ERR_PROTOCOL, "the host agent's answer has a bad length");
    }
    if (length != UINT64_MAX && length > response.n)
        return err_set(errp, ERR_PROTOCOL, "the host agent's answer is cut off");
    *out_body = sv_slice(response, 0, length < response.n ? (size_t)length : response.n);
    return true;
}

/* The message of a failure, if there is one. */
static bool fail(struct sv status, struct sv response, struct err **errp)
{
    auto_json json_t *doc = NULL;
    const char *message = NULL;
    struct sv body;

    if (take_body(response, &body, NULL) && (doc = json_parse(body, NULL)))
        message = json_string_value(json_object_get(doc, "message"));
    if (message) {
        auto_mem char *printable = quote_printable(sv_of(message), MESSAGE_MAX);

        return err_set(errp, ERR_INVALID, "%s", printable);
    }
    return err_set(errp, ERR_PROTOCOL, "the host agent answers with status %.*s", SV_ARG(status));
}

bool ha_response_body(struct sv response, struct sv *out_body, struct err **errp)
{
    struct sv line, status;

    if (!next_line(&response, &line) || !sv_starts(line, SV("HTTP/1.")) || line.n < 12)
        return err_set(errp, ERR_PROTOCOL, "the host agent's answer is not HTTP");
    status = sv_slice(line, 9, 12);
    if (sv_eq_str(status, "404"))
        return err_set(errp, ERR_UNSUPPORTED, "the host agent is of an older version");
    if (!sv_eq_str(status, "200") && !sv_eq_str(status, "204"))
        return fail(status, response, errp);
    return take_body(response, out_body, errp);
}

bool ha_info_decode(struct sv response, struct ha_info *out, struct err **errp)
{
    const char *identifier = NULL;
    auto_json json_t *info = NULL;
    json_t *errors = NULL, *error;
    int64_t port = 0;
    struct sv body;
    size_t i;

    if (!ha_response_body(response, &body, errp))
        return false;
    info = json_parse(body, errp);
    if (!info || !json_opt_i64(info, "sshLocalPort", &port, errp) ||
        !json_opt_str(info, "autoStartedIdentifier", &identifier, errp) ||
        !json_opt_array(info, "errors", &errors, errp))
        return err_wrap(errp, "the host agent's answer");
    if (!json_is_object(info))
        return err_set(errp, ERR_PROTOCOL, "the host agent's answer is no object");
    if (port < 0 || port > UINT16_MAX)
        return err_set(errp, ERR_PROTOCOL, "the host agent's answer has a bad port");
    out->ssh_local_port = (uint16_t)port;
    out->auto_started_identifier = mem_strdup(identifier);
    json_array_foreach(errors, i, error) if (json_is_string(error))
        strv_push(&out->errors, json_string_value(error));
    return true;
}
