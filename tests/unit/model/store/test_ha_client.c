#include "model/store/ha_client.h"

#include <sys/socket.h>
#include <sys/wait.h>

#include "base/mem.h"
#include "sys/sock.h"

#include "temp_dir.h"
#include "unit_test.h"

#define OK "HTTP/1.1 200 OK\r\n"

static void answers_are_decoded(void **state)
{
    static const struct {
        const char *response;
        unsigned port;
        const char *identifier;
    } cases[] = {
        { OK "\r\n{}", 0, NULL },
        { OK "Content-Type: application/json\r\nContent-Length: 22\r\n\r\n{\"sshLocalPort\":60022}",
          60022, NULL },
        { OK "content-length:2\r\n\r\n{}trailing", 0, NULL },
        { "HTTP/1.0 200 Fine\n\n{\"sshLocalPort\":1,\"autoStartedIdentifier\":\"x\",\"more\":[]}",
          1, "x" },
        { OK "\r\n{\"sshLocalPort\":null}\n", 0, NULL },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct ha_info info = { 0 };

        check_row(ha_info_decode(sv_of(cases[i].response), &info, NULL), cases[i].response);
        check_row(info.ssh_local_port == cases[i].port, cases[i].response);
        check_row(str_eq(info.auto_started_identifier, cases[i].identifier), cases[i].response);
        ha_info_done(&info);
    }
}

static void failures_are_told_in_the_words_of_the_host_agent(void **state)
{
    auto_err struct err *err = NULL, *unknown = NULL;
    struct sv body;

    assert_false(ha_response_body(SV("HTTP/1.1 500 No\r\n\r\n{\"message\":\"in use\\u001b\"}"),
                                  &body, &err));
    assert_string_equal(err_text(err), "in use\\x1b");
    assert_int_equal(err_kind(err), ERR_INVALID);
    assert_false(ha_response_body(SV("HTTP/1.1 500 No\r\n\r\n{\"message\":7}"), &body, &unknown));
    assert_int_equal(err_kind(unknown), ERR_PROTOCOL);
    assert_true(ha_response_body(SV("HTTP/1.1 204 Done\r\n\r\n"), &body, NULL));
    assert_int_equal(body.n, 0);
}

static void other_answers_are_refused(void **state)
{
    static const char *const cases[] = {
        "",
        "x",
        OK,
        OK "Content-Length: 3\r\n\r\n{}",
        OK "Content-Length: x\r\n\r\n{}",
        OK "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        OK "\r\n",
        OK "\r\n[]",
        OK "\r\n{\"sshLocalPort\":65536}",
        OK "\r\n{\"sshLocalPort\":-1}",
        OK "\r\n{\"sshLocalPort\":\"1\"}",
        OK "\r\n{\"autoStartedIdentifier\":1}",
        "HTTP/1.1 500 No\r\n\r\n{}",
        "HTTP/1.1 20\r\n\r\n{}",
        "HTTP/2 200 OK\r\n\r\n{}",
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct ha_info info = { 0 };
        auto_err struct err *err = NULL;

        check_row(!ha_info_decode(sv_of(cases[i]), &info, &err), cases[i]);
        assert_null(info.auto_started_identifier);
    }
}

/* A server in a child: answers one connection with text, or says nothing until it is closed. */
static pid_t serve(int listen_fd, const char *text)
{
    pid_t pid = fork();

    if (pid == 0) {
        char bytes[1024];
        int fd = -1;

        if (sock_accept(listen_fd, &fd, NULL) && recv(fd, bytes, sizeof(bytes), 0) > 0) {
            if (text)
                (void)!send(fd, text, strlen(text), MSG_NOSIGNAL);
            else
                (void)!recv(fd, bytes, sizeof(bytes), 0);
        }
        _exit(0);
    }
    return pid;
}

static void an_agent_that_answers_is_understood(void **state)
{
    auto_mem char *path = temp_path("a.sock");
    struct ha_info info = { 0 };
    auto_fd int listen_fd = -1;
    pid_t server;

    assert_true(sock_unix_listen(path, SOCK_STREAM, &listen_fd, NULL));
    server = serve(listen_fd, OK "\r\n{\"sshLocalPort\":4711}");
    assert_true(ha_client_info(path, 10000, &info, NULL));
    assert_int_equal(info.ssh_local_port, 4711);
    ha_info_done(&info);
    assert_int_equal(waitpid(server, NULL, 0), server);
}

static void an_agent_that_is_silent_times_out(void **state)
{
    auto_mem char *path = temp_path("b.sock");
    auto_err struct err *err = NULL;
    struct ha_info info = { 0 };
    auto_fd int listen_fd = -1;
    pid_t server;

    assert_true(sock_unix_listen(path, SOCK_STREAM, &listen_fd, NULL));
    server = serve(listen_fd, NULL);
    assert_false(ha_client_info(path, 50, &info, &err));
    assert_int_equal(err_kind(err), ERR_TIMEOUT);
    assert_int_equal(waitpid(server, NULL, 0), server);
}

static void an_agent_that_floods_is_refused(void **state)
{
    size_t n = (size_t)100 << 10;
    auto_mem char *path = temp_path("c.sock"), *flood = mem_alloc(n + 1);
    auto_err struct err *err = NULL;
    struct ha_info info = { 0 };
    auto_fd int listen_fd = -1;
    pid_t server;

    memset(flood, 'x', n);
    assert_true(sock_unix_listen(path, SOCK_STREAM, &listen_fd, NULL));
    server = serve(listen_fd, flood);
    assert_false(ha_client_info(path, 10000, &info, &err));
    assert_int_equal(err_kind(err), ERR_PROTOCOL);
    assert_int_equal(waitpid(server, NULL, 0), server);
}

static void no_agent_is_told_apart(void **state)
{
    auto_mem char *path = temp_path("none.sock");
    auto_err struct err *err = NULL;
    struct ha_info info = { 0 };

    assert_false(ha_client_info(path, 1000, &info, &err));
    assert_int_equal(err_kind(err), ERR_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_decoded),
        cmocka_unit_test(failures_are_told_in_the_words_of_the_host_agent),
        cmocka_unit_test(other_answers_are_refused),
        cmocka_unit_test(an_agent_that_answers_is_understood),
        cmocka_unit_test(an_agent_that_is_silent_times_out),
        cmocka_unit_test(an_agent_that_floods_is_refused),
        cmocka_unit_test(no_agent_is_told_apart),
    };

    return cmocka_run_group_tests(tests, temp_dir_setup, temp_dir_teardown);
}
