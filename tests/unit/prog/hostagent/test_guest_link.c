/* A guest is played by hand at the other end of a Unix socket, as behind a serial port. */
#include "prog/hostagent/guest_link.h"

#include <poll.h>

#include "base/mem.h"
#include "loop_test.h"
#include "svc/loop/watch.h"
#include "sys/file.h"
#include "sys/sock.h"
#include "temp_dir.h"

struct fixture {
    struct guest_link *link;
    int listen_fd;
    int fd; /* the guest's end */
    struct guest_reader reader;
    char *path;
    unsigned hellos, phases;
    char *last_text;
    bool close_at_hello;
};

static void on_hello(void *arg, const struct guest_msg *hello)
{
    struct fixture *f = arg;

    f->hellos++;
    mem_replace(&f->last_text, sv_dup(hello->program));
    if (f->close_at_hello)
        guest_link_close(MOVE(f->link));
}

static void on_phase(void *arg, enum guest_phase phase, enum guest_state state, struct sv text)
{
    struct fixture *f = arg;

    f->phases++;
    mem_replace(&f->last_text, mem_printf("%s %s %.*s", guest_phase_name(phase),
                                          guest_state_name(state), SV_ARG(text)));
}

static void on_dead(void *arg, const struct err *err)
{
    fail_msg("%s", err_text(err));
}

static const struct guest_link_events events = {
    .on_hello = on_hello, .on_phase = on_phase, .on_dead = on_dead,
};

static bool is_readable(int fd)
{
    struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

    return poll(&poll_fd, 1, 0) == 1;
}

static void accept_host(struct fixture *f)
{
    run_until(is_readable(f->listen_fd));
    assert_true(sock_accept(f->listen_fd, &f->fd, NULL));
    guest_reader_done(&f->reader);
    f->reader = (struct guest_reader){ 0 };
}

static void fixture_open(struct fixture *f)
{
    *f = (struct fixture){ .path = temp_path("ga.sock") };
    assert_true(sock_unix_listen(f->path, SOCK_STREAM, &f->listen_fd, NULL));
    f->link = guest_link_open(&test_loop,
                              (struct driver_link){ .kind = DRIVER_LINK_SERIAL, .path = f->path },
                              &events, f, NULL);
    assert_non_null(f->link);
    accept_host(f);
}

static void fixture_close(struct fixture *f)
{
    guest_link_close(f->link);
    assert_int_equal(close(f->fd), 0);
    assert_int_equal(close(f->listen_fd), 0);
    assert_true(file_remove(f->path, NULL));
    guest_reader_done(&f->reader);
    free(f->path);
    free(f->last_text);
}

static void guest_sends(struct fixture *f, const struct guest_msg *msg)
{
    auto_sb struct sb frame = { 0 };

    guest_encode(&frame, msg);
    assert_true(file_write_fd(f->fd, "the link", sb_view(&frame), NULL));
}

static void guest_greets(struct fixture *f, uint32_t flags)
{
    unsigned before = f->hellos;

    guest_sends(f, &(struct guest_msg){ .type = GUEST_HELLO, .version = 1, .flags = flags,
                                        .program = SV("9.9.9") });
    run_until(f->hellos > before);
}

/* The next message of the host, whatever the loop must do for it. */
static enum guest_type guest_hears(struct fixture *f, struct guest_msg *msg)
{
    for (;;) {
        char buf[4096];
        ssize_t n;

        switch (guest_reader_next(&f->reader, msg, NULL)) {
        case GUEST_READ_MESSAGE:
            return msg->type;
        case GUEST_READ_BROKEN:
            fail_msg("the host sends nonsense");
            break;
        case GUEST_READ_MORE:
            break;
        }
        (void)uv_run(&test_loop, UV_RUN_NOWAIT);
        n = recv(f->fd, buf, sizeof(buf), MSG_DONTWAIT);
        if (n > 0)
            guest_reader_feed(&f->reader, buf, (size_t)n);
        else if (n == 0)
            fail_msg("the host hung up");
    }
}

static void both_greet_and_phases_arrive(void **state)
{
    struct fixture f;
    struct guest_msg msg;

    fixture_open(&f);
    assert_int_equal(guest_hears(&f, &msg), GUEST_HELLO);
    assert_true(sv_eq(msg.program, SV(LIMA_VERSION "+clima." CLIMA_VERSION)));
    assert_false(guest_link_is_up(f.link));
    guest_greets(&f, 0);
    assert_true(guest_link_is_up(f.link));
    assert_string_equal(f.last_text, "9.9.9");
    guest_sends(&f, &(struct guest_msg){ .type = GUEST_PHASE, .phase = GUEST_PHASE_BOOT,
                                         .state = GUEST_FAILED, .text = SV("x.sh") });
    run_until(f.phases);
    assert_string_equal(f.last_text, "boot failed x.sh");
    fixture_close(&f);
}

