#include "svc/image/qcow2.h"

#include <string.h>

#include "base/mem.h"
#include "svc/image/vmdk.h"

#include "unit_test.h"

struct header {
    unsigned char bytes[512];
    size_t n;
};

static void put(struct header *h, size_t at, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++)
        h->bytes[at + i] = (unsigned char)(value >> (8 * (size - 1 - i)));
}

static struct header make_header(void)
{
    struct header h = { .bytes = "QFI\xfb", .n = 112 };

    put(&h, 4, 3, 4);
    put(&h, 20, 16, 4);
    put(&h, 24, 4096ull << 20, 8);
    put(&h, 36, 8, 4);
    put(&h, 40, 0x30000, 8);
    put(&h, 100, 104, 4);
    return h;
}

static bool parse(const struct header *h, struct qcow2_header *out, struct err **errp)
{
    return qcow2_parse((struct sv){ (const char *)h->bytes, h->n }, out, errp);
}

static void a_plain_header_passes(void **state)
{
    struct header h = make_header();
    struct qcow2_header out;

    assert_true(parse(&h, &out, NULL));
    assert_int_equal(out.virtual_size, 4096ull << 20);
    assert_int_equal(out.cluster_bits, 16);
    assert_int_equal(out.l1_table_offset, 0x30000);
    assert_true(qcow2_check(&out, NULL));
}

static void version_2_has_no_features(void **state)
{
    struct header h = make_header();
    struct qcow2_header out;

    put(&h, 4, 2, 4);
    put(&h, 72, 0, 8); /* the end of the extensions */
    h.n = 80;
    assert_true(parse(&h, &out, NULL));
    assert_true(qcow2_check(&out, NULL));
}

static void tricks_are_refused(void **state)
{
    static const struct {
        const char *message;
        size_t at;
        uint64_t value;
        size_t size;
    } cases[] = {
        { "it has a backing file, which images must not have", 8, 0x200, 8 },
        { "it has an external data file, which images must not have", 72, 4, 8 },
        { "it is marked as corrupt", 72, 2, 8 },
        { "it uses unknown features (bits 0x8000000000000000)", 72, 1ull << 63, 8 },
        { "it is encrypted", 32, 1, 4 },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct header h = make_header();
        auto_err struct err *err = NULL;
        struct qcow2_header out;

        put(&h, cases[i].at, cases[i].value, cases[i].size);
        assert_true(parse(&h, &out, NULL));
        check_row(!qcow2_check(&out, &err), cases[i].message);
        assert_string_equal(err_text(err), cases[i].message);
    }
}

static void an_extension_can_name_a_data_file(void **state)
{
    struct header h = make_header();
    struct qcow2_header out;

    put(&h, 104, 0x44415441, 4);
    put(&h, 108, 5, 4);
    h.n = 128; /* five bytes, three of padding, the end */
    assert_true(parse(&h, &out, NULL));
    assert_false(qcow2_check(&out, NULL));
}

static void impossible_headers_are_refused(void **state)
{
    static const struct {
        const char *message;
        size_t at;
        uint64_t value;
        size_t size;
    } cases[] = {
        { "unknown qcow2 version 4", 4, 4, 4 },
        { "impossible qcow2 cluster size 2^8", 20, 8, 4 },
        { "impossible qcow2 cluster size 2^22", 20, 22, 4 },
        { "impossible qcow2 virtual size", 24, 1ull << 63, 8 },
        { "impossible qcow2 virtual size", 36, 0xffffffff, 4 },
        { "impossible qcow2 header length 8", 100, 8, 4 },
        { "impossible qcow2 header length 4294967295", 100, 0xffffffff, 4 },
        { "the header extensions have no end", 104, 0x1234567800000fffull, 8 },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct header h = make_header();
        auto_err struct err *err = NULL;
        struct qcow2_header out;

        put(&h, cases[i].at, cases[i].value, cases[i].size);
        check_row(!parse(&h, &out, &err), cases[i].message);
        assert_string_equal(err_text(err), cases[i].message);
    }
}

static void cut_off_headers_are_refused(void **state)
{
    struct header h = make_header();

    for (size_t n = 0; n < 112; n++) {
        struct qcow2_header out;
        char *exact = mem_dup(h.bytes, n);

        assert_false(qcow2_parse((struct sv){ exact, n }, &out, NULL));
        free(exact);
    }
}

static void vmdk_files_may_not_name_others(void **state)
{
    char bytes[1536] = "KDMV";
    struct sv all = { bytes, sizeof(bytes) };

    bytes[28] = 1; /* descriptor: from sector 1, 2 sectors */
    bytes[36] = 2;
    memcpy(bytes + 512, "parentCID=ffffffff\nRW 2048 SPARSE \"a.vmdk\"\n", 44);
    assert_true(vmdk_is(all));
    assert_true(vmdk_check(all, NULL));
    memcpy(bytes + 512, "parentCID=fffffffe\n", 19);
    assert_false(vmdk_check(all, NULL));
    memcpy(bytes + 512, "RW 1 FLAT \"/etc/x\"\nRW 1 SPARSE \"a.vmdk\"\n\0", 42);
    assert_false(vmdk_check(all, NULL));
    bytes[36] = 3; /* behind the end */
    assert_false(vmdk_check(all, NULL));
    assert_false(vmdk_check(SV("# Disk DescriptorFile\nRW 1 FLAT \"/etc/passwd\" 0\n"), NULL));
    assert_false(vmdk_check(SV("KDMV"), NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_header_passes),
        cmocka_unit_test(version_2_has_no_features),
        cmocka_unit_test(tricks_are_refused),
        cmocka_unit_test(an_extension_can_name_a_data_file),
        cmocka_unit_test(impossible_headers_are_refused),
        cmocka_unit_test(cut_off_headers_are_refused),
        cmocka_unit_test(vmdk_files_may_not_name_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
