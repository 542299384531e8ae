#include "svc/image/unpack.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include <archive.h>
#include <archive_entry.h>

#include "base/mem.h"
#include "base/path.h"
#include "sys/dir.h"
#include "sys/file.h"

#include "unit_test.h"

enum { SIZE = 600 * 1024 };

static char *dir;
static char *content;

static int set_up(void **state)
{
    content = mem_alloc(SIZE); /* mostly a hole */
    memset(content, 'a', 5000);
    memset(content + 300 * 1024 + 17, 'b', 5000);
    return dir_make_temp("/tmp/clima-test-unpack-", &dir, NULL) ? 0 : -1;
}

static int tear_down(void **state)
{
    bool ok = dir_remove_tree(dir, NULL);

    free(dir);
    free(content);
    return ok ? 0 : -1;
}

static void pack(const char *path, int (*add_filter)(struct archive *))
{
    struct archive *archive = archive_write_new();
    struct archive_entry *entry = archive_entry_new();

    (void)archive_write_set_format_raw(archive);
    assert_int_equal(add_filter(archive), ARCHIVE_OK);
    assert_int_equal(archive_write_open_filename(archive, path), ARCHIVE_OK);
    archive_entry_set_filetype(entry, AE_IFREG);
    assert_int_equal(archive_write_header(archive, entry), ARCHIVE_OK);
    assert_int_equal(archive_write_data(archive, content, SIZE), SIZE);
    archive_entry_free(entry);
    assert_int_equal(archive_write_free(archive), ARCHIVE_OK);
}

static bool unpack(const char *path, bool decompress, struct err **errp)
{
    auto_mem char *out = path_join(dir, "out");
    auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct unpack unpack = { .fd = fd, .location = path, .path = out, .decompress = decompress };

    return unpack_file(&unpack, errp);
}

static void assert_unpacked(void)
{
    auto_mem char *out = path_join(dir, "out");
    auto_sb struct sb bytes = { 0 };
    struct stat st;

    assert_true(file_read_all(out, SIZE, &bytes, NULL));
    assert_int_equal(bytes.n, SIZE);
    assert_memory_equal(bytes.p, content, SIZE);
    assert_int_equal(stat(out, &st), 0);
    assert_true((uint64_t)st.st_blocks * 512 < SIZE / 4);
}

static void every_compression_is_undone_with_holes(void **state)
{
    static const struct {
        const char *name;
        int (*add_filter)(struct archive *);
    } cases[] = {
        { "x.gz", archive_write_add_filter_gzip }, { "x.bz2", archive_write_add_filter_bzip2 },
        { "x.xz", archive_write_add_filter_xz }, { "x.zst", archive_write_add_filter_zstd },
        { "no-suffix", archive_write_add_filter_xz },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        auto_mem char *path = path_join(dir, cases[i].name);

        pack(path, cases[i].add_filter);
        check_row(unpack(path, true, NULL), cases[i].name);
        assert_unpacked();
    }
}

static void an_initrd_stays_as_it_is(void **state)
{
    auto_mem char *path = path_join(dir, "initrd.gz");
    auto_mem char *out = path_join(dir, "out");
    auto_sb struct sb packed = { 0 };
    auto_sb struct sb copied = { 0 };

    pack(path, archive_write_add_filter_gzip);
    assert_true(unpack(path, false, NULL));
    assert_true(file_read_all(path, SIZE, &packed, NULL));
    assert_true(file_read_all(out, SIZE, &copied, NULL));
    assert_true(sv_eq(sb_view(&packed), sb_view(&copied)));
}

static void damaged_data_is_an_error_and_leaves_nothing(void **state)
{
    auto_mem char *path = path_join(dir, "x.gz");
    auto_mem char *cut = path_join(dir, "cut.gz");
    auto_sb struct sb packed = { 0 };
    auto_strv struct strv names = { 0 };
    auto_err struct err *err = NULL;

    pack(path, archive_write_add_filter_gzip);
    assert_true(file_read_all(path, SIZE, &packed, NULL));
    assert_true(file_write_atomic(cut, sv_slice(sb_view(&packed), 0, packed.n / 2), 0644, NULL));
    assert_false(unpack(cut, true, &err));
    assert_int_equal(err_kind(err), ERR_INVALID);
    assert_non_null(strstr(err_text(err), "cannot decompress"));
    assert_true(dir_list(dir, &names, NULL));
    assert_int_equal(names.n, 2);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(every_compression_is_undone_with_holes),
        CASE(an_initrd_stays_as_it_is),
        CASE(damaged_data_is_an_error_and_leaves_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
