#include "sys/tail.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sys/file.h"
#include "sys/proc.h"
#include "temp_dir.h"
#include "unit_test.h"

static void append(const char *path, const char *text)
{
    auto_fd int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);

    assert_true(file_write_fd(fd, path, sv_of(text), NULL));
}

static void assert_line(struct tail *tail, const char *expected)
{
    struct sv line;

    assert_int_equal(tail_next(tail, 0, -1, &line, NULL), TAIL_LINE);
    check_row(sv_eq_str(line, expected), expected);
}

static void assert_nothing(struct tail *tail)
{
    struct sv line;

    assert_int_equal(tail_next(tail, 0, -1, &line, NULL), TAIL_TIMEOUT);
}

static void lines_come_whole_and_in_order(void **state)
{
    auto_mem char *path = temp_path("order");
    auto_tail struct tail *tail = tail_new(path, 0, NULL);

    assert_nothing(tail); /* not even a file */
    append(path, "one\ntw");
    assert_line(tail, "one");
    assert_nothing(tail);
    append(path, "o\n\nthree\n");
    assert_line(tail, "two");
    assert_int_equal(tail_offset(tail), 8);
    assert_line(tail, "");
    assert_line(tail, "three");
    assert_nothing(tail);
}

static void starts_at_the_offset(void **state)
{
    auto_mem char *path = temp_path("offset");
    auto_tail struct tail *tail = NULL;

    append(path, "old\nnew\n");
    tail = tail_new(path, 4, NULL);
    assert_line(tail, "new");
    assert_nothing(tail);
}

static void a_truncated_file_is_read_from_its_start(void **state)
{
    auto_mem char *path = temp_path("truncated");
    auto_tail struct tail *tail = tail_new(path, 0, NULL);

    append(path, "first line\n");
    assert_line(tail, "first line");
    assert_int_equal(truncate(path, 0), 0);
    append(path, "again\n");
    assert_line(tail, "again");
    assert_nothing(tail);
}

static void a_replaced_file_is_drained_then_followed_anew(void **state)
{
    auto_mem char *path = temp_path("replaced");
    auto_mem char *old = temp_path("replaced.old");
    auto_tail struct tail *tail = tail_new(path, 0, NULL);

    append(path, "a\n");
    assert_line(tail, "a");
    append(path, "b\n");
    assert_true(file_rename(path, old, NULL));
    append(path, "c\n");
    assert_line(tail, "b");
    assert_line(tail, "c");
    assert_nothing(tail);
}

static void a_wake_up_comes_after_the_last_line(void **state)
{
    auto_mem char *path = temp_path("woken");
    auto_tail struct tail *tail = tail_new(path, 0, NULL);
    auto_cmd struct cmd cmd = { 0 };
    struct proc proc = PROC_NONE;
    struct sv line;
    int status;

    /* The writer appends from another process, then ends: its end must not hide its last words. */
    strv_push_list(&cmd.argv, "sh", "-c", "echo x > \"$0\"; echo y >> \"$0\"", path, NULL);
    assert_true(cmd_start(&cmd, &proc, NULL));
    assert_int_equal(tail_next(tail, -1, proc.pidfd, &line, NULL), TAIL_LINE);
    assert_true(sv_eq_str(line, "x"));
    assert_int_equal(tail_next(tail, -1, proc.pidfd, &line, NULL), TAIL_LINE);
    assert_true(sv_eq_str(line, "y"));
    assert_int_equal(tail_next(tail, -1, proc.pidfd, &line, NULL), TAIL_WOKEN);
    assert_true(proc_wait(&proc, -1, &status, NULL));
    proc_done(&proc);
}

static void an_endless_line_is_refused(void **state)
{
    auto_mem char *path = temp_path("endless");
    auto_tail struct tail *tail = tail_new(path, 0, NULL);
    auto_mem char *chunk = mem_alloc(65537);
    auto_err struct err *err = NULL;
    struct sv line;

    memset(chunk, 'x', 65536);
    for (int i = 0; i < 17; i++)
        append(path, chunk);
    assert_int_equal(tail_next(tail, 0, -1, &line, &err), TAIL_FAILED);
    assert_int_equal(err_kind(err), ERR_INVALID);
}

static void a_missing_directory_is_an_error(void **state)
{
    auto_mem char *path = temp_path("no-such-dir/file");
    auto_err struct err *err = NULL;

    assert_null(tail_new(path, 0, &err));
    assert_int_equal(err_kind(err), ERR_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_come_whole_and_in_order),
        cmocka_unit_test(starts_at_the_offset),
        cmocka_unit_test(a_truncated_file_is_read_from_its_start),
        cmocka_unit_test(a_replaced_file_is_drained_then_followed_anew),
        cmocka_unit_test(a_wake_up_comes_after_the_last_line),
        cmocka_unit_test(an_endless_line_is_refused),
        cmocka_unit_test(a_missing_directory_is_an_error),
    };

    return cmocka_run_group_tests(tests, temp_dir_setup, temp_dir_teardown);
}
