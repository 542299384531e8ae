#include "wire/jsonl.h"

#include "unit_test.h"

static void feed(struct jsonl *j, const char *text)
{
    jsonl_feed(j, text, strlen(text));
}

static void assert_value(struct jsonl *j, const char *expected)
{
    auto_err struct err *err = NULL;
    json_t *value = NULL;

    assert_int_equal(jsonl_next(j, &value, &err), JSONL_VALUE);

    auto_mem char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

    assert_string_equal(text, expected);
    json_decref(value);
}

static void assert_more(struct jsonl *j)
{
    auto_err struct err *err = NULL;
    json_t *value = NULL;

    assert_int_equal(jsonl_next(j, &value, &err), JSONL_MORE);
    assert_null(value);
    assert_null(err);
}

static void assert_bad(struct jsonl *j, const char *text)
{
    auto_err struct err *err = NULL;
    json_t *value = NULL;

    assert_int_equal(jsonl_next(j, &value, &err), JSONL_BAD);
    assert_null(value);
    assert_int_equal(err_kind(err), ERR_PROTOCOL);
    assert_non_null(strstr(err_text(err), text));
}

static void lines_may_arrive_in_any_pieces(void **state)
{
    const char *text = "{\"a\":1}\n\n  [2] \r\n\"x\"\n";

    for (size_t piece = 1; piece <= strlen(text); piece++) {
        struct jsonl j = { .limit = 100 };
        size_t n_values = 0;

        for (size_t at = 0; at < strlen(text); at += piece) {
            json_t *value;
            size_t left = strlen(text) - at;

            jsonl_feed(&j, text + at, left < piece ? left : piece);
            while (jsonl_next(&j, &value, NULL) == JSONL_VALUE) {
                json_decref(value);
                n_values++;
            }
        }
        assert_int_equal(n_values, 3);
        jsonl_done(&j);
    }
}

static void values_come_in_order(void **state)
{
    struct jsonl j = { 0 };

    feed(&j, "{\"a\":1}\n{\"b\"");
    assert_value(&j, "{\"a\":1}");
    assert_more(&j);
    feed(&j, ":2}\n3\n");
    assert_value(&j, "{\"b\":2}");
    assert_value(&j, "3");
    assert_more(&j);
    jsonl_done(&j);
}

static void bad_line_is_named_and_reading_goes_on(void **state)
{
    struct jsonl j = { 0 };

    feed(&j, "hello\x1b world\n{\"a\":1,\"a\":2}\n7\n");
    assert_bad(&j, "hello\\x1b world");
    assert_bad(&j, "duplicate");
    assert_value(&j, "7");
    jsonl_done(&j);
}

static void too_long_line_is_reported_once_and_dropped(void **state)
{
    struct jsonl j = { .limit = 4 };

    feed(&j, "12345");
    assert_bad(&j, "limit of 4");
    assert_more(&j);
    feed(&j, "67890");
    assert_more(&j);
    feed(&j, "1\n1234\n");
    assert_value(&j, "1234");
    feed(&j, "12345\n6\n");
    assert_bad(&j, "5 bytes");
    assert_value(&j, "6");
    jsonl_done(&j);
}

static void memory_does_not_grow_while_a_long_line_is_skipped(void **state)
{
    struct jsonl j = { .limit = 16 };
    char block[1024];

    memset(block, 'x', sizeof(block));
    for (int i = 0; i < 100; i++) {
        json_t *value;

        jsonl_feed(&j, block, sizeof(block));
        (void)!jsonl_next(&j, &value, NULL);
    }
    assert_true(j.buf.n <= sizeof(block));
    jsonl_done(&j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_may_arrive_in_any_pieces),
        cmocka_unit_test(values_come_in_order),
        cmocka_unit_test(bad_line_is_named_and_reading_goes_on),
        cmocka_unit_test(too_long_line_is_reported_once_and_dropped),
        cmocka_unit_test(memory_does_not_grow_while_a_long_line_is_skipped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
