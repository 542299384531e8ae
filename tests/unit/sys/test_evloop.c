#include "sys/evloop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "../unit_test.h"

struct probe {
    struct evloop *loop;
    struct ev_source a, b;
    struct ev_timer timers[3];
    struct ev_task task;
    unsigned n_ready, n_runs;
    int calm_fd;
    char order[8];
    unsigned n_order;
};

static struct probe probe;

static void removes_the_other(struct ev_source *source, uint32_t events)
{
    probe.n_ready++;
    evloop_remove(probe.loop, source == &probe.a ? &probe.b : &probe.a);
}

static void removed_source_is_not_called_in_the_same_round(void **state)
{
    int fds[2] = { eventfd(1, EFD_CLOEXEC), eventfd(1, EFD_CLOEXEC) };

    probe = (struct probe){ .loop = evloop_new(NULL) };
    assert_true(evloop_add(probe.loop, &probe.a, fds[0], EPOLLIN, removes_the_other, NULL));
    assert_true(evloop_add(probe.loop, &probe.b, fds[1], EPOLLIN, removes_the_other, NULL));
    assert_true(evloop_step(probe.loop, 0, NULL));
    assert_int_equal(probe.n_ready, 1);
    evloop_remove(probe.loop, &probe.a);
    evloop_remove(probe.loop, &probe.b);
    evloop_free(probe.loop);
    (void)close(fds[0]);
    (void)close(fds[1]);
}

static void count_ready(struct ev_source *source, uint32_t events)
{
    probe.n_ready += source == &probe.b;
}

static void gives_its_number_to_the_other(struct ev_source *source, uint32_t events)
{
    struct ev_source *other = source == &probe.a ? &probe.b : &probe.a;
    int fd = other->fd;

    evloop_remove(probe.loop, source);
    evloop_remove(probe.loop, other);
    (void)dup2(probe.calm_fd, fd);
    assert_true(evloop_add(probe.loop, &probe.b, fd, EPOLLIN, count_ready, NULL));
}

static void number_that_is_used_again_is_not_told_what_came_before(void **state)
{
    int fds[2] = { eventfd(1, EFD_CLOEXEC), eventfd(1, EFD_CLOEXEC) };
    const uint64_t one = 1;

    probe = (struct probe){ .loop = evloop_new(NULL), .calm_fd = eventfd(0, EFD_CLOEXEC) };
    for (int i = 0; i < 2; i++)
        assert_true(evloop_add(probe.loop, i ? &probe.b : &probe.a, fds[i], EPOLLIN,
                               gives_its_number_to_the_other, NULL));
    assert_true(evloop_step(probe.loop, 0, NULL));
    assert_int_equal(probe.n_ready, 0);
    assert_int_equal(write(probe.calm_fd, &one, sizeof(one)), sizeof(one));
    assert_true(evloop_step(probe.loop, 0, NULL));
    assert_int_equal(probe.n_ready, 1);
    evloop_free(probe.loop);
    (void)close(fds[0]);
    (void)close(fds[1]);
    (void)close(probe.calm_fd);
}

static void closed_source_is_not_called_while_others_have_its_file(void **state)
{
    int fds[2] = { eventfd(1, EFD_CLOEXEC), -1 };

    probe = (struct probe){ .loop = evloop_new(NULL) };
    fds[1] = dup(fds[0]);
    assert_true(evloop_add(probe.loop, &probe.b, fds[0], EPOLLIN | EPOLLET, count_ready, NULL));
    evloop_close(probe.loop, &probe.b);
    assert_int_equal(probe.b.fd, -1);
    assert_int_equal(eventfd(0, EFD_CLOEXEC), fds[0]); /* the number is free */
    assert_true(evloop_add(probe.loop, &probe.b, fds[0], EPOLLIN | EPOLLET, count_ready, NULL));
    assert_true(evloop_step(probe.loop, 0, NULL));
    assert_int_equal(probe.n_ready, 0);
    evloop_remove(probe.loop, &probe.b);
    evloop_free(probe.loop);
    (void)close(fds[0]);
    (void)close(fds[1]);
}

static void moves_itself(struct ev_source *source, uint32_t events)
{
    evloop_move(probe.loop, source, &probe.b, count_ready);
}