static void time_and_pong_are_sent_to_a_greeted_guest(void **state)
{
    struct fixture f;
    struct guest_msg msg;

    fixture_open(&f);
    guest_link_send_time(f.link); /* too early: nothing */
    assert_int_equal(guest_hears(&f, &msg), GUEST_HELLO);
    guest_greets(&f, 0);
    guest_link_send_time(f.link);
    assert_int_equal(guest_hears(&f, &msg), GUEST_TIME);
    assert_true(msg.time_ns > INT64_C(1600000000) * 1000000000);
    guest_sends(&f, &(struct guest_msg){ .type = GUEST_PING, .id = 7 });
    assert_int_equal(guest_hears(&f, &msg), GUEST_PONG);
    assert_int_equal(msg.id, 7);
    fixture_close(&f);
}

static void an_initramfs_is_sent_nothing_but_the_greeting(void **state)
{
    struct fixture f;
    struct guest_msg msg;
    auto_err struct err *err = NULL;

    fixture_open(&f);
    guest_greets(&f, GUEST_IN_INITRD);
    guest_link_send_time(f.link);
    assert_false(guest_link_update(f.link, "/bin/true", &err));
    assert_int_equal(guest_hears(&f, &msg), GUEST_HELLO);
    (void)uv_run(&test_loop, UV_RUN_NOWAIT);
    assert_int_equal(recv(f.fd, &msg, sizeof(msg), MSG_DONTWAIT), -1);
    fixture_close(&f);
}

static void nonsense_ends_the_connection_and_it_is_made_again(void **state)
{
    struct fixture f;

    fixture_open(&f);
    assert_true(file_write_fd(f.fd, "the link", SV("\0\0\0\2hm and so on"), NULL));
    (void)uv_run(&test_loop, UV_RUN_ONCE);
    assert_int_equal(close(f.fd), 0);
    accept_host(&f);
    guest_greets(&f, 0);
    fixture_close(&f);
}

static void a_lost_guest_comes_back(void **state)
{
    struct fixture f;

    fixture_open(&f);
    guest_greets(&f, 0);
    assert_int_equal(close(f.fd), 0);
    run_until(!guest_link_is_up(f.link));
    accept_host(&f); /* runs the loop until the timer is due, which connects */
    guest_greets(&f, 0);
    assert_true(guest_link_is_up(f.link));
    assert_int_equal(f.hellos, 2);
    fixture_close(&f);
}

static void an_update_carries_the_whole_program(void **state)
{
    enum { SIZE = GUEST_DATA_LEN_MAX + 1000 };
    auto_mem char *path = temp_path("agent");
    auto_mem char *bytes = mem_alloc(SIZE);
    auto_sb struct sb got = { 0 };
    struct fixture f;
    struct guest_msg msg;
    uint32_t crc;

    memcpy(bytes, "\177ELF", 4);
    for (size_t i = 4; i < SIZE; i++)
        bytes[i] = (char)(i * 7);
    assert_true(file_write_atomic(path, (struct sv){ bytes, SIZE }, 0700, NULL));
    fixture_open(&f);
    guest_greets(&f, 0);
    assert_true(guest_link_update(f.link, path, NULL));
    assert_int_equal(guest_hears(&f, &msg), GUEST_HELLO);
    assert_int_equal(guest_hears(&f, &msg), GUEST_UPDATE);
    assert_int_equal(msg.size, SIZE);
    crc = msg.crc;
    while (got.n < SIZE) {
        assert_int_equal(guest_hears(&f, &msg), GUEST_UPDATE_DATA);
        sb_put(&got, msg.data);
    }
    assert_int_equal(got.n, SIZE);
    assert_int_equal(guest_crc(0, sb_view(&got)), crc);
    assert_memory_equal(got.p, bytes, SIZE);
    fixture_close(&f);
}

static void what_is_no_program_is_not_sent(void **state)
{
    auto_mem char *path = temp_path("agent.gz");
    auto_err struct err *err = NULL, *absent = NULL;
    struct fixture f;

    assert_true(file_write_atomic(path, SV("\037\213 compressed"), 0600, NULL));
    fixture_open(&f);
    guest_greets(&f, 0);
    assert_false(guest_link_update(f.link, path, &err));
    assert_int_equal(err_kind(err), ERR_INVALID);
    assert_false(guest_link_update(f.link, "/no/such/file", &absent));
    fixture_close(&f);
}

static void the_owner_may_close_at_a_message(void **state)
{
    struct fixture f;

    fixture_open(&f);
    f.close_at_hello = true;
    guest_sends(&f, &(struct guest_msg){ .type = GUEST_HELLO, .version = 1 });
    guest_sends(&f, &(struct guest_msg){ .type = GUEST_PHASE });
    run_until(f.hellos);
    (void)uv_run(&test_loop, UV_RUN_DEFAULT);
    assert_int_equal(f.phases, 0);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        loop_test(both_greet_and_phases_arrive),
        loop_test(time_and_pong_are_sent_to_a_greeted_guest),
        loop_test(an_initramfs_is_sent_nothing_but_the_greeting),
        loop_test(nonsense_ends_the_connection_and_it_is_made_again),
        loop_test(a_lost_guest_comes_back),
        loop_test(an_update_carries_the_whole_program),
        loop_test(what_is_no_program_is_not_sent),
        loop_test(the_owner_may_close_at_a_message),
    };

    return cmocka_run_group_tests(tests, temp_dir_setup, temp_dir_teardown);
}
