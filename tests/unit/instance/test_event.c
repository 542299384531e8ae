#include "instance/event.h"

#include "base/mem.h"

#include "unit_test.h"

static void events_are_read(void **state)
{
    struct event e;

    assert_true(event_decode(SV("{\"time\":\"2026-08-08T10:07:16.5+09:00\",\"status\":{\"running\":true,"
                                "\"degraded\":true,\"errors\":[\"a\",\"b\"],\"sshLocalPort\":60022,"
                                "\"portForward\":{\"type\":\"forwarding\"}}}"),
                             &e, NULL));
    assert_true(e.running && e.degraded && !e.exiting);
    assert_int_equal(e.ssh_port, 60022);
    assert_int_equal(e.errors.n, 2);
    assert_string_equal(e.errors.v[1], "b");
    assert_true(e.time_ns == 1786151236500000000LL);
    event_done(&e);

    assert_true(event_decode(SV("{\"time\":\"2026-08-08T10:07:16Z\",\"status\":{\"cloudInitProgress\":"
                                "{\"logLine\":\"x\",\"completed\":true}}}"),
                             &e, NULL));
    assert_true(e.has_progress && e.progress_completed);
    assert_string_equal(e.progress_line, "x");
    event_done(&e);

    assert_true(event_decode(SV("{\"time\":\"2026-08-08T10:07:16Z\",\"status\":{}}"), &e, NULL));
    assert_false(e.running || e.exiting || e.has_progress);
    event_done(&e);
}

static void other_lines_are_refused(void **state)
{
    static const char *const cases[] = {
        "", "[]", "{}", "text", "{\"time\":\"x\",\"status\":{}}", "{\"status\":{}}",
        "{\"time\":\"2026-08-08T10:07:16Z\"}",
        "{\"time\":\"2026-08-08T10:07:16Z\",\"status\":[]}",
        "{\"time\":\"2026-08-08T10:07:16Z\",\"status\":{\"running\":1}}",
        "{\"time\":\"2026-08-08T10:07:16Z\",\"status\":{\"errors\":[1]}}",
        "{\"time\":\"2026-08-08T10:07:16Z\",\"status\":{\"errors\":\"x\"}}",
        "{\"time\":\"2026-08-08T10:07:16Z\",\"status\":{\"cloudInitProgress\":{\"logLine\":1}}}",
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct event e;
        auto_err struct err *err = NULL;

        check_row(!event_decode(sv_of(cases[i]), &e, &err), cases[i]);
        assert_int_equal(err_kind(err), ERR_PROTOCOL);
        assert_int_equal(e.errors.n, 0);
    }
}

static void log_lines_keep_level_text_and_fields(void **state)
{
    struct event_log log;

    event_log_decode(SV("{\"level\":\"warning\",\"msg\":\"disk full\",\"time\":\"2026-08-08T10:07:16Z\","
                        "\"error\":\"no space\",\"n\":3}"),
                     &log);
    assert_int_equal(log.level, LOG_WARN);
    assert_string_equal(log.text, "disk full");
    assert_int_equal(log.n_fields, 2);
    assert_string_equal(log.fields[0].key, "error");
    assert_string_equal(log.fields[0].value, "no space");
    assert_string_equal(log.fields[1].value, "3");
    assert_true(log.time_ns == 1786183636000000000LL);
    event_log_done(&log);
}

static void fatal_of_the_host_agent_is_an_error_of_ours(void **state)
{
    static const char *const levels[] = { "fatal", "panic", "error" };

    for (size_t i = 0; i < COUNT(levels); i++) {
        auto_mem char *line = mem_printf("{\"level\":\"%s\",\"msg\":\"x\"}", levels[i]);
        struct event_log log;

        event_log_decode(sv_of(line), &log);
        assert_int_equal(log.level, LOG_ERROR);
        event_log_done(&log);
    }
}

static void foreign_lines_are_shown_without_control_characters(void **state)
{
    struct event_log log;

    event_log_decode(SV("qemu: \033[31mboom\t{"), &log);
    assert_int_equal(log.level, LOG_INFO);
    assert_string_equal(log.text, "qemu: \\x1b[31mboom\t{");
    assert_int_equal(log.time_ns, 0);
    event_log_done(&log);

    event_log_decode(SV("{\"level\":\"info\",\"msg\":\"a\\nb\\u0007\"}"), &log);
    assert_string_equal(log.text, "a\nb\\x07");
    event_log_done(&log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_are_read),
        cmocka_unit_test(other_lines_are_refused),
        cmocka_unit_test(log_lines_keep_level_text_and_fields),
        cmocka_unit_test(fatal_of_the_host_agent_is_an_error_of_ours),
        cmocka_unit_test(foreign_lines_are_shown_without_control_characters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