static void moved_descriptor_tells_its_new_source_what_comes(void **state)
{
    int fd = eventfd(1, EFD_CLOEXEC);
    const uint64_t one = 1;

    probe = (struct probe){ .loop = evloop_new(NULL), .b.fd = -1 };
    assert_true(evloop_add(probe.loop, &probe.a, fd, EPOLLIN | EPOLLET, moves_itself, NULL));
    assert_true(evloop_step(probe.loop, 0, NULL));
    assert_int_equal(probe.a.fd, -1);
    assert_int_equal(probe.b.fd, fd);
    assert_true(evloop_step(probe.loop, 0, NULL));
    assert_int_equal(probe.n_ready, 0);
    assert_int_equal(write(fd, &one, sizeof(one)), sizeof(one));
    assert_true(evloop_step(probe.loop, 0, NULL));
    assert_int_equal(probe.n_ready, 1);
    evloop_change(probe.loop, &probe.b, EPOLLIN | EPOLLET); /* tells again */
    assert_true(evloop_step(probe.loop, 0, NULL));
    assert_int_equal(probe.n_ready, 2);
    evloop_remove(probe.loop, &probe.b);
    evloop_free(probe.loop);
    (void)close(fd);
}

static void silences_the_other(struct ev_source *source, uint32_t events)
{
    probe.n_ready++;
    evloop_change(probe.loop, source == &probe.a ? &probe.b : &probe.a, 0);
}

static void changed_source_is_not_told_what_came_before(void **state)
{
    int fds[2] = { eventfd(1, EFD_CLOEXEC), eventfd(1, EFD_CLOEXEC) };

    probe = (struct probe){ .loop = evloop_new(NULL) };
    for (int i = 0; i < 2; i++)
        assert_true(evloop_add(probe.loop, i ? &probe.b : &probe.a, fds[i], EPOLLIN,
                               silences_the_other, NULL));
    assert_true(evloop_step(probe.loop, 0, NULL));
    assert_int_equal(probe.n_ready, 1);
    evloop_free(probe.loop);
    (void)close(fds[0]);
    (void)close(fds[1]);
}

static void due(struct ev_timer *timer)
{
    probe.order[probe.n_order++] = (char)('0' + (timer - probe.timers));
    if (probe.n_order == 2)
        evloop_stop(probe.loop);
}

static void timers_run_in_order_unless_stopped(void **state)
{
    probe = (struct probe){ .loop = evloop_new(NULL) };
    ev_timer_start(probe.loop, &probe.timers[0], 20, due);
    ev_timer_start(probe.loop, &probe.timers[1], 1, due);
    ev_timer_start(probe.loop, &probe.timers[2], 10, due);
    assert_true(ev_timer_is_running(&probe.timers[2]));
    ev_timer_stop(&probe.timers[2]);
    assert_false(ev_timer_is_running(&probe.timers[2]));
    assert_true(evloop_run(probe.loop, NULL));
    assert_string_equal(probe.order, "10");
    evloop_free(probe.loop);
}

static void run_again(struct ev_task *task)
{
    if (++probe.n_runs < 3)
        ev_task_queue(probe.loop, task, run_again);
}

static void task_that_queues_itself_waits_for_the_next_round(void **state)
{
    probe = (struct probe){ .loop = evloop_new(NULL) };
    ev_task_queue(probe.loop, &probe.task, run_again);
    ev_task_queue(probe.loop, &probe.task, run_again); /* queued once */
    for (unsigned i = 1; i <= 3; i++) {
        /* While a task is queued nothing waits, even without an end. */
        assert_true(evloop_step(probe.loop, i < 3 ? -1 : 0, NULL));
        assert_int_equal(probe.n_runs, i);
    }
    evloop_free(probe.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(removed_source_is_not_called_in_the_same_round),
        cmocka_unit_test(number_that_is_used_again_is_not_told_what_came_before),
        cmocka_unit_test(closed_source_is_not_called_while_others_have_its_file),
        cmocka_unit_test(moved_descriptor_tells_its_new_source_what_comes),
        cmocka_unit_test(changed_source_is_not_told_what_came_before),
        cmocka_unit_test(timers_run_in_order_unless_stopped),
        cmocka_unit_test(task_that_queues_itself_waits_for_the_next_round),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
