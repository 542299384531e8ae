/* The client, the real control socket and the real vsock device, with a fake guest; both loops run
 * in this thread. */
#include "svc/devices/devices_client.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../unit_test.h"
#include "base/mem.h"
#include "fake_vsock.h"
#include "prog/devices/control.h"
#include "sys/sock.h"

#define ECHO_PORT 7
#define MUTE_PORT 8

struct world {
    char dir[32], *path;
    struct evloop *loop;
    struct control *control;
    struct vsock_dev *vsock;
    struct fake_guest *g;
    struct fake_vsock guest;
    uv_loop_t uv;
    struct devices_client *client;
    unsigned n_up, n_down, n_closed;
    /* What callbacks brought last. */
    unsigned n_accepted, n_held, n_connected, n_done, n_counters;
    int fd;
    bool failed;
    enum err_kind kind;
    uint32_t stream, peer_port;
    struct devctl_counters counters;
};

static void spin(void *arg)
{
    struct world *w = arg;

    assert_true(evloop_step(w->loop, 0, NULL));
}

static void guest_up(void *owner, bool resumed)
{
    control_guest_changed(((struct world *)owner)->control, true, resumed);
}

static void guest_down(void *owner, const char *broken)
{
    control_guest_changed(((struct world *)owner)->control, false, false);
}

static bool guest_connects(void *owner, struct vsock_stream *s)
{
    return control_guest_connects(((struct world *)owner)->control, s);
}

static void qemu_gone(void *owner, const struct err *err) {}

static const struct vsock_dev_events vsock_events = { guest_up, guest_down, guest_connects,
                                                      qemu_gone };

static void on_up(void *owner, bool resumed)
{
    ((struct world *)owner)->n_up++;
}

static void on_down(void *owner)
{
    ((struct world *)owner)->n_down++;
}

static void on_closed(void *owner, const struct err *err)
{
    ((struct world *)owner)->n_closed++;
}

static const struct devices_client_events client_events = { on_up, on_down, on_closed };

/* Lets everybody work until nothing happens any more. */
static void settle(struct world *w)
{
    for (int idle = 0; idle < 4; idle++) {
        (void)uv_run(&w->uv, UV_RUN_NOWAIT);
        spin(w);
        if (fake_vsock_poll(&w->guest) || evloop_is_busy(w->loop))
            idle = 0;
    }
}

static void open_client(struct world *w)
{
    struct err *err = NULL;

    w->client = devices_client_open(&w->uv, w->path, &client_events, w, &err);
    if (!w->client)
        fail_msg("%s", err_text(err));
    settle(w);
}

static int setup(void **state)
{
    struct world *w = mem_new(struct world);
    int fds[2], listen_fd;

    (void)snprintf(w->dir, sizeof(w->dir), "/tmp/test-devices-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    w->path = mem_printf("%s/s", w->dir);
    assert_true(sock_unix_listen(w->path, SOCK_SEQPACKET, &listen_fd, NULL));
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    w->loop = evloop_new(NULL);
    w->control = control_new(w->loop, listen_fd, DEVCTL_SANDBOX_LANDLOCK, NULL);
    w->vsock = vsock_dev_new(w->loop, fds[1], 100, &vsock_events, w, NULL);
    control_set_vsock(w->control, w->vsock);
    assert_int_equal(uv_loop_init(&w->uv), 0);
    w->g = fake_guest_new(fds[0], UINT64_MAX, spin, w);
    fake_vsock_init(&w->guest, w->g, ECHO_PORT);
    fake_guest_start(w->g, false);
    w->fd = -1;
    open_client(w);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    devices_client_close(w->client);
    devices_client_close(w->client);
    (void)uv_run(&w->uv, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&w->uv), 0);
    control_free(w->control);
    vsock_dev_free(w->vsock);
    fake_vsock_done(&w->guest);
    fake_guest_free(w->g);
    evloop_free(w->loop);
    if (w->fd >= 0)
        (void)close(w->fd);
    (void)unlink(w->path);
    (void)rmdir(w->dir);
    free(w->path);
    free(w);
    return 0;
}

