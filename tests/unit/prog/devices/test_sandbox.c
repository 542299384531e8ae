/* What a process can and cannot do after it was confined; each try is a child. */
#include "prog/devices/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../unit_test.h"
#include "prog/devices/seccomp.h"

static bool can_open_a_file(void)
{
    return open("/", O_RDONLY | O_CLOEXEC) >= 0 || open(".", O_RDONLY | O_CLOEXEC) >= 0;
}

static bool can_make_an_internet_socket(void)
{
    return socket(AF_INET, SOCK_STREAM, 0) >= 0;
}

static bool can_make_an_internet_socketpair(void)
{
    int fds[2];

    return socketpair(AF_INET, SOCK_STREAM, 0, fds) >= 0 || errno != EPERM;
}

static bool can_make_a_unix_socketpair(void)
{
    int fds[2];

    return socketpair(AF_UNIX, SOCK_STREAM, 0, fds) >= 0;
}

static void *map(int protection)
{
    return mmap(NULL, 4096, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static bool can_map_memory(void)
{
    return map(PROT_READ | PROT_WRITE) != MAP_FAILED;
}

static bool can_map_code(void)
{
    return map(PROT_READ | PROT_EXEC) != MAP_FAILED;
}

static bool can_make_memory_executable(void)
{
    return mprotect(map(PROT_READ | PROT_WRITE), 4096, PROT_READ | PROT_EXEC) == 0;
}

static bool can_run_a_program(void)
{
    char *argv[] = { "true", NULL };

    return execv("/bin/true", argv) == 0 || errno != EPERM;
}

static bool can_fork(void)
{
    return fork() >= 0;
}

static bool can_signal_others(void)
{
    return kill(getppid(), 0) == 0;
}

enum { FAILED_TO_ENTER = 2 };

static int outcome(bool (*attempt)(void))
{
    pid_t pid = fork();
    int status;

    assert_true(pid >= 0);
    if (pid == 0) {
        enum devctl_sandbox level;

        _exit(sandbox_enter(&level, NULL) && seccomp_enter(NULL) ? attempt() : FAILED_TO_ENTER);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void confined_process_can_do_its_work_only(void **state)
{
    static const struct {
        const char *what;
        bool (*attempt)(void);
        int expected;
    } cases[] = {
        { "open a file", can_open_a_file, 0 },
        { "internet socket", can_make_an_internet_socket, 0 },
        { "internet socketpair", can_make_an_internet_socketpair, 0 },
        { "unix socketpair", can_make_a_unix_socketpair, 1 },
        { "map memory", can_map_memory, 1 },
        { "map code", can_map_code, 0 },
        { "make memory executable", can_make_memory_executable, 0 },
        { "run a program", can_run_a_program, 0 },
        { "fork", can_fork, 0 },
        { "signal others", can_signal_others, 0 },
    };

    for (size_t i = 0; i < COUNT(cases); i++)
        check_row(outcome(cases[i].attempt) == cases[i].expected, cases[i].what);
}

static void filter_ends_with_a_refusal(void **state)
{
    struct sock_filter program[SECCOMP_PROGRAM_MAX];
    size_t n = seccomp_build(program);

    assert_in_range(n, 10, SECCOMP_PROGRAM_MAX);
    assert_int_equal(program[n - 1].code, BPF_RET | BPF_K);
    for (size_t i = 0; i < n; i++) /* no jump leaves the program */
        if (BPF_CLASS(program[i].code) == BPF_JMP)
            assert_true(i + 1 + program[i].jt < n && i + 1 + program[i].jf < n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(confined_process_can_do_its_work_only),
        cmocka_unit_test(filter_ends_with_a_refusal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
