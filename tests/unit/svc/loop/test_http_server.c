#include "svc/loop/http_server.h"

#include <unistd.h>

#include "base/mem.h"
#include "base/sb.h"
#include "loop_test.h"
#include "svc/loop/stream.h"
#include "sys/file.h"
#include "sys/sock.h"
#include "temp_dir.h"

struct client {
    struct stream *stream;
    struct sb got;
    bool ended;
};

struct fixture {
    struct http_server *server;
    char *path;
    struct http_exchange *later;
    unsigned handled;
};

static void info_requested(void *arg, struct http_exchange *x)
{
    struct fixture *f = arg;

    f->handled++;
    http_respond(x, 200, "application/json", SV("{\"sshLocalPort\":60022}"));
}

static void echo_requested(void *arg, struct http_exchange *x)
{
    const char *word = http_query(x, "word");
    auto_mem char *text = mem_printf("%s:%.*s", word ? word : "-", SV_ARG(http_body(x)));

    http_respond(x, 200, "text/plain", sv_of(text));
}

static void later_requested(void *arg, struct http_exchange *x)
{
    struct fixture *f = arg;

    f->later = x;
}

static void failure_requested(void *arg, struct http_exchange *x)
{
    http_respond_error(x, 500, "no \"%s\" today\xff", "mount");
}

static const struct http_route routes[] = {
    { "GET", "/v1/info", info_requested },
    { "POST", "/v1/echo", echo_requested },
    { "DELETE", "/v1/echo", echo_requested },
    { "GET", "/v1/later", later_requested },
    { "GET", "/v1/failure", failure_requested },
};

static void client_data(void *arg, struct sv bytes)
{
    struct client *client = arg;

    sb_put(&client->got, bytes);
}

static void client_ended(void *arg, const struct err *err)
{
    struct client *client = arg;

    client->ended = true;
    stream_close(client->stream);
    client->stream = NULL;
}

static const struct stream_events client_events = { .on_data = client_data, .on_end = client_ended };

static void fixture_open(struct fixture *f)
{
    *f = (struct fixture){ .path = temp_path("ha.sock") };
    f->server = http_server_open(&test_loop, f->path, routes, COUNT(routes), f, NULL);
    assert_non_null(f->server);
}

static void fixture_close(struct fixture *f)
{
    http_server_close(f->server);
    assert_false(file_exists(f->path));
    free(f->path);
}

static void client_send(struct fixture *f, struct client *client, struct sv request)
{
    int fd;

    assert_true(sock_unix_connect(f->path, SOCK_STREAM, &fd, NULL));
    *client = (struct client){ 0 };
    client->stream = stream_open(&test_loop, fd, &client_events, client, NULL);
    stream_send(client->stream, request);
}

/* One request on a connection of its own; the answer without its Date line and the line
 * feeds at its end. */
static char *ask(struct fixture *f, const char *request)
{
    struct client client;
    struct sv rest, line;
    auto_sb struct sb kept = { 0 };

    client_send(f, &client, sv_of(request));
    run_until(client.ended);
    rest = sb_view(&client.got);
    while (sv_next(&rest, '\n', &line))
        if (!sv_starts(line, SV("Date:")) && !sv_starts(line, SV("Connection:")))
            sb_putf(&kept, "%.*s\n", SV_ARG(sv_trim(line)));
    sb_done(&client.got);
    return sv_dup(sv_trim(sb_view(&kept)));
}