static void set_outcome(struct world *w, int fd, const struct err *err)
{
    w->failed = err != NULL;
    if (err)
        w->kind = err_kind(err);
    if (fd >= 0) {
        if (w->fd >= 0)
            (void)close(w->fd);
        w->fd = fd;
    }
}

static void accepted(void *arg, int take_fd, uint32_t port, uint32_t peer_port)
{
    struct world *w = arg;

    assert_int_equal(port, 2222);
    w->n_accepted++;
    w->peer_port = peer_port;
    set_outcome(w, take_fd, NULL);
}

static void held(void *arg, uint32_t stream, uint32_t port, uint32_t peer_port)
{
    struct world *w = arg;

    w->n_held++;
    w->stream = stream;
}

static void connected(void *arg, int take_fd, const struct err *err)
{
    struct world *w = arg;

    w->n_connected++;
    set_outcome(w, take_fd, err);
}

static void done(void *arg, const struct err *err)
{
    struct world *w = arg;

    w->n_done++;
    set_outcome(w, -1, err);
}

static void counters(void *arg, const struct devctl_counters *c, const struct err *err)
{
    struct world *w = arg;

    w->n_counters++;
    if (c)
        w->counters = *c;
    set_outcome(w, -1, err);
}

static void expect_echo(struct world *w, int fd, const char *text)
{
    char back[64] = { 0 };

    assert_int_equal(send(fd, text, strlen(text), 0), strlen(text));
    settle(w);
    assert_int_equal(recv(fd, back, sizeof(back) - 1, MSG_DONTWAIT), strlen(text));
    assert_string_equal(back, text);
}

static void greeting_tells_version_sandbox_and_guest(void **state)
{
    struct world *w = *state;

    assert_string_equal(devices_client_version(w->client), CLIMA_VERSION);
    assert_int_equal(devices_client_sandbox(w->client), DEVCTL_SANDBOX_LANDLOCK);
    assert_true(devices_client_is_up(w->client));
    assert_int_equal(w->n_up, 1);
    fake_guest_stop(w->g);
    settle(w);
    assert_int_equal(w->n_down, 1);
    assert_false(devices_client_is_up(w->client));
}

static void guest_connects_to_a_port_that_is_listened_on(void **state)
{
    struct world *w = *state;
    struct fake_conn *c, *refused;

    devices_client_listen(w->client, 2222, accepted, w);
    settle(w);
    c = fake_vsock_connect(&w->guest, 2222);
    refused = fake_vsock_connect(&w->guest, 2223);
    settle(w);
    assert_int_equal(w->n_accepted, 1);
    assert_int_equal(w->peer_port, c->guest_port);
    assert_true(c->is_open && refused->was_reset);
    assert_int_equal(send(w->fd, "x", 1, 0), 1);
    settle(w);
    assert_int_equal(c->received, 1);

    devices_client_unlisten(w->client, 2222);
    settle(w);
    refused = fake_vsock_connect(&w->guest, 2222);
    settle(w);
    assert_true(refused->was_reset && !c->is_gone);
}

static void host_connects_or_learns_why_not(void **state)
{
    struct world *w = *state;

    devices_client_connect(w->client, ECHO_PORT, connected, w);
    settle(w);
    assert_int_equal(w->n_connected, 1);
    assert_false(w->failed);
    expect_echo(w, w->fd, "hello");

    devices_client_connect(w->client, 99, connected, w);
    settle(w);
    assert_int_equal(w->n_connected, 2);
    assert_true(w->failed);
    assert_int_equal(w->kind, ERR_NOT_FOUND);

    fake_guest_stop(w->g);
    devices_client_connect(w->client, ECHO_PORT, connected, w);
    settle(w);
    assert_int_equal(w->n_connected, 3);
    assert_int_equal(w->kind, ERR_BUSY);
}

