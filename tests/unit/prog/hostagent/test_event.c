#include "prog/hostagent/event.h"

#include <fcntl.h>
#include <jansson.h>
#include <unistd.h>

#include "sys/file.h"
#include "temp_dir.h"
#include "unit_test.h"

/* 2026-08-08T10:07:16.12Z */
#define SOME_TIME_NS INT64_C(1786183636120000000)

static void lines_have_lima_s_members_and_order(void **state)
{
    char *error_list[] = { "first", "second <&>", NULL };
    char *bad_list[] = { "not \xff utf-8", NULL };
    const struct {
        struct event_status status;
        int offset_s;
        const char *line;
    } cases[] = {
        { { .ssh_port = 60022 },
          0,
          "{\"time\":\"2026-08-08T10:07:16.12Z\",\"status\":{\"sshLocalPort\":60022}}\n" },
        { { .exiting = true },
          9 * 3600,
          "{\"time\":\"2026-08-08T19:07:16.12+09:00\",\"status\":{\"exiting\":true}}\n" },
        { { .running = true, .ssh_port = 1 },
          0,
          "{\"time\":\"2026-08-08T10:07:16.12Z\",\"status\":{\"running\":true,\"sshLocalPort\":1}}"
          "\n" },
        { { .running = true, .degraded = true, .errors = { error_list, 2, 2 }, .ssh_port = 22 },
          -5 * 3600 - 1800,
          "{\"time\":\"2026-08-08T04:37:16.12-05:30\",\"status\":{\"running\":true,\"degraded\":"
          "true,"
          "\"errors\":[\"first\",\"second \\u003c\\u0026\\u003e\"],\"sshLocalPort\":22}}\n" },
        { { .ssh_port = 2, .progress = { .is_set = true, .log_line = "\"hi\"", .active = true } },
          0,
          "{\"time\":\"2026-08-08T10:07:16.12Z\",\"status\":{\"sshLocalPort\":2,"
          "\"cloudInitProgress\":{\"logLine\":\"\\\"hi\\\"\",\"active\":true}}}\n" },
        { { .port = { true, EVENT_FORWARDING, "tcp", "[::1]:80", "127.0.0.1:80", NULL } },
          0,
          "{\"time\":\"2026-08-08T10:07:16.12Z\",\"status\":{\"portForward\":{\"type\":"
          "\"forwarding\","
          "\"protocol\":\"tcp\",\"guestAddr\":\"[::1]:80\",\"hostAddr\":\"127.0.0.1:80\"}}}\n" },
        { { .port = { true, EVENT_NOT_FORWARDING, "udp", "10.0.0.1:53", NULL, NULL } },
          0,
          "{\"time\":\"2026-08-08T10:07:16.12Z\",\"status\":{\"portForward\":{"
          "\"type\":\"not-forwarding\",\"protocol\":\"udp\",\"guestAddr\":\"10.0.0.1:53\"}}}\n" },
        { { .port = { true, EVENT_FAILED, "tcp", "0.0.0.0:1", "127.0.0.1:1", "why" } },
          0,
          "{\"time\":\"2026-08-08T10:07:16.12Z\",\"status\":{\"portForward\":{\"type\":\"failed\","
          "\"protocol\":\"tcp\",\"guestAddr\":\"0.0.0.0:1\",\"hostAddr\":\"127.0.0.1:1\","
          "\"error\":\"why\"}}}\n" },
        { { .vsock = { true, EVENT_VSOCK_STARTED, "127.0.0.1:60022", NULL, 2223 } },
          0,
          "{\"time\":\"2026-08-08T10:07:16.12Z\",\"status\":{\"vsock\":{\"type\":\"started\","
          "\"hostAddr\":\"127.0.0.1:60022\",\"vsockPort\":2223}}}\n" },
        { { .errors = { bad_list, 1, 1 } },
          0,
          "{\"time\":\"2026-08-08T10:07:16.12Z\",\"status\":{\"errors\":[\"\"]}}\n" },
        { { 0 }, 0, "{\"time\":\"2026-08-08T10:07:16.12Z\",\"status\":{}}\n" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        auto_sb struct sb line = { 0 };

        event_encode(&line, SOME_TIME_NS, cases[i].offset_s, &cases[i].status);
        assert_string_equal(sb_str(&line), cases[i].line);
    }
}

/* The "status" of each line written so far. */
static char *statuses(const char *path)
{
    auto_mem char *text = NULL;
    auto_sb struct sb out = { 0 };
    struct sv rest, line;

    assert_true(file_read_text(path, 1 << 20, &text, NULL));
    rest = sv_of(text);
    while (sv_next(&rest, '\n', &line) && line.n) {
        const char *at = strstr(line.p, "\"status\":");

        sb_put(&out, (struct sv){ at + 9, (size_t)(line.p + line.n - 1 - (at + 9)) });
        sb_putc(&out, '\n');
    }
    return sb_steal(&out);
}

static void progress_sticks_until_a_full_event(void **state)
{
    auto_mem char *path = temp_path("events");
    auto_fd int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    auto_strv struct strv none = { 0 }, errors = { 0 };
    auto_mem char *told = NULL;
    struct events events = { .fd = fd };

    strv_push(&errors, "no ssh");
    events_started(&events, 22);
    events_progress(&events, NULL, false);
    events_progress(&events, "line", false);
    events_progress(&events, "why", true);
    events_running(&events, 22, &none);
    events_running(&events, 22, &errors);
    events_exiting(&events);
    events_done(&events);
    told = statuses(path);
    assert_string_equal(
        told,
        "{\"sshLocalPort\":22}\n"
        "{\"sshLocalPort\":22,\"cloudInitProgress\":{\"active\":true}}\n"
        "{\"sshLocalPort\":22,\"cloudInitProgress\":{\"logLine\":\"line\",\"active\":true}}\n"
        "{\"sshLocalPort\":22,\"cloudInitProgress\":{\"logLine\":\"why\",\"completed\":true}}\n"
        "{\"running\":true,\"sshLocalPort\":22}\n"
        "{\"running\":true,\"degraded\":true,\"errors\":[\"no ssh\"],\"sshLocalPort\":22}\n"
        "{\"exiting\":true}\n");
}

static void a_full_disk_is_survived(void **state)
{
    auto_fd int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    struct events events = { .fd = fd };

    if (fd < 0)
        skip();
    events_started(&events, 22);
    events_exiting(&events);
    events_done(&events);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_have_lima_s_members_and_order),
        cmocka_unit_test(progress_sticks_until_a_full_event),
        cmocka_unit_test(a_full_disk_is_survived),
    };

    return cmocka_run_group_tests(tests, temp_dir_setup, temp_dir_teardown);
}