static void answers_match_the_table(void **state)
{
    static const struct {
        const char *request, *expected;
    } cases[] = {
        { "GET /v1/info HTTP/1.1\r\nHost: lima-hostagent\r\nConnection: close\r\n\r\n",
          "HTTP/1.1 200 OK\nContent-Type: application/json\nContent-Length: 22\n\n"
          "{\"sshLocalPort\":60022}" },
        { "POST /v1/info HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\nab",
          "HTTP/1.1 405 Method Not Allowed\nAllow: GET\nContent-Length: 0" },
        { "GET /v1/echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
          "HTTP/1.1 405 Method Not Allowed\nAllow: POST, DELETE\nContent-Length: 0" },
        { "GET /v1/info/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
          "HTTP/1.1 404 Not Found\nContent-Type: text/plain; charset=utf-8\nContent-Length: 19\n\n"
          "404 page not found" },
        { "POST /v1/echo?word=hey%20you HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
          "Content-Length: 4\r\n\r\nbody",
          "HTTP/1.1 200 OK\nContent-Type: text/plain\nContent-Length: 12\n\nhey you:body" },
        { "GET /v1/failure HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
          "HTTP/1.1 500 Internal Server Error\nContent-Type: application/json\nContent-Length: 37\n\n"
          "{\"message\":\"no \\\"mount\\\" today\\\\xff\"}" },
    };
    struct fixture f;

    fixture_open(&f);
    for (size_t i = 0; i < COUNT(cases); i++) {
        auto_mem char *answer = ask(&f, cases[i].request);

        if (strcmp(answer, cases[i].expected) != 0)
            fail_msg("for %s\ngot: %s", cases[i].request, answer);
    }
    assert_int_equal(f.handled, 1);
    fixture_close(&f);
}

static void a_connection_serves_several_requests(void **state)
{
    struct fixture f;
    struct client client;

    fixture_open(&f);
    client_send(&f, &client, SV("GET /v1/info HTTP/1.1\r\nHost: x\r\n\r\n"
                                "GET /v1/info HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
    run_until(client.ended);
    assert_int_equal(f.handled, 2);
    sb_done(&client.got);
    fixture_close(&f);
}

static void a_large_body_is_refused(void **state)
{
    struct fixture f;
    auto_sb struct sb request = { 0 };
    auto_mem char *answer = NULL;

    fixture_open(&f);
    sb_putf(&request, "POST /v1/echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n",
            HTTP_BODY_MAX + 1);
    for (int i = 0; i < HTTP_BODY_MAX + 1; i++)
        sb_putc(&request, 'x');
    answer = ask(&f, sb_str(&request));
    assert_true(str_starts(answer, "HTTP/1.1 413 "));
    fixture_close(&f);
}

static void garbage_gets_an_answer_and_an_end(void **state)
{
    struct fixture f;
    auto_mem char *answer = NULL;

    fixture_open(&f);
    answer = ask(&f, "this is not HTTP\r\n\r\n");
    assert_true(str_starts(answer, "HTTP/1.") && strstr(answer, " 400 "));
    fixture_close(&f);
}

static void an_answer_may_come_later(void **state)
{
    struct fixture f;
    struct client client, other;

    fixture_open(&f);
    client_send(&f, &client, SV("GET /v1/later HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
    run_until(f.later);
    client_send(&f, &other, SV("GET /v1/info HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
    run_until(other.ended); /* others are served meanwhile */
    assert_int_equal(client.got.n, 0);
    http_respond(f.later, 200, "text/plain", SV("late"));
    run_until(client.ended);
    assert_true(sv_ends(sb_view(&client.got), SV("\r\n\r\nlate")));
    sb_done(&client.got);
    sb_done(&other.got);
    fixture_close(&f);
}

static void closing_ends_open_connections(void **state)
{
    struct fixture f;
    struct client client;

    fixture_open(&f);
    client_send(&f, &client, SV("GET /v1/info HTTP/1.1\r\nHost: x\r\n\r\n"));
    run_until(client.got.n);
    fixture_close(&f);
    run_until(client.ended);
    sb_done(&client.got);
}

static void a_socket_in_use_is_busy(void **state)
{
    struct fixture f;
    auto_err struct err *err = NULL;

    fixture_open(&f);
    assert_null(http_server_open(&test_loop, f.path, routes, COUNT(routes), &f, &err));
    assert_int_equal(err_kind(err), ERR_BUSY);
    assert_true(file_exists(f.path));
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        loop_test(answers_match_the_table),
        loop_test(a_connection_serves_several_requests),
        loop_test(a_large_body_is_refused),
        loop_test(garbage_gets_an_answer_and_an_end),
        loop_test(an_answer_may_come_later),
        loop_test(closing_ends_open_connections),
        loop_test(a_socket_in_use_is_busy),
    };

    return cmocka_run_group_tests(tests, temp_dir_setup, temp_dir_teardown);
}
