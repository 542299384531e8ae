#include "prog/guestagent/block.h"

#include "base/mem.h"
#include "unit_test.h"

static char head[BLOCK_HEAD_SIZE];

static void make_ext(const char *label, char state)
{
    memset(head, 0, sizeof(head));
    memcpy(head + 1024 + 0x38, "\x53\xef", 2);
    head[1024 + 0x3a] = state;
    memcpy(head + 1024 + 0x68, "\x01\x23\x45\x67\x89\xab\xcd\xef\x01\x23\x45\x67\x89\xab\xcd\xef",
           16);
    memcpy(head + 1024 + 0x78, label, strlen(label));
}

static void make_iso(const char *label)
{
    memset(head, 0, sizeof(head));
    memcpy(head + 32768, "\1CD001", 6);
    memset(head + 32768 + 40, ' ', 32);
    memcpy(head + 32768 + 40, label, strlen(label));
}

static void ext_has_label_and_uuid(void **state)
{
    struct block_head h;

    make_ext("clima-root", 1);
    block_parse((struct sv){ head, sizeof(head) }, &h);
    assert_int_equal(h.kind, BLOCK_EXT);
    assert_string_equal(h.label, "clima-root");
    assert_string_equal(h.uuid, "01234567-89ab-cdef-0123-456789abcdef");
    assert_false(h.has_errors);
    assert_true(block_matches(&h, "LABEL=clima-root"));
    assert_true(block_matches(&h, "UUID=01234567-89AB-cdef-0123-456789abcdef"));
    assert_false(block_matches(&h, "LABEL=CLIMA-ROOT"));
    assert_false(block_matches(&h, "LABEL=clima"));
    assert_false(block_matches(&h, "UUID="));
    assert_false(block_matches(&h, "SERIAL=clima-root"));
}

static void label_may_fill_its_field(void **state)
{
    struct block_head h;

    make_ext("0123456789abcdef", 3);
    block_parse((struct sv){ head, sizeof(head) }, &h);
    assert_string_equal(h.label, "0123456789abcdef");
    assert_true(h.has_errors);
}

static void iso_label_is_padded_and_of_any_case(void **state)
{
    struct block_head h;

    make_iso("CIDATA");
    block_parse((struct sv){ head, sizeof(head) }, &h);
    assert_int_equal(h.kind, BLOCK_ISO);
    assert_string_equal(h.label, "CIDATA");
    assert_true(block_matches(&h, "LABEL=cidata"));
}

static void nothing_matches_an_empty_label(void **state)
{
    struct block_head h;

    make_iso("");
    block_parse((struct sv){ head, sizeof(head) }, &h);
    assert_false(block_matches(&h, "LABEL="));
}

static void short_devices_are_unknown(void **state)
{
    static const size_t sizes[] = { 0, 1, 1024, 1024 + 0x78 + 15 };
    struct block_head h;

    make_ext("x", 1);
    for (size_t i = 0; i < COUNT(sizes); i++) {
        auto_mem char *part = mem_dup(head, sizes[i]); /* so that a sanitizer sees its end */

        block_parse((struct sv){ part, sizes[i] }, &h);
        assert_int_equal(h.kind, BLOCK_UNKNOWN);
        assert_string_equal(h.label, "");
    }
}

static void odd_specs_are_refused(void **state)
{
    static const char *const specs[] = { "PARTUUID=x", NULL };
    auto_err struct err *err = NULL;
    char *path;

    assert_false(block_wait(specs, 0, &path, &err));
    assert_int_equal(err_kind(err), ERR_UNSUPPORTED);
}

static void missing_disk_ends_at_the_deadline(void **state)
{
    static const char *const specs[] = { "/dev/clima-no-such-disk", NULL };
    auto_err struct err *err = NULL;
    char *path;

    assert_false(block_wait(specs, 1, &path, &err));
    assert_int_equal(err_kind(err), ERR_TIMEOUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ext_has_label_and_uuid),
        cmocka_unit_test(label_may_fill_its_field),
        cmocka_unit_test(iso_label_is_padded_and_of_any_case),
        cmocka_unit_test(nothing_matches_an_empty_label),
        cmocka_unit_test(short_devices_are_unknown),
        cmocka_unit_test(odd_specs_are_refused),
        cmocka_unit_test(missing_disk_ends_at_the_deadline),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
