#include "model/template/template.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/path.h"
#include "model/template/template_priv.h"
#include "sys/dir.h"
#include "sys/file.h"
#include "temp_dir.h"
#include "unit_test.h"

struct fixture {
    struct template_env env;
    struct template got;
    struct err *err;
};

static void open_fixture(struct fixture *f, const char *templates_path)
{
    auto_strv struct strv prefixes = { 0 };

    strv_pushf(&prefixes, "%s/prefix", temp_dir);
    *f = (struct fixture){ 0 };
    template_env_init(&f->env, templates_path, temp_dir, &prefixes, "x86_64");
}

static void close_fixture(struct fixture *f)
{
    template_env_done(&f->env);
    template_done(&f->got);
    err_free(f->err);
}

static char *put(const char *name, const char *text)
{
    char *path = temp_path(name);
    auto_mem char *dir = path_dir(path);

    assert_true(dir_make_all(dir, 0755, NULL));
    assert_true(file_write_atomic(path, sv_of(text), 0644, NULL));
    return path;
}

static bool read_locator(struct fixture *f, const char *locator)
{
    template_done(&f->got);
    err_free(f->err);
    f->err = NULL;
    return template_read(&f->env, locator, &f->got, &f->err);
}

static void images_are_told_from_other_files(void **state)
{
    static const struct {
        const char *locator;
        bool is_image;
    } rows[] = {
        { "a.img", true },       { "https://x/y/a.qcow2", true },
        { "/p/a.raw.gz", true }, { "a.iso.zstd", true },
        { "a.iso.zst", false },  { "a.ipsw", true },
        { "build:micro", true }, { "a.yaml", false },
        { "img", false },        { "a.img.txt", false },
        { "a.gz", false },
    };

    for (size_t i = 0; i < COUNT(rows); i++)
        check_row(locator_is_image(rows[i].locator) == rows[i].is_image, rows[i].locator);
}

static void image_names_tell_instance_arch_and_system(void **state)
{
    static const struct {
        const char *locator, *name, *arch, *os;
    } rows[] = {
        { "https://x/ubuntu-24.04-server-cloudimg-amd64.img", "ubuntu-24.04-amd64", "x86_64",
          "Linux" },
        { "ubuntu-24.04-x86_64.img", "ubuntu-24.04", "x86_64", "Linux" },
        { "/i/debian-12-genericcloud-arm64-20250316-2053.qcow2", "debian-12-arm64", "aarch64",
          "Linux" },
        { "Arch-Linux-x86_64-cloudimg.qcow2", "archlinux", "x86_64", "Linux" },
        { "nocloud_alpine-3.21.0-x86_64-uefi-cloudinit-r0.qcow2", "alpine-3.21.0-r0", "x86_64",
          "Linux" },
        { "FreeBSD-15.0-RELEASE-amd64-BASIC-CLOUDINIT.raw.xz", "freebsd-15.0-amd64", "x86_64",
          "FreeBSD" },
        { "UniversalMac_26.0_25A354_Restore.ipsw", "macos-26.0", NULL, "Darwin" },
        { "rocky-8-8.10.qcow2", "rocky-8.10", NULL, "Linux" },
        { "build:debian-12", "debian-12", NULL, "Linux" },
        { "x-riscv64.raw", "x-riscv64", "riscv64", "Linux" },
        { "xaarch64x.raw", "xaarch64x", NULL, "Linux" },
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        auto_mem char *name = locator_image_name(rows[i].locator, "x86_64");

        assert_string_equal(name, rows[i].name);
        check_row(str_eq(locator_image_arch(rows[i].locator), rows[i].arch), rows[i].locator);
        assert_string_equal(locator_image_os(rows[i].locator), rows[i].os);
    }
}

static void schemes_are_told_from_file_names(void **state)
{
    static const struct {
        const char *locator, *scheme;
    } rows[] = {
        { "template:x", "template" },
        { "GitHub:x", "GitHub" },
        { "a+b-c2:x", "a+b-c2" },
        { "c:/x.yaml", "" },
        { "2a:x", "" },
        { "/a:x", "" },
        { "./ab:x", "" },
        { "a b:x", "" },
        { "ab", "" },
        { ":x", "" },
    };

    for (size_t i = 0; i < COUNT(rows); i++)
        check_row(sv_eq_str(locator_scheme(rows[i].locator), rows[i].scheme), rows[i].locator);
}

static void file_names_become_instance_names(void **state)
{
    static const struct {
        const char *locator, *name;
    } rows[] = {
        { "/a/Box.yaml", "box" },
        { "box.yml.yaml", "box.yml" },
        { "box.yaml.yml", "box" },
        { "box.YAML", "box" },
        { "https://x/y/z.yaml?raw=/q.yaml#f", "z" },
        { "HTTP://x/y/z/", "z" },
        { "/a/z.yaml?raw", "z.yaml?raw" },
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        auto_mem char *name = locator_file_name(rows[i].locator);

        assert_string_equal(name, rows[i].name);
    }
}

