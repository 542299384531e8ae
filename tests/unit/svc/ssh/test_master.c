#include "svc/ssh/master.h"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/path.h"
#include "svc/ssh/options.h"
#include "sys/dir.h"
#include "sys/file.h"
#include "sys/sock.h"

#include "unit_test.h"

static int set_up(void **state)
{
    char *dir;

    if (!dir_make_temp("/tmp/test-master-", &dir, NULL))
        return -1;
    *state = dir;
    return 0;
}

static int tear_down(void **state)
{
    bool ok = dir_remove_tree(*state, NULL);

    free(*state);
    return ok ? 0 : -1;
}

/* A master that takes its time between the order to end and its end. It ends with the test, too. */
static void play_master(const char *path, int alive_fd, int ready_fd)
{
    auto_fd int listen_fd = -1;
    sigset_t term;
    int got;

    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    if (sigprocmask(SIG_BLOCK, &term, NULL) != 0 ||
        !sock_unix_listen(path, SOCK_STREAM, &listen_fd, NULL) || write(ready_fd, "r", 1) != 1 ||
        sigwait(&term, &got) != 0)
        _exit(1);
    (void)poll(&(struct pollfd){ .fd = alive_fd }, 1, 200);
    _exit(unlink(path) == 0 ? 0 : 1);
}

static pid_t start_master(const char *path, int alive_fd)
{
    int ready[2];
    char byte;
    pid_t pid;

    assert_int_equal(pipe(ready), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        play_master(path, alive_fd, ready[1]);
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    return pid;
}

/* A program that orders the master as ssh does. */
static void write_ssh(const char *path, pid_t master)
{
    auto_mem char *script = mem_printf("#!/bin/sh\n"
                                       "case \"$*\" in\n"
                                       "*'-O check'*) echo 'Master running (pid=%d)' >&2 ;;\n"
                                       "*'-O exit'*) kill %d ;;\n"
                                       "*) exit 1 ;;\n"
                                       "esac\n", (int)master, (int)master);

    assert_true(file_write_atomic(path, sv_of(script), 0700, NULL));
}

static void the_master_is_gone_when_exit_returns(void **state)
{
    auto_mem char *sock = path_join(*state, "ssh.sock");
    auto_mem char *ssh = path_join(*state, "ssh");
    auto_strv struct strv program = { 0 }, options = { 0 };
    int alive[2], status;
    pid_t master;

    assert_int_equal(pipe(alive), 0);
    master = start_master(sock, alive[0]);
    write_ssh(ssh, master);
    strv_push(&program, ssh);

    assert_int_equal(ssh_master_probe(*state), SSH_MASTER_ALIVE);
    assert_true(ssh_master_exit(&program, &options, *state, 22, SSH_ADDRESS, NULL));
    assert_false(file_exists(sock));
    assert_int_equal(waitpid(master, &status, 0), master);
    assert_int_equal(status, 0);
    close(alive[0]);
    close(alive[1]);
}

static void a_dead_socket_is_removed(void **state)
{
    auto_mem char *sock = path_join(*state, "ssh.sock");
    auto_strv struct strv program = { 0 }, options = { 0 };
    auto_fd int fd = -1;

    assert_true(sock_unix_listen(sock, SOCK_STREAM, &fd, NULL));
    close(MOVE_FD(fd));
    strv_push(&program, "/nonexistent/ssh");
    assert_true(ssh_master_exit(&program, &options, *state, 22, SSH_ADDRESS, NULL));
    assert_false(file_exists(sock));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_master_is_gone_when_exit_returns, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_dead_socket_is_removed, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
