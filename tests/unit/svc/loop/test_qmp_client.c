/* A mock QEMU is the other end of a socketpair; the test plays its part by hand. */
#include "svc/loop/qmp_client.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <uv.h>

#include "base/mem.h"
#include "base/sb.h"
#include "base/strv.h"
#include "sys/sock.h"
#include "unit_test.h"

#define GREETING \
    "{\"QMP\":{\"version\":{\"qemu\":{\"micro\":1,\"minor\":2,\"major\":8},\"package\":\"\"}}}\n"

struct fixture {
    uv_loop_t loop;
    struct qmp_client *client;
    int fd;            /* the mock's end */
    struct strv heard; /* what callbacks were told, in order */
    bool close_in_callback;
};

static void fixture_told(struct fixture *f)
{
    if (f->close_in_callback)
        qmp_client_close(f->client);
}

static void on_ready(void *arg, const struct semver *version)
{
    struct fixture *f = arg;

    strv_pushf(&f->heard, "ready %u.%u.%u", version->major, version->minor, version->patch);
    fixture_told(f);
}

static void on_event(void *arg, const char *name, json_t *data)
{
    struct fixture *f = arg;

    strv_pushf(&f->heard, "event %s%s", name, data ? " with data" : "");
    fixture_told(f);
}

static void on_lost(void *arg, const struct err *err)
{
    struct fixture *f = arg;

    strv_pushf(&f->heard, "lost: %s", err_text(err));
    fixture_told(f);
}

static void on_reply(void *arg, json_t *data, const struct err *err)
{
    struct fixture *f = arg;

    assert_true(!data != !err);
    if (err)
        strv_pushf(&f->heard, "failed: %s", err_text(err));
    else
        strv_pushf(&f->heard, "reply %s", json_string_value(json_object_get(data, "status")));
    fixture_told(f);
}