static void pumped_sockets_outlive_the_host_agent(void **state)
{
    struct world *w = *state;
    char back[32] = { 0 };
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    devices_client_pump(w->client, ECHO_PORT, fds[1], SV("to 80\n"), 5, done, w);
    settle(w);
    assert_int_equal(w->n_done, 1);
    assert_false(w->failed);
    assert_int_equal(recv(fds[0], back, sizeof(back), MSG_DONTWAIT), 6);
    assert_string_equal(back, "to 80\n");
    devices_client_stats(w->client, 5, counters, w);
    settle(w);
    assert_int_equal(w->counters.live, 1);
    assert_int_equal(w->counters.bytes_to_guest, 0); /* the preface is none of the connection's */
    assert_int_equal(w->counters.bytes_from_guest, 6);

    devices_client_connect(w->client, ECHO_PORT, connected, w);
    devices_client_listen(w->client, 2222, accepted, w);
    settle(w);
    devices_client_close(w->client);
    settle(w);
    assert_int_equal(recv(w->fd, back, 1, MSG_DONTWAIT), 0); /* handed out: ended */
    expect_echo(w, fds[0], "still here");

    open_client(w);
    devices_client_listen(w->client, 2222, accepted, w); /* the port is free again */
    devices_client_stats(w->client, 0, counters, w);
    devices_client_stats(w->client, 5, counters, w); /* groups belong to a connection */
    settle(w);
    assert_int_equal(w->n_counters, 3);
    assert_int_equal(w->counters.total, 0);
    assert_int_equal(w->n_closed, 0);
    (void)close(fds[0]);
}

static void pump_without_a_callback_asks_for_no_answer(void **state)
{
    struct world *w = *state;
    char back[32] = { 0 };
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    devices_client_pump(w->client, ECHO_PORT, fds[1], SV("quiet"), 5, NULL, NULL);
    devices_client_stats(w->client, 5, counters, w);
    settle(w);
    assert_int_equal(recv(fds[0], back, sizeof(back), MSG_DONTWAIT), 5);
    assert_string_equal(back, "quiet");
    (void)close(fds[0]);

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    devices_client_close(w->client);
    devices_client_pump(w->client, ECHO_PORT, fds[1], SV(""), 5, NULL, NULL);
    assert_int_equal(recv(fds[0], back, 1, MSG_DONTWAIT), 0);
    settle(w);
    open_client(w);
    (void)close(fds[0]);
}