static void files_are_read_by_path_and_url(void **state)
{
    auto_mem char *path = put("dir with blanks/My Box.YAML", "cpus: 1\n");
    auto_mem char *url = mem_printf("file://%s", path);
    auto_mem char *relative = mem_printf("./%s", path_base(path));
    auto_mem char *dir = path_dir(path);
    struct fixture f;

    open_fixture(&f, NULL);
    assert_true(read_locator(&f, path));
    assert_string_equal(f.got.text, "cpus: 1\n");
    assert_string_equal(f.got.name, "my box");
    assert_true(read_locator(&f, url));
    assert_string_equal(f.got.locator, path);
    assert_int_equal(chdir(dir), 0);
    assert_true(read_locator(&f, relative));
    assert_string_equal(f.got.locator, path);
    assert_int_equal(chdir("/"), 0);
    mem_replace(&url, mem_printf("FILE://%s", path));
    assert_true(read_locator(&f, url));
    assert_false(read_locator(&f, "file://relative.yaml"));
    assert_string_equal(err_text(f.err), "file URL `file://relative.yaml` is not an absolute path");
    assert_false(read_locator(&f, "file:/one/slash.yaml"));
    assert_false(read_locator(&f, "/does/not/exist.yaml"));
    assert_false(read_locator(&f, ""));
    f.env.home = dir;
    assert_false(read_locator(&f, "~/nope.yaml"));
    assert_true(read_locator(&f, "~/My Box.YAML"));
    assert_string_equal(f.got.locator, path);
    close_fixture(&f);
}

static void binary_files_and_long_ones_are_refused(void **state)
{
    auto_mem char *path = temp_path("nul.yaml");
    auto_mem char *big = temp_path("big.yaml");
    auto_mem char *text = mem_alloc(TEMPLATE_MAX_BYTES + 1);
    struct fixture f;

    memset(text, '#', TEMPLATE_MAX_BYTES + 1);
    assert_true(file_write_atomic(big, (struct sv){ text, TEMPLATE_MAX_BYTES + 1 }, 0644, NULL));
    assert_true(file_write_atomic(path, (struct sv){ "a\0b", 3 }, 0644, NULL));
    open_fixture(&f, NULL);
    assert_false(read_locator(&f, path));
    assert_false(read_locator(&f, big));
    close_fixture(&f);
}

static void stored_templates_are_found_in_order(void **state)
{
    auto_mem char *own = put("_templates/box.yaml", "own\n");
    auto_mem char *shipped = put("prefix/share/lima/templates/box.yaml", "shipped\n");
    auto_mem char *versioned = put("prefix/share/lima/templates/ubuntu-24.04.yaml", "u\n");
    auto_mem char *nested = put("prefix/share/lima/templates/experimental/vnc.yaml", "v\n");
    auto_mem char *hidden = put("prefix/share/lima/templates/.x.yaml", "h\n");
    auto_mem char *other = put("prefix/share/lima/templates/readme.txt", "r\n");
    auto_mem char *elsewhere = temp_path("elsewhere");
    auto_strv struct strv names = { 0 };
    struct fixture f;

    open_fixture(&f, NULL);
    assert_true(read_locator(&f, "template:box"));
    assert_string_equal(f.got.text, "own\n");
    assert_string_equal(f.got.locator, "template:box");
    assert_true(read_locator(&f, "template:ubuntu-24.04"));
    assert_string_equal(f.got.name, "ubuntu-24.04");
    assert_true(read_locator(&f, "template:experimental/vnc"));
    assert_string_equal(f.got.name, "vnc");
    assert_true(read_locator(&f, "template:readme.txt"));
    template_list(&f.env, &names);
    auto_mem char *list = strv_join(&names, " ");

    assert_string_equal(list, "box experimental/vnc ubuntu-24.04");
    assert_false(read_locator(&f, "template:../x"));
    assert_string_equal(err_text(f.err), "template name `../x` must not contain `..`");
    assert_false(read_locator(&f, "template:nope"));
    assert_string_equal(err_text(f.err), "template `nope.yaml` not found");
    close_fixture(&f);

    open_fixture(&f, elsewhere);
    assert_false(read_locator(&f, "template:box"));
    close_fixture(&f);
}

