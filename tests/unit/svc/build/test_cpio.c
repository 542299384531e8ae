#include "svc/build/cpio.h"

#include <string.h>

#include "unit_test.h"

static void an_archive_has_newc_headers_and_padding(void **state)
{
    struct cpio cpio = { 0 };

    cpio_put_file(&cpio, "init", 0755, SV("abcde"));
    /* 110 bytes of header, "init" and NUL to 115, padded to 116, five bytes padded to 124. */
    assert_int_equal(cpio.out.n, 124);
    assert_memory_equal(cpio.out.p, "07070100000001000081ed", 22);
    assert_memory_equal(cpio.out.p + 54, "00000005", 8);
    assert_memory_equal(cpio.out.p + 94, "00000005", 8);
    assert_memory_equal(cpio.out.p + 110, "init\0\0abcde\0\0\0", 14);
    cpio_end(&cpio);
    assert_int_equal(cpio.out.n % 512, 0);
    sb_done(&cpio.out);
}

static void devices_and_directories_carry_type_and_numbers(void **state)
{
    struct cpio cpio = { 0 };

    cpio_put_char_device(&cpio, "dev/console", 0600, 5, 1);
    assert_memory_equal(cpio.out.p + 14, "00002180", 8);
    assert_memory_equal(cpio.out.p + 78, "0000000500000001", 16);
    sb_truncate(&cpio.out, 0);
    cpio_put_dir(&cpio, "dev", 0755);
    assert_memory_equal(cpio.out.p + 14, "000041ed", 8);
    sb_done(&cpio.out);
}

static void the_first_of_several_archives_is_measured(void **state)
{
    struct cpio cpio = { 0 };
    size_t first, length;

    cpio_put_dir(&cpio, "lib", 0755);
    cpio_put_file(&cpio, "lib/x", 0644, SV("0123456789"));
    cpio_end(&cpio);
    first = cpio.out.n;
    cpio_put_file(&cpio, "init", 0755, SV("second"));
    cpio_end(&cpio);

    assert_true(cpio_length(sb_view(&cpio.out), &length));
    assert_int_equal(length, first);
    sb_done(&cpio.out);
}

static void broken_archives_have_no_length(void **state)
{
    struct cpio cpio = { 0 };
    size_t length;

    cpio_put_file(&cpio, "init", 0755, SV("abcde"));
    assert_false(cpio_length(sb_view(&cpio.out), &length)); /* no trailer */
    cpio_end(&cpio);
    for (size_t n = 0; n < 124 + 110 + 11; n++)
        assert_false(cpio_length((struct sv){ cpio.out.p, n }, &length));
    memcpy(cpio.out.p + 54, "ffffffff", 8); /* a file longer than the archive */
    assert_false(cpio_length(sb_view(&cpio.out), &length));
    memcpy(cpio.out.p + 54, "zzzzzzzz", 8);
    assert_false(cpio_length(sb_view(&cpio.out), &length));
    assert_false(cpio_length(SV("MZ"), &length));
    sb_done(&cpio.out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_archive_has_newc_headers_and_padding),
        cmocka_unit_test(devices_and_directories_carry_type_and_numbers),
        cmocka_unit_test(the_first_of_several_archives_is_measured),
        cmocka_unit_test(broken_archives_have_no_length),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
