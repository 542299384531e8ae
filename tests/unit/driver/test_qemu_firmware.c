/* Each case is a made-up file system below a scratch directory. */
#include "driver/qemu/firmware.h"

#include "base/sb.h"
#include "sys/file.h"
#include "temp_dir.h"
#include "unit_test.h"

static char *root; /* of the case */

static void put_file(const char *path, const char *text)
{
    auto_mem char *full = mem_printf("%s%s", root, path);
    auto_mem char *dir = path_dir(full);

    assert_true(dir_make_all(dir, 0755, NULL));
    assert_true(file_write_atomic(full, sv_of(text), 0644, NULL));
}

static void put_descriptor(const char *path, const char *arch, const char *machine,
                           const char *feature, const char *code, const char *vars)
{
    auto_mem char *text = mem_printf(
        "{\"interface-types\": [\"uefi\"], \"mapping\": {\"device\": \"flash\", \"executable\": "
        "{\"filename\": \"%s\", \"format\": \"qcow2\"}, \"nvram-template\": {\"filename\": \"%s\", "
        "\"format\": \"qcow2\"}}, \"targets\": [{\"architecture\": \"%s\", \"machines\": "
        "[\"%s\"]}], "
        "\"features\": [\"%s\"]}",
        code, vars, arch, machine, feature);

    put_file(path, text);
}

static void begin_case(const char *name)
{
    free(root);
    root = temp_path(name);
}

static bool find(const char *arch, struct qemu_firmware *out, struct err **errp)
{
    return qemu_firmware_find(qemu_arch_find(arch),
                              &(struct qemu_firmware_places){
                                  .root = root,
                                  .home = "/home/u",
                                  .prefix = "/opt/q",
                                  .real_prefix = "/nix/q",
                              },
                              out, errp);
}

static void assert_found(const char *arch, const char *code, const char *vars)
{
    auto_qemu_firmware struct qemu_firmware fw = { 0 };

    assert_true(find(arch, &fw, NULL));
    assert_string_equal(fw.code + strlen(root), code);
    if (vars)
        assert_string_equal(fw.vars + strlen(root), vars);
    else
        assert_null(fw.vars);
    assert_true(!fw.vars == !fw.vars_format);
}

static void home_goes_before_the_prefix_and_all_else(void **state)
{
    begin_case("order");
    put_file("/usr/share/OVMF/OVMF_CODE_4M.fd", "");
    assert_found("x86_64", "/usr/share/OVMF/OVMF_CODE_4M.fd", NULL);
    put_descriptor("/usr/share/qemu/firmware/60-x.json", "x86_64", "pc-q35-*", "acpi-s3", "/d/code",
                   "/d/vars");
    put_file("/d/code", "");
    put_file("/d/vars", "");
    assert_found("x86_64", "/d/code", "/d/vars");
    put_file("/nix/q/share/qemu/edk2-x86_64-code.fd", "");
    assert_found("x86_64", "/nix/q/share/qemu/edk2-x86_64-code.fd", NULL);
    put_file("/opt/q/share/qemu/edk2-x86_64-code.fd", "");
    assert_found("x86_64", "/opt/q/share/qemu/edk2-x86_64-code.fd", NULL);
    put_file("/home/u/.local/share/qemu/edk2-x86_64-code.fd", "");
    assert_found("x86_64", "/home/u/.local/share/qemu/edk2-x86_64-code.fd", NULL);
}