static void what_cannot_be_read_is_not_listed(void **state)
{
    auto_mem char *real = put("list/a/real.yaml", "r\n");
    auto_mem char *below = put("list/dir.yaml/x.yaml", "x\n");
    auto_mem char *dir = temp_path("list");
    auto_mem char *search = mem_printf(":%s::", dir);
    auto_mem char *circle = temp_path("list/circle");
    auto_mem char *alias = temp_path("list/alias.yaml");
    auto_mem char *dangling = temp_path("list/dangling.yaml");
    auto_strv struct strv names = { 0 };
    struct fixture f;

    assert_int_equal(symlink(".", circle), 0);
    assert_int_equal(symlink("a/real.yaml", alias), 0);
    assert_int_equal(symlink("nowhere", dangling), 0);
    open_fixture(&f, search);
    assert_int_equal(f.env.dirs.n, 1);
    template_list(&f.env, &names);
    auto_mem char *list = strv_join(&names, " ");

    assert_string_equal(list, "a/real alias dir.yaml/x");
    close_fixture(&f);
}

static void old_spellings_work_with_a_warning(void **state)
{
    auto_mem char *path = put("_templates/old.yaml", "o\n");
    struct fixture f;

    open_fixture(&f, NULL);
    assert_true(read_locator(&f, "template://old"));
    assert_int_equal(f.got.warnings.n, 1);
    assert_string_equal(
        f.got.warnings.v[0],
        "Template locator `template://old` should be written `template:old` since Lima v2.0");
    assert_string_equal(f.got.locator, "template:old");
    close_fixture(&f);
}

static void standard_input_is_read_to_its_end(void **state)
{
    struct fixture f;
    int fds[2];

    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    assert_int_equal(write(fds[1], "cpus: 3\n", 8), 8);
    close(fds[1]);
    open_fixture(&f, NULL);
    f.env.stdin_fd = fds[0];
    assert_true(read_locator(&f, "-"));
    assert_string_equal(f.got.text, "cpus: 3\n");
    assert_null(f.got.name);
    close(fds[0]);
    close_fixture(&f);
}

static bool fetch_fake(void *ctx, const char *url, size_t limit, struct sb *out, struct err **errp)
{
    sb_putf(out, "# %s\n", url);
    return true;
}

static void urls_are_fetched_by_the_program(void **state)
{
    struct fixture f;

    open_fixture(&f, NULL);
    assert_false(read_locator(&f, "https://x/y/Z.yml"));
    f.env.fetch = fetch_fake;
    assert_true(read_locator(&f, "https://x/y/Z.yml"));
    assert_string_equal(f.got.text, "# https://x/y/Z.yml\n");
    assert_string_equal(f.got.name, "z");
    assert_false(read_locator(&f, "github:org/repo"));
    assert_int_equal(err_kind(f.err), ERR_UNSUPPORTED);
    assert_false(read_locator(&f, "github:org/repo/box.qcow2"));
    assert_int_equal(err_kind(f.err), ERR_UNSUPPORTED);
    close_fixture(&f);
}

static void an_image_gives_a_template_around_it(void **state)
{
    struct fixture f;

    open_fixture(&f, NULL);
    assert_true(read_locator(&f, "https://x/a: \"b\"-arm64.img"));
    assert_string_equal(f.got.text,
                        "os: Linux\narch: aarch64\nimages:\n"
                        "- location: 'https://x/a: \"b\"-arm64.img'\n  arch: aarch64\n");
    assert_int_equal(f.got.warnings.n, 0);
    assert_true(read_locator(&f, "/i/box.qcow2"));
    assert_string_equal(f.got.name, "box");
    assert_string_equal(f.got.warnings.v[0],
                        "cannot determine image arch from URL `/i/box.qcow2`; assuming `x86_64`");
    assert_false(read_locator(&f, "/i/\xff.qcow2"));
    assert_true(read_locator(&f, "build:micro"));
    assert_string_equal(f.got.text, "os: Linux\narch: x86_64\nimages:\n- location: build:micro\n"
                                    "  arch: x86_64\n");
    assert_int_equal(f.got.warnings.n, 0);
    close_fixture(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(images_are_told_from_other_files),
        cmocka_unit_test(image_names_tell_instance_arch_and_system),
        cmocka_unit_test(schemes_are_told_from_file_names),
        cmocka_unit_test(file_names_become_instance_names),
        cmocka_unit_test(files_are_read_by_path_and_url),
        cmocka_unit_test(binary_files_and_long_ones_are_refused),
        cmocka_unit_test(stored_templates_are_found_in_order),
        cmocka_unit_test(what_cannot_be_read_is_not_listed),
        cmocka_unit_test(old_spellings_work_with_a_warning),
        cmocka_unit_test(standard_input_is_read_to_its_end),
        cmocka_unit_test(urls_are_fetched_by_the_program),
        cmocka_unit_test(an_image_gives_a_template_around_it),
    };

    return cmocka_run_group_tests(tests, temp_dir_setup, temp_dir_teardown);
}
