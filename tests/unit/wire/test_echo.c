#include "wire/echo.h"

#include <string.h>

#include "unit_test.h"

#define TEXT(lit)               \
    {                           \
        "" lit, sizeof(lit) - 1 \
    }

static const struct echo_msg samples[] = {
    { .type = ECHO_HELLO, .dir = 0x0123456789abcdef, .dir2 = 1 },
    { .type = ECHO_READY },
    { .type = ECHO_GONE, .export = TEXT("e") },
    { .type = ECHO_MAKE,
      .kind = ECHO_DIR,
      .flags = ECHO_KNOWN,
      .dir = 2,
      .export = TEXT("e"),
      .name = TEXT("a") },
    { .type = ECHO_MOVE,
      .dir = 2,
      .dir2 = UINT64_MAX,
      .export = TEXT("e"),
      .name = TEXT("a\377"),
      .name2 = TEXT("..b") },
    { .type = ECHO_MOVE, .dir2 = 3, .export = TEXT("e"), .name = TEXT("a"), .name2 = TEXT("b") },
    { .type = ECHO_ATTRIB, .dir = 2, .export = TEXT("e") },
};

static void message_comes_back_however_it_is_cut(void **state)
{
    for (size_t i = 0; i < COUNT(samples); i++) {
        auto_sb struct sb stream = { 0 };
        struct echo_msg out;
        struct sv rest;
        size_t n;

        echo_put(&stream, &samples[i]);
        n = stream.n;
        sb_put(&stream, SV("\0"));
        for (size_t cut = 0; cut < n; cut++) {
            rest = (struct sv){ stream.p, cut };
            assert_int_equal(echo_take(&rest, &out, NULL), ECHO_MORE);
            assert_int_equal(rest.n, cut);
        }
        rest = sb_view(&stream);
        assert_int_equal(echo_take(&rest, &out, NULL), ECHO_TAKEN);
        assert_int_equal(rest.n, 1);
        assert_int_equal(out.type, samples[i].type);
        assert_int_equal(out.kind, samples[i].kind);
        assert_int_equal(out.flags, samples[i].flags);
        assert_true(out.dir == samples[i].dir && out.dir2 == samples[i].dir2);
        assert_true(sv_eq(out.export, samples[i].export) && sv_eq(out.name, samples[i].name) &&
                    sv_eq(out.name2, samples[i].name2));
    }
}

static void layout_is_fixed(void **state)
{
    auto_sb struct sb stream = { 0 };

    echo_put(&stream, &samples[3]);
    assert_true(sv_eq(sb_view(&stream), SV("\0\x18\x06\x01\x02\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0\0"
                                           "\x01"
                                           "e\x01"
                                           "a\0")));
}

static void later_versions_may_append(void **state)
{
    struct sv stream = SV("\0\x18\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0xy");
    struct echo_msg out;

    assert_int_equal(echo_take(&stream, &out, NULL), ECHO_TAKEN);
    assert_int_equal(out.type, ECHO_READY);
    assert_int_equal(stream.n, 0);
}

static void put_raw(struct sb *out, unsigned type, unsigned kind, struct sv export, struct sv name,
                    uint8_t dir)
{
    const uint8_t head[] = { 0,
                             (uint8_t)(22 + export.n + name.n),
                             (uint8_t)type,
                             (uint8_t)kind,
                             0,
                             0,
                             0,
                             0,
                             0,
                             0,
                             0,
                             0,
                             dir,
                             0,
                             0,
                             0,
                             0,
                             0,
                             0,
                             0,
                             0,
                             (uint8_t) export.n };
    const uint8_t n_name = (uint8_t)name.n, none = 0;

    sb_put_mem(out, head, sizeof(head));
    sb_put(out, export);
    sb_put_mem(out, &n_name, 1);
    sb_put(out, name);
    sb_put_mem(out, &none, 1);
}

static void broken_messages_are_refused(void **state)
{
    static const struct {
        const char *label;
        unsigned type, kind;
        struct sv export, name;
        uint8_t dir;
    } cases[] = {
        { "no type", 0, 0, TEXT("e"), TEXT("a"), 1 },
        { "unknown type", ECHO_TYPE_END, 0, TEXT("e"), TEXT("a"), 1 },
        { "unknown kind", ECHO_MAKE, ECHO_KIND_COUNT, TEXT("e"), TEXT("a"), 1 },
        { "slash", ECHO_MAKE, 0, TEXT("e"), TEXT("a/b"), 1 },
        { "NUL", ECHO_MAKE, 0, TEXT("e"), TEXT("a\0b"), 1 },
        { "dots", ECHO_MAKE, 0, TEXT("e"), TEXT(".."), 1 },
        { "dots as an export", ECHO_MAKE, 0, TEXT(".."), TEXT("a"), 1 },
        { "no export", ECHO_MAKE, 0, TEXT(""), TEXT("a"), 1 },
        { "no name", ECHO_REMOVE, 0, TEXT("e"), TEXT(""), 1 },
        { "no directory", ECHO_MODIFY, 0, TEXT("e"), TEXT("a"), 0 },
        { "no new name", ECHO_MOVE, 0, TEXT("e"), TEXT("a"), 1 },
        { "nothing gone", ECHO_GONE, 0, TEXT(""), TEXT(""), 0 },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        auto_sb struct sb stream = { 0 };
        auto_err struct err *err = NULL;
        struct echo_msg out;
        struct sv rest;

        put_raw(&stream, cases[i].type, cases[i].kind, cases[i].export, cases[i].name,
                cases[i].dir);
        rest = sb_view(&stream);
        check_row(echo_take(&rest, &out, &err) == ECHO_BROKEN, cases[i].label);
        assert_int_equal(err_kind(err), ERR_PROTOCOL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(message_comes_back_however_it_is_cut),
        cmocka_unit_test(layout_is_fixed),
        cmocka_unit_test(later_versions_may_append),
        cmocka_unit_test(broken_messages_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
