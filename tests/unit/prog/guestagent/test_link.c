#include "prog/guestagent/link.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/auto.h"
#include "sys/sig.h"
#include "sys/sock.h"
#include "unit_test.h"

struct fixture {
    struct link link;
    int host_fd;
};

/* A link that is up, its other end in our hand. */
static int set_up(void **state)
{
    static struct fixture f;
    struct epoll_event event = { .events = EPOLLIN };
    int fds[2];

    f = (struct fixture){ 0 };
    sig_ignore_pipe();
    link_init(&f.link);
    f.link.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (!sock_pair(SOCK_STREAM, fds, NULL) || fcntl(fds[0], F_SETFL, O_NONBLOCK) < 0 ||
        epoll_ctl(f.link.epoll_fd, EPOLL_CTL_ADD, fds[0], &event) < 0)
        return -1;
    f.link.fd = fds[0];
    f.link.state = LINK_UP;
    f.link.retry_at_ns = 0;
    f.host_fd = fds[1];
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    link_done(&f->link);
    (void)close(f->link.epoll_fd);
    if (f->host_fd >= 0)
        (void)close(f->host_fd);
    return 0;
}

static void host_sends(struct fixture *f, struct sv bytes)
{
    assert_int_equal(write(f->host_fd, bytes.p, bytes.n), bytes.n);
    assert_false(link_fd_ready(&f->link));
}

static void messages_come_out_in_order(void **state)
{
    struct fixture *f = *state;
    auto_sb struct sb frames = { 0 };
    struct guest_msg msg;

    guest_encode(&frames,
                 &(struct guest_msg){ .type = GUEST_HELLO, .version = 1, .program = SV("x") });
    guest_encode(&frames, &(struct guest_msg){ .type = GUEST_PING, .id = 7 });
    host_sends(f, sv_slice(sb_view(&frames), 0, 10));
    assert_false(link_next(&f->link, &msg));
    host_sends(f, sv_slice(sb_view(&frames), 10, frames.n));
    assert_true(link_next(&f->link, &msg));
    assert_int_equal(msg.type, GUEST_HELLO);
    assert_true(link_next(&f->link, &msg));
    assert_int_equal(msg.id, 7);
    assert_false(link_next(&f->link, &msg));
}

static void frames_reach_the_host(void **state)
{
    struct fixture *f = *state;
    auto_sb struct sb expected = { 0 };
    char bytes[256];

    guest_encode(&expected, &(struct guest_msg){ .type = GUEST_PONG, .id = 9 });
    link_send_msg(&f->link, &(struct guest_msg){ .type = GUEST_PONG, .id = 9 });
    assert_int_equal(read(f->host_fd, bytes, sizeof(bytes)), expected.n);
    assert_memory_equal(bytes, expected.p, expected.n);
}

static void peer_that_breaks_the_format_is_left(void **state)
{
    struct fixture *f = *state;
    struct guest_msg msg;

    host_sends(f, SV("\xff\xff\xff\xff"));
    assert_false(link_next(&f->link, &msg));
    assert_int_equal(f->link.state, LINK_DOWN);
    assert_int_equal(f->link.fd, -1);
    assert_true(f->link.retry_at_ns > 0);
}

static void end_of_the_connection_leads_to_a_new_one(void **state)
{
    struct fixture *f = *state;

    (void)close(MOVE_FD(f->host_fd));
    assert_false(link_fd_ready(&f->link));
    assert_int_equal(f->link.state, LINK_DOWN);
    assert_true(f->link.retry_at_ns > 0);
    link_send_msg(&f->link, &(struct guest_msg){ .type = GUEST_PONG }); /* nowhere to go */
    assert_int_equal(f->link.out.n, 0);
}

/* The Unix socket that it listened on meanwhile is one way, a new vsock device another. */
static void vsock_is_looked_for_though_the_unix_socket_is_open(void **state)
{
    struct fixture *f = *state;
    int pipe_fds[2];

    assert_true(pipe2(pipe_fds, O_CLOEXEC) == 0);
    f->link.listen_fd = pipe_fds[0];
    (void)close(MOVE_FD(f->host_fd));
    assert_false(link_fd_ready(&f->link));
    assert_true(f->link.retry_at_ns > 0);
    (void)close(pipe_fds[1]);
}

static void without_vsock_it_is_the_hosts_turn(void **state)
{
    struct fixture *f = *state;
    int pipe_fds[2];

    assert_true(pipe2(pipe_fds, O_CLOEXEC) == 0);
    f->link.listen_fd = pipe_fds[0];
    f->link.has_no_vsock = true;
    (void)close(MOVE_FD(f->host_fd));
    assert_false(link_fd_ready(&f->link));
    assert_int_equal(f->link.retry_at_ns, 0);
    (void)close(pipe_fds[1]);
}

static void pauses_grow_up_to_a_limit(void **state)
{
    struct fixture *f = *state;
    unsigned last = 0;

    for (int i = 0; i < 20; i++) {
        link_disconnect(&f->link);
        f->link.state = LINK_UP;
        f->link.fd = dup(f->host_fd);
        (void)shutdown(f->host_fd, SHUT_RDWR);
        (void)link_fd_ready(&f->link);
        assert_true(f->link.pause_ms >= last);
        last = f->link.pause_ms;
    }
    assert_int_equal(last, 5000);
}

static void host_that_does_not_read_is_given_up(void **state)
{
    struct fixture *f = *state;
    auto_sb struct sb frames = { 0 };

    while (frames.n < 200 * 1024)
        guest_encode(&frames, &(struct guest_msg){ .type = GUEST_PONG });
    for (int i = 0; i < 20 && f->link.state == LINK_UP; i++)
        link_send(&f->link, &frames);
    assert_int_equal(f->link.state, LINK_DOWN);
}

static void flush_waits_for_the_host(void **state)
{
    struct fixture *f = *state;
    auto_sb struct sb frames = { 0 };
    char bytes[4096];
    size_t n_read = 0;

    while (frames.n < 512 * 1024)
        guest_encode(&frames, &(struct guest_msg){ .type = GUEST_PONG });
    link_send(&f->link, &frames);
    assert_true(f->link.out.n > 0);
    assert_int_equal(fcntl(f->host_fd, F_SETFL, O_NONBLOCK), 0);
    while (n_read < frames.n) {
        ssize_t n = read(f->host_fd, bytes, sizeof(bytes));

        if (n > 0)
            n_read += (size_t)n;
        else /* all that there was is read, so there is room for more */
            link_flush(&f->link, 20);
    }
    assert_int_equal(f->link.out.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(messages_come_out_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(frames_reach_the_host, set_up, tear_down),
        cmocka_unit_test_setup_teardown(peer_that_breaks_the_format_is_left, set_up, tear_down),
        cmocka_unit_test_setup_teardown(end_of_the_connection_leads_to_a_new_one, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(vsock_is_looked_for_though_the_unix_socket_is_open, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(without_vsock_it_is_the_hosts_turn, set_up, tear_down),
        cmocka_unit_test_setup_teardown(pauses_grow_up_to_a_limit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(host_that_does_not_read_is_given_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(flush_waits_for_the_host, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