static void fixture_open(struct fixture *f, uint64_t handshake_ms)
{
    int fds[2];

    memset(f, 0, sizeof(*f));
    assert_int_equal(uv_loop_init(&f->loop), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    f->fd = fds[1];
    f->client = qmp_client_open(
        &(struct qmp_client_params){
            .loop = &f->loop,
            .handshake_ms = handshake_ms,
            .on_ready = on_ready,
            .on_event = on_event,
            .on_lost = on_lost,
            .arg = f,
        },
        fds[0], NULL);
    assert_non_null(f->client);
}

/* The loop is empty afterwards: every handle was closed. */
static void fixture_close(struct fixture *f)
{
    qmp_client_close(f->client);
    assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    if (f->fd >= 0)
        (void)close(f->fd);
    strv_done(&f->heard);
}

static void mock_says(struct fixture *f, const char *text)
{
    assert_int_equal(write(f->fd, text, strlen(text)), strlen(text));
    (void)uv_run(&f->loop, UV_RUN_ONCE);
}

static void mock_hangs_up(struct fixture *f)
{
    (void)close(f->fd);
    f->fd = -1;
    (void)uv_run(&f->loop, UV_RUN_ONCE);
}

static void mock_expects(struct fixture *f, const char *lines)
{
    char buf[1024];
    ssize_t n = recv(f->fd, buf, sizeof(buf) - 1, MSG_DONTWAIT);

    assert_true(n >= 0 || *lines == '\0');
    buf[n > 0 ? n : 0] = '\0';
    assert_string_equal(buf, lines);
}

static void assert_heard(struct fixture *f, const char *joined)
{
    auto_mem char *heard = strv_join(&f->heard, "; ");

    assert_string_equal(heard, joined);
    strv_clear(&f->heard);
}

static void send_query(struct fixture *f)
{
    assert_true(qmp_client_send(f->client, "query-status", NULL, on_reply, f, NULL));
}

static void fixture_open_ready(struct fixture *f)
{
    fixture_open(f, 60000);
    mock_says(f, GREETING);
    mock_expects(f, "{\"execute\":\"qmp_capabilities\",\"id\":1}\n");
    mock_says(f, "{\"return\":{},\"id\":1}\n");
    assert_heard(f, "ready 8.2.1");
    assert_true(qmp_client_is_ready(f->client));
}

static void commands_sent_early_wait_for_the_handshake(void **state)
{
    struct fixture f;

    fixture_open(&f, 60000);
    send_query(&f);
    mock_expects(&f, "");
    mock_says(&f, GREETING);
    send_query(&f);
    mock_expects(&f, "{\"execute\":\"qmp_capabilities\",\"id\":2}\n");
    mock_says(&f, "{\"return\":{},\"id\":2}\n");
    mock_expects(
        &f, "{\"execute\":\"query-status\",\"id\":1}\n{\"execute\":\"query-status\",\"id\":3}\n");
    mock_says(
        &f, "{\"return\":{\"status\":\"a\"},\"id\":1}\n{\"return\":{\"status\":\"b\"},\"id\":3}\n");
    assert_heard(&f, "ready 8.2.1; reply a; reply b");
    fixture_close(&f);
}

static void replies_find_their_command_by_id(void **state)
{
    struct fixture f;

    fixture_open_ready(&f);
    send_query(&f);
    send_query(&f);
    mock_says(&f, "{\"return\":{\"status\":\"second\"},\"id\":3}\n");
    mock_says(&f, "{\"error\":{\"class\":\"GenericError\",\"desc\":\"no\"},\"id\":2}\n");
    assert_heard(&f, "reply second; failed: QMP command query-status: no");
    fixture_close(&f);
}

static void events_arrive_between_replies(void **state)
{
    struct fixture f;

    fixture_open_ready(&f);
    send_query(&f);
    mock_says(&f, "{\"event\":\"STOP\"}\n{\"return\":{\"status\":\"x\"},\"id\":2}\n"
                  "{\"event\":\"SHUTDOWN\",\"data\":{}}\n");
    assert_heard(&f, "event STOP; reply x; event SHUTDOWN with data");
    fixture_close(&f);
}

static void disconnect_fails_every_pending_command_once(void **state)
{
    static const char *const failed = "failed: QMP command query-status was not answered: "
                                      "QEMU closed the QMP connection; ";
    static const char *const lost = "lost: QEMU closed the QMP connection";

    for (int step = 0; step < 3; step++) {
        struct fixture f;
        auto_mem char *expected = NULL;
        auto_sb struct sb all = { 0 };

        fixture_open(&f, 60000);
        send_query(&f);
        if (step >= 1)
            mock_says(&f, GREETING);
        if (step >= 2) {
            mock_says(&f, "{\"return\":{},\"id\":2}\n");
            assert_heard(&f, "ready 8.2.1");
        }
        send_query(&f);
        mock_hangs_up(&f);
        sb_puts(&all, failed);
        sb_puts(&all, failed);
        sb_puts(&all, lost);
        expected = sb_steal(&all);
        (void)uv_run(&f.loop, UV_RUN_NOWAIT);
        if (step == 1) /* the handshake itself was pending too, silently */
            assert_false(qmp_client_is_ready(f.client));
        assert_heard(&f, expected);
        assert_false(qmp_client_send(f.client, "stop", NULL, on_reply, &f, NULL));
        assert_heard(&f, "");
        fixture_close(&f);
    }
}

static void close_drops_pending_commands_silently(void **state)
{
    struct fixture f;

    fixture_open_ready(&f);
    send_query(&f);
    qmp_client_close(f.client);
    qmp_client_close(f.client);
    assert_int_equal(uv_run(&f.loop, UV_RUN_DEFAULT), 0);
    assert_heard(&f, "");
    f.client = NULL;
    fixture_close(&f);
}

static void every_callback_may_close(void **state)
{
    static const char *const triggers[] = {
        "{\"event\":\"A\"}\n{\"event\":\"B\"}\n",
        "{\"return\":{\"status\":\"x\"},\"id\":2}\n{\"event\":\"B\"}\n",
        "{\"error\":{\"class\":\"E\",\"desc\":\"d\"},\"id\":2}\n{\"event\":\"B\"}\n",
        "rubbish\n{\"event\":\"B\"}\n",
    };

    for (size_t i = 0; i < COUNT(triggers); i++) {
        struct fixture f;

        fixture_open_ready(&f);
        send_query(&f);
        send_query(&f);
        f.close_in_callback = true;
        mock_says(&f, triggers[i]);
        assert_int_equal(uv_run(&f.loop, UV_RUN_DEFAULT), 0);
        assert_int_equal(f.heard.n, 1);
        f.client = NULL;
        fixture_close(&f);
    }
}

static void ready_may_close(void **state)
{
    struct fixture f;

    fixture_open(&f, 0);
    f.close_in_callback = true;
    mock_says(&f, GREETING);
    mock_says(&f, "{\"return\":{},\"id\":1}\n{\"event\":\"B\"}\n");
    assert_int_equal(uv_run(&f.loop, UV_RUN_DEFAULT), 0);
    assert_heard(&f, "ready 8.2.1");
    f.client = NULL;
    fixture_close(&f);
}

static void broken_protocol_loses_the_connection(void **state)
{
    static const struct {
        const char *text, *reason;
    } cases[] = {
        { "rubbish\n", "not JSON" },
        { "{\"what\":1}\n", "unknown QMP message" },
        { GREETING, "a second greeting" },
        { "{\"return\":{},\"id\":9}\n", "was not sent" },
        { "{\"error\":{\"class\":\"E\",\"desc\":\"bad syntax\"}}\n", "bad syntax" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fixture f;

        fixture_open_ready(&f);
        mock_says(&f, cases[i].text);
        assert_int_equal(f.heard.n, 1);
        check_row(strstr(f.heard.v[0], "lost: "), cases[i].text);
        check_row(strstr(f.heard.v[0], cases[i].reason), cases[i].text);
        fixture_close(&f);
    }
}

static void descriptors_travel_with_their_command(void **state)
{
    static const char line[] = "{\"execute\":\"add-fd\",\"id\":1}\n";
    struct fixture f;
    char text[256];
    size_t n = 0, n_fds = 0;
    int pipe_fds[2], got = -1;

    fixture_open(&f, 60000);
    assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
    assert_true(qmp_client_send_fd(f.client, "add-fd", NULL, pipe_fds[1], on_reply, &f, NULL));
    send_query(&f); /* does not overtake */
    mock_says(&f, GREETING);
    mock_expects(&f, "{\"execute\":\"qmp_capabilities\",\"id\":3}\n");
    mock_says(&f, "{\"return\":{},\"id\":3}\n");
    assert_true(sock_recv_fds(f.fd, text, strlen(line), &n, &got, 1, &n_fds, NULL));
    assert_int_equal(n_fds, 1);
    assert_memory_equal(text, line, n);
    assert_int_equal(n, strlen(line));
    mock_expects(&f, "{\"execute\":\"query-status\",\"id\":2}\n");
    assert_int_equal(write(got, "x", 1), 1);
    (void)close(got);
    assert_int_equal(read(pipe_fds[0], text, sizeof(text)), 1);
    assert_int_equal(read(pipe_fds[0], text, sizeof(text)), 0); /* ours is closed */
    (void)close(pipe_fds[0]);
    fixture_close(&f);
}

/* A peer that does not read: the descriptor waits for room, like everything behind it. */
static void descriptors_wait_for_a_full_connection(void **state)
{
    struct fixture f;
    auto_mem char *word = mem_alloc(4096);
    char text[8192];
    size_t n_found = 0;
    int fd = -1;

    fixture_open_ready(&f);
    memset(word, 'x', 4095);
    for (int i = 0; i < 200; i++)
        assert_true(qmp_client_send(f.client, word, NULL, NULL, NULL, NULL));
    fd = dup(f.fd);
    assert_true(qmp_client_send_fd(f.client, "add-fd", NULL, fd, NULL, NULL, NULL));
    while (n_found == 0) {
        size_t n = 0, n_fds = 0;

        (void)uv_run(&f.loop, UV_RUN_NOWAIT);
        assert_true(sock_recv_fds(f.fd, text, sizeof(text), &n, &fd, 1, &n_fds, NULL));
        assert_true(n > 0);
        n_found += n_fds;
    }
    (void)close(fd);
    fixture_close(&f);
}

static void unsent_descriptors_are_closed(void **state)
{
    struct fixture f;
    int pipe_fds[2];
    char byte;

    assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
    fixture_open(&f, 60000);
    assert_true(qmp_client_send_fd(f.client, "add-fd", NULL, pipe_fds[1], on_reply, &f, NULL));
    fixture_close(&f);
    assert_int_equal(read(pipe_fds[0], &byte, 1), 0);
    (void)close(pipe_fds[0]);
}

static void refused_capabilities_lose_the_connection(void **state)
{
    struct fixture f;

    fixture_open(&f, 60000);
    mock_says(&f, GREETING);
    mock_says(&f, "{\"error\":{\"class\":\"CommandNotFound\",\"desc\":\"no\"},\"id\":1}\n");
    assert_heard(&f, "lost: QMP handshake: QMP command qmp_capabilities: no");
    fixture_close(&f);
}

static void silent_peer_runs_into_the_deadline(void **state)
{
    struct fixture f;

    fixture_open(&f, 5);
    send_query(&f);
    while (f.heard.n < 2)
        (void)uv_run(&f.loop, UV_RUN_ONCE);
    assert_non_null(
        strstr(f.heard.v[1], "lost: QEMU did not answer on its QMP socket within 5 ms"));
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_sent_early_wait_for_the_handshake),
        cmocka_unit_test(replies_find_their_command_by_id),
        cmocka_unit_test(events_arrive_between_replies),
        cmocka_unit_test(disconnect_fails_every_pending_command_once),
        cmocka_unit_test(close_drops_pending_commands_silently),
        cmocka_unit_test(every_callback_may_close),
        cmocka_unit_test(ready_may_close),
        cmocka_unit_test(broken_protocol_loses_the_connection),
        cmocka_unit_test(descriptors_travel_with_their_command),
        cmocka_unit_test(descriptors_wait_for_a_full_connection),
        cmocka_unit_test(unsent_descriptors_are_closed),
        cmocka_unit_test(refused_capabilities_lose_the_connection),
        cmocka_unit_test(silent_peer_runs_into_the_deadline),
    };

    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
