#include "prog/hostagent/api.h"

#include "base/mem.h"
#include "base/sb.h"
#include "loop_test.h"
#include "svc/loop/stream.h"
#include "sys/sock.h"
#include "temp_dir.h"

struct client {
    struct stream *stream;
    struct sb got;
    bool ended;
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
}

static const struct stream_events client_events = { .on_data = client_data, .on_end = client_ended };

/* Status code and body: "200 {}". */
static char *ask(const char *path, const char *request)
{
    struct client client = { 0 };
    auto_mem char *text = mem_printf("%s HTTP/1.1\r\nHost: lima-hostagent\r\nConnection: close\r\n\r\n",
                                     request);
    const char *body;
    char *answer;
    int fd;

    assert_true(sock_unix_connect(path, SOCK_STREAM, &fd, NULL));
    client.stream = stream_open(&test_loop, fd, &client_events, &client, NULL);
    stream_send(client.stream, sv_of(text));
    run_until(client.ended);
    body = strstr(sb_str(&client.got), "\r\n\r\n");
    assert_non_null(body);
    answer = mem_printf("%.3s %s", sb_str(&client.got) + strlen("HTTP/1.1 "), body + 4);
    sb_done(&client.got);
    return answer;
}

static void endpoints_answer_as_documented(void **state)
{
    const struct {
        struct api_facts facts;
        const char *request, *answer;
    } cases[] = {
        { { 0 }, "GET /v1/info", "200 {}" },
        { { .ssh_port = 60022 }, "GET /v1/info", "200 {\"sshLocalPort\":60022}" },
        { { .ssh_port = 1, .auto_started_identifier = "lima-vm@x.service" }, "GET /v1/info",
          "200 {\"autoStartedIdentifier\":\"lima-vm@x.service\",\"sshLocalPort\":1}" },
        { { 0 }, "DELETE /v1/info", "405 " },
        { { 0 }, "GET /v1/screenshot?format=PNG",
          "501 {\"message\":\"the driver of this instance cannot take screenshots\"}" },
        { { 0 }, "GET /v1/screenshot?format=gif",
          "400 {\"message\":\"unknown image format \\\"gif\\\": png and bmp are known\"}" },
        { { 0 }, "POST /v1/screenshot", "405 " },
        { { 0 }, "GET /v1/nothing", "404 404 page not found\n" },
    };
    auto_mem char *path = temp_path("ha.sock");

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct http_server *api = api_open(&test_loop, path, &cases[i].facts, NULL);
        auto_mem char *answer = NULL;

        assert_non_null(api);
        answer = ask(path, cases[i].request);
        assert_string_equal(answer, cases[i].answer);
        http_server_close(api);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { loop_test(endpoints_answer_as_documented) };

    return cmocka_run_group_tests(tests, temp_dir_setup, temp_dir_teardown);
}