static void forwards_share_a_stream(void **state)
{
    struct world *w = *state;

    assert_true(devices_client_can_forward(w->client));
    for (unsigned i = 1; i <= 3; i++) {
        char back[32] = { 0 };
        int fds[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        devices_client_forward(w->client, ECHO_PORT, fds[1], SV("\0\5quiet"), 5);
        settle(w);
        assert_int_equal(recv(fds[0], back, sizeof(back), MSG_DONTWAIT), 5);
        assert_string_equal(back, "quiet");
        assert_int_equal(shutdown(fds[0], SHUT_WR), 0);
        settle(w);
        assert_int_equal(recv(fds[0], back, 1, MSG_DONTWAIT), 0);
        (void)close(fds[0]);
        devices_client_stats(w->client, 5, counters, w);
        settle(w);
        assert_int_equal(w->counters.total, i);
        assert_int_equal(w->counters.live, 0);
        assert_int_equal(w->guest.n_conns, 1);
    }
}

static void refused_pump_closes_the_socket(void **state)
{
    struct world *w = *state;
    char byte;
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    devices_client_pump(w->client, 99, fds[1], SV(""), 0, done, w);
    settle(w);
    assert_true(w->failed);
    assert_int_equal(w->kind, ERR_NOT_FOUND);
    assert_int_equal(recv(fds[0], &byte, 1, MSG_DONTWAIT), 0);
    (void)close(fds[0]);
}

static void only_stream_sockets_can_be_pumped(void **state)
{
    struct world *w = *state;
    int dgram = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int pipes[2], listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(pipe(pipes), 0);
    assert_int_equal(listen(listening, 1), 0);
    devices_client_pump(w->client, ECHO_PORT, dgram, SV(""), 0, done, w);
    devices_client_pump(w->client, ECHO_PORT, listening, SV(""), 0, done, w);
    devices_client_pump(w->client, ECHO_PORT, pipes[0], SV(""), 0, done, w);
    settle(w);
    assert_int_equal(w->n_done, 3);
    assert_true(w->failed);
    assert_int_equal(fake_vsock_live(&w->guest), 0);
    (void)close(pipes[1]);
}

static void held_connections_are_accepted_or_rejected(void **state)
{
    struct world *w = *state;
    struct fake_conn *c;
    int fds[2];

    devices_client_listen_hold(w->client, 2300, held, w);
    settle(w);
    c = fake_vsock_connect(&w->guest, 2300);
    settle(w);
    assert_int_equal(w->n_held, 1);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    devices_client_accept(w->client, w->stream, fds[1], 3, done, w);
    settle(w);
    assert_int_equal(w->n_done, 1);
    assert_true(c->is_open && !w->failed);
    (void)close(fds[0]);
    settle(w);
    assert_true(c->is_gone);

    c = fake_vsock_connect(&w->guest, 2300);
    settle(w);
    devices_client_reject(w->client, w->stream);
    settle(w);
    assert_true(c->was_reset);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    devices_client_accept(w->client, w->stream, fds[1], 3, done, w); /* too late */
    settle(w);
    assert_true(w->failed);
    assert_int_equal(w->kind, ERR_NOT_FOUND);
    (void)close(fds[0]);
}

static void a_port_has_one_listener(void **state)
{
    struct world *w = *state;
    struct devices_client *first = w->client;

    devices_client_listen(w->client, 2222, accepted, w);
    settle(w);
    open_client(w);
    devices_client_listen(w->client, 2222, accepted, w);
    settle(w);
    assert_int_equal(w->n_closed, 1);
    devices_client_close(first);
    settle(w);
}

static void close_fails_what_is_pending(void **state)
{
    struct world *w = *state;

    w->guest.mute = true;
    devices_client_connect(w->client, MUTE_PORT, connected, w);
    settle(w);
    assert_int_equal(w->n_connected, 0);
    devices_client_close(w->client);
    assert_int_equal(w->n_connected, 1);
    assert_int_equal(w->kind, ERR_CANCELED);
    settle(w);
    assert_int_equal(fake_vsock_live(&w->guest), 0); /* the guest was told */
    open_client(w);
}

static void end_of_the_devices_process_is_reported_once(void **state)
{
    struct world *w = *state;

    w->guest.mute = true;
    devices_client_connect(w->client, MUTE_PORT, connected, w);
    settle(w);
    control_free(w->control);
    w->control = NULL;
    (void)uv_run(&w->uv, UV_RUN_NOWAIT);
    assert_int_equal(w->n_closed, 1);
    assert_int_equal(w->n_connected, 1);
    devices_client_connect(w->client, ECHO_PORT, connected, w); /* fails at once */
    assert_int_equal(w->n_connected, 2);
    assert_int_equal(w->kind, ERR_CANCELED);
}

static void broken_packets_drop_only_their_sender(void **state)
{
    struct world *w = *state;
    static const struct sv packets[] = {
        { "", 1 },
        { "\x02\0\0\0\x07\0\0\0\x01\0\0", 11 },
        { "\x09\0\0\0\x07\0\0\0\x01\0\0\0", 12 },          /* an answer */
        { "\x02\0\0\0\x07\0\0\0\x01\0\0\0\xae\x08\0\0", 16 }, /* no greeting before */
    };

    for (size_t i = 0; i < COUNT(packets); i++) {
        char byte;
        int fd;

        assert_true(sock_unix_connect(w->path, SOCK_SEQPACKET, &fd, NULL));
        assert_int_equal(send(fd, packets[i].p, packets[i].n, 0), packets[i].n);
        settle(w);
        assert_int_equal(recv(fd, &byte, 1, MSG_DONTWAIT), 0);
        (void)close(fd);
    }
    devices_client_connect(w->client, ECHO_PORT, connected, w);
    settle(w);
    expect_echo(w, w->fd, "fine");
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(greeting_tells_version_sandbox_and_guest),
        CASE(guest_connects_to_a_port_that_is_listened_on),
        CASE(host_connects_or_learns_why_not),
        CASE(pumped_sockets_outlive_the_host_agent),
        CASE(pump_without_a_callback_asks_for_no_answer),
        CASE(refused_pump_closes_the_socket),
        CASE(forwards_share_a_stream),
        CASE(only_stream_sockets_can_be_pumped),
        CASE(held_connections_are_accepted_or_rejected),
        CASE(a_port_has_one_listener),
        CASE(close_fails_what_is_pending),
        CASE(end_of_the_devices_process_is_reported_once),
        CASE(broken_packets_drop_only_their_sender),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
