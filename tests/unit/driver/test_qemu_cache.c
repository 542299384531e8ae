#include "driver/qemu/cache.h"

#include "base/strv.h"
#include "sys/file.h"
#include "temp_dir.h"
#include "unit_test.h"

static void fill(struct qemu_cache_entry *entry, enum qemu_kvm_verdict kvm, const char *detail)
{
    *entry = (struct qemu_cache_entry){
        .features = { .version = { 7, 2, 22 }, .tcg = true, .vsock = true },
        .kvm = kvm,
        .kvm_detail = mem_strdup(detail),
    };
}

static void entries_come_back(void **state)
{
    auto_mem char *dir = temp_path("back");
    struct qemu_cache_key key = { .words = "/usr/bin/q", .size = 5, .mtime_ns = 6, .boot_id = "b" };
    struct qemu_cache_key other = {
        .words = "/usr/bin/q -x", .size = 5, .mtime_ns = 6, .boot_id = "b"
    };
    auto_qemu_cache_entry struct qemu_cache_entry broken = { 0 }, works = { 0 };
    auto_qemu_cache_entry struct qemu_cache_entry got = { 0 }, got_other = { 0 };

    fill(&broken, QEMU_KVM_BROKEN, "it \"hung\"");
    fill(&works, QEMU_KVM_WORKS, NULL);
    assert_false(qemu_cache_load(dir, &key, &got));
    assert_true(qemu_cache_store(dir, &key, &broken, NULL));
    assert_true(qemu_cache_store(dir, &other, &works, NULL));

    assert_true(qemu_cache_load(dir, &key, &got));
    assert_int_equal(got.kvm, QEMU_KVM_BROKEN);
    assert_string_equal(got.kvm_detail, "it \"hung\"");
    assert_int_equal(got.features.version.minor, 2);
    assert_true(got.features.vsock);
    assert_false(got.features.fs);
    assert_true(qemu_cache_load(dir, &other, &got_other));
    assert_int_equal(got_other.kvm, QEMU_KVM_WORKS);
    assert_null(got_other.kvm_detail);
}

static void another_file_or_boot_makes_an_entry_void(void **state)
{
    auto_mem char *dir = temp_path("void");
    struct qemu_cache_key key = { .words = "/q", .size = 5, .mtime_ns = 6, .boot_id = "b" };
    struct qemu_cache_key changed[] = { key, key, key, key };
    auto_qemu_cache_entry struct qemu_cache_entry entry = { 0 };

    changed[0].size++;
    changed[1].mtime_ns++;
    changed[2].boot_id = "c";
    changed[3].words = "/p";
    fill(&entry, QEMU_KVM_WORKS, NULL);
    assert_true(qemu_cache_store(dir, &key, &entry, NULL));
    for (size_t i = 0; i < COUNT(changed); i++) {
        struct qemu_cache_entry got;

        assert_false(qemu_cache_load(dir, &changed[i], &got));
    }
    /* The next boot's first entry throws the old ones away. */
    assert_true(qemu_cache_store(dir, &changed[2], &entry, NULL));
    assert_false(qemu_cache_load(dir, &key, &entry));
}

static void rubbish_is_an_empty_cache(void **state)
{
    static const char *const texts[] = {
        "",
        "{",
        "[]",
        "{\"boot\": \"b\"}",
        "{\"boot\": \"b\", \"binaries\": {\"/q\": 1}}",
        "{\"boot\": \"b\", \"binaries\": {\"/q\": {\"size\": 5, \"mtime_ns\": 6, \"version\": "
        "\"7\", "
        "\"features\": \"\", \"kvm\": \"works\"}}}",
        "{\"boot\": \"b\", \"binaries\": {\"/q\": {\"size\": 5, \"mtime_ns\": 6, \"version\": "
        "\"7.0.0\", "
        "\"features\": \"\", \"kvm\": \"perhaps\"}}}",
    };
    struct qemu_cache_key key = { .words = "/q", .size = 5, .mtime_ns = 6, .boot_id = "b" };
    auto_mem char *dir = temp_path("rubbish");
    auto_mem char *path = path_join(dir, "qemu.json");

    assert_true(dir_make(dir, 0700, NULL));
    for (size_t i = 0; i < COUNT(texts); i++) {
        auto_qemu_cache_entry struct qemu_cache_entry entry = { 0 };
        struct qemu_cache_entry got;

        assert_true(file_write_atomic(path, sv_of(texts[i]), 0600, NULL));
        check_row(!qemu_cache_load(dir, &key, &got), texts[i]);
        fill(&entry, QEMU_KVM_UNKNOWN, NULL);
        assert_true(qemu_cache_store(dir, &key, &entry, NULL));
        assert_true(qemu_cache_load(dir, &key, &got));
    }
}

static void key_names_the_binary_and_its_words(void **state)
{
    auto_mem char *path = temp_path("binary");
    auto_qemu_cache_key struct qemu_cache_key key = { 0 };
    auto_strv struct strv words = { 0 };
    struct qemu_cache_key none;

    strv_push_list(&words, path, "-m", "1 G", NULL);
    assert_false(qemu_cache_key_make(&words, &none, NULL));
    assert_true(file_write_atomic(path, SV("12345"), 0700, NULL));
    assert_true(qemu_cache_key_make(&words, &key, NULL));
    assert_true(str_ends(key.words, "/binary -m '1 G'"));
    assert_int_equal(key.size, 5);
    assert_non_null(key.boot_id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_come_back),
        cmocka_unit_test(another_file_or_boot_makes_an_entry_void),
        cmocka_unit_test(rubbish_is_an_empty_cache),
        cmocka_unit_test(key_names_the_binary_and_its_words),
    };

    return cmocka_run_group_tests(tests, temp_dir_setup, temp_dir_teardown);
}
