#include "base/log.h"

#include <fcntl.h>
#include <sys/mman.h>

#include "base/mem.h"
#include "base/sb.h"

#include "unit_test.h"

static int log_fd = -1;

static int set_up(void **state)
{
    assert_int_equal(setenv("TZ", "UTC", 1), 0);
    log_fd = memfd_create("log", MFD_CLOEXEC);
    assert_true(log_fd >= 0);
    log_set_fd(log_fd);
    return 0;
}

static int tear_down(void **state)
{
    (void)close(log_fd);
    return 0;
}

/* What was logged since the last call. */
static char *take_log(void)
{
    char bytes[4096];
    ssize_t n = pread(log_fd, bytes, sizeof(bytes) - 1, 0);

    assert_true(n >= 0);
    assert_int_equal(ftruncate(log_fd, 0), 0);
    assert_int_equal(lseek(log_fd, 0, SEEK_SET), 0);
    return mem_strndup(bytes, (size_t)n);
}

static void text_quotes_what_is_not_plain(void **state)
{
    log_setup(LOG_INFO, LOG_FORMAT_TEXT);
    log_info("plain-Word_1/2.3@x^+");
    auto_mem char *bare = take_log();

    assert_non_null(strstr(bare, "Z\" level=info msg=plain-Word_1/2.3@x^+\n"));
    log_warn("two \"words\"\n");
    auto_mem char *quoted = take_log();

    assert_non_null(strstr(quoted, " level=warning msg=\"two \\\"words\\\"\\n\"\n"));
    log_info("%s", "");
    auto_mem char *empty = take_log();

    assert_non_null(strstr(empty, " level=info\n"));
}

static void fields_are_sorted_behind_the_message(void **state)
{
    const struct log_field fields[] = { { "location", "b c" }, { "error", "x" } };

    log_setup(LOG_INFO, LOG_FORMAT_TEXT);
    log_fields(LOG_ERROR, fields, COUNT(fields), "m");
    auto_mem char *text = take_log();

    assert_non_null(strstr(text, " level=error msg=m error=x location=\"b c\"\n"));
}

static void json_keys_are_sorted_and_escaped(void **state)
{
    const struct log_field fields[] = { { "error", "a<b>&\"\x01" },
                                        { "zone", "\xff" },
                                        { "name", "n" } };

    log_setup(LOG_INFO, LOG_FORMAT_JSON);
    log_fields(LOG_WARN, fields, COUNT(fields), "tab\there");
    auto_mem char *text = take_log();

    assert_ptr_equal(
        strstr(text, "{\"error\":\"a\\u003cb\\u003e\\u0026\\\"\\u0001\",\"level\":\"warning\","
                     "\"msg\":\"tab\\there\",\"name\":\"n\",\"time\":\""),
        text);
    assert_non_null(strstr(text, "Z\",\"zone\":\"\\ufffd\"}\n"));
}

static void terminal_lines_pad_the_message(void **state)
{
    const struct log_field field = { "error", "x y" };

    log_setup(LOG_INFO, LOG_FORMAT_TTY);
    log_fields(LOG_WARN, &field, 1, "m");
    auto_mem char *text = take_log();
    auto_mem char *expected =
        mem_printf("\033[33mWARN\033[0m[0000] m%43s  \033[33merror\033[0m=\"x y\"\n", "");

    assert_string_equal(text, expected);
}

static void lower_levels_are_dropped(void **state)
{
    enum log_level level;

    log_setup(LOG_WARN, LOG_FORMAT_TEXT);
    log_info("hidden");
    auto_mem char *text = take_log();

    assert_string_equal(text, "");
    assert_true(log_level_parse("WaRn", &level));
    assert_int_equal(level, LOG_WARN);
    assert_true(log_level_parse("Warning", &level));
    assert_false(log_level_parse("verbose", &level));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_quotes_what_is_not_plain),
        cmocka_unit_test(fields_are_sorted_behind_the_message),
        cmocka_unit_test(json_keys_are_sorted_and_escaped),
        cmocka_unit_test(terminal_lines_pad_the_message),
        cmocka_unit_test(lower_levels_are_dropped),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
