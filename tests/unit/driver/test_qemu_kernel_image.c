#include "driver/qemu/kernel_image.h"

#include <string.h>

#include "unit_test.h"

/* A made-up set-up header with the version string at offset 0x300 of the file. */
static void make_head(char head[0x400], const char *version)
{
    memset(head, 0, 0x400);
    memcpy(head + 0x202, "HdrS\x0f\x02", 6);
    memcpy(head + 0x20e, "\x00\x01", 2);
    memcpy(head + 0x300, version, strlen(version));
}

static void version_is_the_first_word(void **state)
{
    char head[0x400];
    struct semver v = { 0 };

    make_head(head, "6.12.117+deb12-cloud-amd64 (debian-kernel@lists) #1 SMP");
    assert_true(kernel_image_version((struct sv){ head, sizeof(head) }, &v));
    assert_int_equal(v.major, 6);
    assert_int_equal(v.minor, 12);
    assert_int_equal(v.patch, 117);
}

static void other_files_tell_nothing(void **state)
{
    char head[0x400];
    struct semver v;

    make_head(head, "6.1.0");
    assert_false(kernel_image_version((struct sv){ head, 0x20f }, &v));
    assert_false(kernel_image_version((struct sv){ head, 0x300 }, &v));
    assert_false(kernel_image_version((struct sv){ head, 0x304 }, &v)); /* cut before its end */
    head[0x206] = 0, head[0x207] = 1;                                   /* protocol 1.0 */
    assert_false(kernel_image_version((struct sv){ head, sizeof(head) }, &v));
    make_head(head, "linux");
    assert_false(kernel_image_version((struct sv){ head, sizeof(head) }, &v));
    memset(head, 0, sizeof(head));
    assert_false(kernel_image_version((struct sv){ head, sizeof(head) }, &v));
    make_head(head, "6.1.0");
    memset(head + 0x20e, 0xff, 2); /* behind the end */
    assert_false(kernel_image_version((struct sv){ head, sizeof(head) }, &v));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(version_is_the_first_word),
        cmocka_unit_test(other_files_tell_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
