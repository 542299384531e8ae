#include "svc/fetch/digest.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/sb.h"

#include "unit_test.h"

static char *hex_of(enum digest_algo algo, struct sv bytes)
{
    auto_digest struct digest *digest = digest_new(algo, NULL);

    assert_non_null(digest);
    for (size_t i = 0; i < bytes.n; i++)
        digest_add(digest, bytes.p + i, 1);
    return digest_finish_hex(digest);
}

static void known_values_come_out(void **state)
{
    static const char abc[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    auto_mem char *sha256 = hex_of(DIGEST_SHA256, SV("abc"));
    auto_mem char *name = digest_name(SV("abc"));
    auto_mem char *sha512 = hex_of(DIGEST_SHA512, SV("abc"));
    auto_mem char *empty = hex_of(DIGEST_SHA384, SV(""));

    assert_string_equal(sha256, abc);
    assert_string_equal(name, abc);
    assert_int_equal(strlen(sha512), 128);
    assert_true(str_starts(sha512, "ddaf35a193617abacc417349ae204131"));
    assert_true(str_starts(empty, "38b060a751ac96384cd9327eb1b1e36a"));
}

static void texts_are_parsed_strictly(void **state)
{
    static const char *const bad[] = { "", "sha256", "sha256:", "sha256:12", "md5:00", "sha1:0",
                                       ":sha256" };
    auto_sb struct sb text = { 0 };
    struct digest_text digest;

    sb_puts(&text, "sha256:");
    for (int i = 0; i < 64; i++)
        sb_putc(&text, 'a');
    assert_true(digest_parse(sb_str(&text), &digest, NULL));
    assert_int_equal(digest.algo, DIGEST_SHA256);
    assert_int_equal(digest.hex.n, 64);
    text.p[70] = 'A';
    assert_false(digest_parse(sb_str(&text), &digest, NULL));
    for (size_t i = 0; i < COUNT(bad); i++)
        check_row(!digest_parse(bad[i], &digest, NULL), bad[i]);
}

static void files_are_read_from_their_start(void **state)
{
    auto_fd int fd = memfd_create("x", 0);
    auto_mem char *hex = NULL;

    assert_int_equal(write(fd, "abc", 3), 3);
    assert_true(digest_fd_hex(fd, "x", DIGEST_SHA256, &hex, NULL));
    assert_true(str_starts(hex, "ba7816bf"));
    assert_int_equal(lseek(fd, 0, SEEK_CUR), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_values_come_out),
        cmocka_unit_test(texts_are_parsed_strictly),
        cmocka_unit_test(files_are_read_from_their_start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