static void distributions_pairs_are_known(void **state)
{
    static const struct {
        const char *arch, *code, *vars;
    } cases[] = {
        { "x86_64", "/usr/share/edk2/x64/OVMF_CODE.4m.fd", "/usr/share/edk2/x64/OVMF_VARS.4m.fd" },
        { "x86_64", "/usr/share/edk2/ovmf/OVMF_CODE.fd", "/usr/share/edk2/ovmf/OVMF_VARS.fd" },
        { "x86_64", "/usr/share/qemu/ovmf-x86_64-code.bin",
          "/usr/share/qemu/ovmf-x86_64-vars.bin" },
        { "aarch64", "/usr/share/AAVMF/AAVMF_CODE.fd", "/usr/share/AAVMF/AAVMF_VARS.fd" },
        { "armv7l", "/usr/share/AAVMF/AAVMF32_CODE.fd", NULL },
        { "riscv64", "/usr/share/qemu-efi-riscv64/RISCV_VIRT_CODE.fd",
          "/usr/share/qemu-efi-riscv64/RISCV_VIRT_VARS.fd" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        auto_mem char *name = mem_printf("known%zu", i);

        begin_case(name);
        put_file(cases[i].code, "");
        if (cases[i].vars)
            put_file(cases[i].vars, "");
        assert_found(cases[i].arch, cases[i].code, cases[i].vars);
    }
}

static void descriptors_that_do_not_suit_are_passed_over(void **state)
{
    begin_case("unsuitable");
    put_file("/d/code", "");
    put_file("/usr/share/qemu/firmware/10-broken.json", "{");
    put_file("/usr/share/qemu/firmware/11-list.json", "[1]");
    put_file("/usr/share/qemu/firmware/12-readme.txt", "{}");
    put_descriptor("/usr/share/qemu/firmware/20-smm.json", "x86_64", "pc-q35-*", "requires-smm",
                   "/d/code", "");
    put_descriptor("/usr/share/qemu/firmware/21-sb.json", "x86_64", "pc-q35-*", "secure-boot",
                   "/d/code", "");
    put_descriptor("/usr/share/qemu/firmware/22-arch.json", "aarch64", "virt-*", "x", "/d/code",
                   "");
    put_descriptor("/usr/share/qemu/firmware/23-pc.json", "x86_64", "pc-i440fx-*", "x", "/d/code",
                   "");
    put_descriptor("/usr/share/qemu/firmware/24-gone.json", "x86_64", "pc-q35-*", "x", "/d/gone",
                   "");
    put_descriptor("/usr/share/qemu/firmware/25-relative.json", "x86_64", "pc-q35-*", "x", "d/code",
                   "");

    auto_err struct err *err = NULL;
    struct qemu_firmware none;

    assert_false(find("x86_64", &none, &err));
    assert_int_equal(err_kind(err), ERR_NOT_FOUND);
    assert_string_equal(err_text(err), "could not find firmware for `x86_64`");
    assert_non_null(strstr(err_hint_text(err), "legacyBIOS"));
    assert_found("aarch64", "/d/code", NULL);
    put_descriptor("/usr/share/qemu/firmware/99-last.json", "x86_64", "pc-q35-*", "x", "/d/code",
                   "/d/gone");
    assert_found("x86_64", "/d/code", NULL);
}

static void own_descriptors_go_before_the_systems(void **state)
{
    begin_case("mask");
    put_file("/d/mine", "");
    put_file("/d/theirs", "");
    put_descriptor("/usr/share/qemu/firmware/10-x.json", "x86_64", "*", "x", "/d/theirs", "");
    put_descriptor("/home/u/.config/qemu/firmware/90-x.json", "x86_64", "*", "x", "/d/mine", "");
    assert_found("x86_64", "/d/mine", NULL);
}

static void this_hosts_descriptors_are_understood(void **state)
{
    auto_sb struct sb text = { 0 };
    auto_qemu_firmware struct qemu_firmware fw = { 0 };

    if (!file_read_all("/usr/share/qemu/firmware/60-edk2-x86_64.json", 65536, &text, NULL))
        skip();
    assert_true(qemu_firmware_parse(sb_view(&text), qemu_arch_find("x86_64"), &fw));
    assert_non_null(fw.vars);
}

static int teardown(void **state)
{
    free(root);
    root = NULL;
    return temp_dir_teardown(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(home_goes_before_the_prefix_and_all_else),
        cmocka_unit_test(distributions_pairs_are_known),
        cmocka_unit_test(descriptors_that_do_not_suit_are_passed_over),
        cmocka_unit_test(own_descriptors_go_before_the_systems),
        cmocka_unit_test(this_hosts_descriptors_are_understood),
    };

    return cmocka_run_group_tests(tests, temp_dir_setup, teardown);
}
