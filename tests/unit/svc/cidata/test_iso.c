#include "svc/cidata/cidata.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/resource.h>

#include <archive.h>
#include <archive_entry.h>
#include <cmocka.h>

#include "base/mem.h"
#include "sys/dir.h"
#include "sys/file.h"

static char dir[64];

static char *in_dir(const char *name)
{
    return mem_printf("%s/%s", dir, name);
}

static int make_dir(void **state)
{
    (void)snprintf(dir, sizeof(dir), "/tmp/clima-iso-XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int drop_dir(void **state)
{
    return dir_remove_tree(dir, NULL) ? 0 : -1;
}

static void volume_has_label_names_modes_and_contents(void **state)
{
    auto_mem char *path = in_dir("cidata.iso"), *source = in_dir("agent"), *left = NULL;
    struct cidata_entry entries[] = {
        { .path = "boot.Linux/00-check-rtc-and-wait-ntp.sh",
          .mode = 0755,
          .data = "#!/bin/sh\n",
          .size = 10 },
        { .path = "boot.Linux/01-x.sh", .mode = 0755, .data = "", .size = 0 },
        { .path = "lima-guestagent", .mode = 0755, .source_path = source },
        { .path = "provision.data/00000001", .mode = 0644, .data = "a\0b", .size = 3 },
        { .path = "user-data", .mode = 0644, .data = "#cloud-config\n", .size = 14 },
    };
    static const char *const names[] = {
        "boot.Linux",         "boot.Linux/00-check-rtc-and-wait-ntp.sh",
        "boot.Linux/01-x.sh", "lima-guestagent",
        "provision.data",     "provision.data/00000001",
        "user-data",
    };
    struct cidata seed = { entries, COUNT(entries), COUNT(entries) };
    auto_sb struct sb image = { 0 };
    struct archive *a = archive_read_new();
    struct archive_entry *header;
    size_t n = 0;

    assert_true(file_write_atomic(source, SV("binary"), 0755, NULL));
    assert_true(cidata_write_iso(&seed, path, NULL));
    assert_true(file_read_all(path, 4 << 20, &image, NULL));
    assert_memory_equal(image.p + 16 * 2048 + 40, "cidata   ", 9);

    archive_read_support_format_iso9660(a);
    assert_int_equal(archive_read_open_memory(a, image.p, image.n), ARCHIVE_OK);
    while (archive_read_next_header(a, &header) == ARCHIVE_OK) {
        const char *name = archive_entry_pathname(header);
        bool found = str_eq(name, ".");
        char data[32];

        for (size_t i = 0; i < COUNT(names); i++)
            found = found || str_eq(name, names[i]);
        assert_true(found);
        n += !str_eq(name, ".");
        for (size_t i = 0; i < COUNT(entries); i++) {
            struct sv want = entries[i].source_path
                                 ? SV("binary")
                                 : (struct sv){ entries[i].data, entries[i].size };

            if (!str_eq(name, entries[i].path))
                continue;
            assert_int_equal(archive_entry_perm(header) & 0777, entries[i].mode & 0555);
            assert_int_equal(archive_read_data(a, data, sizeof(data)), want.n);
            assert_memory_equal(data, want.p, want.n);
        }
    }
    assert_int_equal(n, COUNT(names));
    archive_read_free(a);
    left = in_dir("cidata.iso.tmp");
    assert_false(file_exists(left));
}

static void missing_source_leaves_the_old_volume(void **state)
{
    auto_mem char *path = in_dir("old.iso"), *left = in_dir("old.iso.tmp");
    struct cidata_entry entry = { .path = "lima-guestagent", .source_path = "/nonexistent/agent" };
    struct cidata seed = { &entry, 1, 1 };
    auto_err struct err *err = NULL;
    auto_sb struct sb text = { 0 };

    assert_true(file_write_atomic(path, SV("old"), 0600, NULL));
    assert_false(cidata_write_iso(&seed, path, &err));
    assert_non_null(strstr(err_text(err), "/nonexistent/agent"));
    assert_true(file_read_all(path, 64, &text, NULL));
    assert_string_equal(sb_str(&text), "old");
    assert_false(file_exists(left));
}

static void a_full_disk_is_named(void **state)
{
    auto_mem char *path = in_dir("full.iso");
    struct cidata_entry entry = { .path = "user-data", .mode = 0644, .data = "#\n", .size = 2 };
    struct cidata seed = { &entry, 1, 1 };
    struct rlimit old, small;
    auto_err struct err *err = NULL;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = (struct rlimit){ .rlim_cur = 4096, .rlim_max = old.rlim_max };
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    assert_false(cidata_write_iso(&seed, path, &err));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_string_equal(err_text(err), "making the seed: writing the seed: File too large");
    assert_false(file_exists(path));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(volume_has_label_names_modes_and_contents),
        cmocka_unit_test(missing_source_leaves_the_old_volume),
        cmocka_unit_test(a_full_disk_is_named),
    };

    return cmocka_run_group_tests(tests, make_dir, drop_dir);
}
