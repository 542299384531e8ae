#include "sys/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "temp_dir.h"
#include "unit_test.h"

static void write_file(const char *path, const char *text)
{
    assert_true(file_write_atomic(path, sv_of(text), 0600, NULL));
}

static void reads_back_what_was_written(void **state)
{
    auto_mem char *path = temp_path("a");
    auto_mem char *text = NULL;
    struct stat st;

    assert_true(file_write_atomic(path, SV("hello\n"), 0640, NULL));
    assert_true(file_read_text(path, 6, &text, NULL));
    assert_string_equal(text, "hello\n");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
}

static void a_file_above_the_limit_is_invalid(void **state)
{
    auto_mem char *path = temp_path("big");
    auto_mem char *text = NULL;
    auto_err struct err *err = NULL;

    write_file(path, "1234567");
    assert_false(file_read_text(path, 6, &text, &err));
    assert_int_equal(err_kind(err), ERR_INVALID);
    assert_null(text);
}

static void a_nul_byte_is_no_text(void **state)
{
    auto_mem char *path = temp_path("nul");
    auto_mem char *text = NULL;
    auto_err struct err *err = NULL;

    assert_true(file_write_atomic(path, SV("a\0b"), 0600, NULL));
    assert_false(file_read_text(path, 100, &text, &err));
    assert_int_equal(err_kind(err), ERR_INVALID);
}

static void a_missing_file_is_not_found(void **state)
{
    auto_mem char *path = temp_path("absent");
    auto_mem char *text = NULL;
    auto_err struct err *err = NULL;

    assert_false(file_read_text(path, 6, &text, &err));
    assert_int_equal(err_kind(err), ERR_NOT_FOUND);
    assert_non_null(strstr(err_text(err), path));
    assert_true(file_remove(path, NULL)); /* absent is fine */
}

static void a_failed_write_leaves_nothing_behind(void **state)
{
    auto_mem char *dir = temp_path("d");
    auto_mem char *inside = temp_path("d/x");
    auto_strv struct strv names = { 0 };
    auto_err struct err *err = NULL;

    assert_true(dir_make(dir, 0700, NULL));
    assert_true(dir_make(inside, 0700, NULL)); /* a directory cannot be replaced by a file */
    assert_false(file_write_atomic(inside, SV("x"), 0600, &err));
    assert_true(dir_list(dir, &names, NULL));
    assert_int_equal(names.n, 1);
    assert_string_equal(names.v[0], "x");
}

static void reading_at_an_offset_wants_all_bytes(void **state)
{
    auto_mem char *path = temp_path("at");
    auto_err struct err *err = NULL;
    auto_fd int fd = -1;
    char buf[4];

    write_file(path, "0123456789");
    fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(file_read_at(fd, path, 6, buf, 4, NULL));
    assert_memory_equal(buf, "6789", 4);
    assert_false(file_read_at(fd, path, 7, buf, 4, &err));
    assert_int_equal(err_kind(err), ERR_INVALID);
}

static void a_copy_is_equal_and_keeps_holes(void **state)
{
    enum { HOLE = 8 << 20 };
    auto_mem char *from = temp_path("from");
    auto_mem char *to = temp_path("to");
    auto_fd int fd = open(from, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    auto_fd int copy = -1;
    struct stat st;
    char buf[4];
    uint64_t size;

    assert_int_equal(pwrite(fd, "head", 4, 0), 4);
    assert_int_equal(pwrite(fd, "tail", 4, HOLE), 4);
    write_file(to, "old");
    assert_true(file_copy(from, to, 0644, NULL));

    assert_true(file_size(to, &size, NULL));
    assert_int_equal(size, HOLE + 4);
    copy = open(to, O_RDONLY | O_CLOEXEC);
    assert_true(file_read_at(copy, to, 0, buf, 4, NULL));
    assert_memory_equal(buf, "head", 4);
    assert_true(file_read_at(copy, to, HOLE, buf, 4, NULL));
    assert_memory_equal(buf, "tail", 4);
    assert_int_equal(fstat(copy, &st), 0);
    assert_true(st.st_blocks * 512 < HOLE);
    assert_int_equal(st.st_mode & 0777, 0644);
}

static void copying_a_directory_fails_and_keeps_the_target(void **state)
{
    auto_mem char *to = temp_path("kept");
    auto_mem char *text = NULL;
    auto_err struct err *err = NULL;

    write_file(to, "old");
    assert_false(file_copy(temp_dir, to, 0600, &err));
    assert_true(file_read_text(to, 10, &text, NULL));
    assert_string_equal(text, "old");
}

static void a_dangling_link_exists_but_is_no_regular_file(void **state)
{
    auto_mem char *path = temp_path("dangling");

    assert_int_equal(symlink("/nonexistent", path), 0);
    assert_true(file_exists(path));
    assert_false(file_is_regular(path));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_back_what_was_written),
        cmocka_unit_test(a_file_above_the_limit_is_invalid),
        cmocka_unit_test(a_nul_byte_is_no_text),
        cmocka_unit_test(a_missing_file_is_not_found),
        cmocka_unit_test(a_failed_write_leaves_nothing_behind),
        cmocka_unit_test(reading_at_an_offset_wants_all_bytes),
        cmocka_unit_test(a_copy_is_equal_and_keeps_holes),
        cmocka_unit_test(copying_a_directory_fails_and_keeps_the_target),
        cmocka_unit_test(a_dangling_link_exists_but_is_no_regular_file),
    };

    return cmocka_run_group_tests(tests, temp_dir_setup, temp_dir_teardown);
}
