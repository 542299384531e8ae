#include "driver/qemu/firmware.h"

#include <fnmatch.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/path.h"
#include "lang/json/json.h"
#include "sys/dir.h"
#include "sys/file.h"

enum { DESCRIPTOR_SIZE_MAX = 64 * 1024 };

/* Where distributions keep it: code and, if they come as a pair, the variable store's template. */
static const struct {
    const char *arch, *code, *vars;
} known_files[] = {
    { "x86_64", "/usr/share/edk2/x64/OVMF_CODE.4m.fd", "/usr/share/edk2/x64/OVMF_VARS.4m.fd" },
    { "x86_64", "/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd" },
    { "x86_64", "/usr/share/OVMF/OVMF_CODE.fd", "/usr/share/OVMF/OVMF_VARS.fd" },
    { "x86_64", "/usr/share/edk2/ovmf/OVMF_CODE.fd", "/usr/share/edk2/ovmf/OVMF_VARS.fd" },
    { "x86_64", "/usr/share/edk2-ovmf/x64/OVMF_CODE.fd", "/usr/share/edk2-ovmf/x64/OVMF_VARS.fd" },
    { "x86_64", "/usr/share/qemu/ovmf-x86_64-4m-code.bin",
      "/usr/share/qemu/ovmf-x86_64-4m-vars.bin" },
    { "x86_64", "/usr/share/qemu/ovmf-x86_64-code.bin", "/usr/share/qemu/ovmf-x86_64-vars.bin" },
    { "x86_64", "/usr/share/qemu/ovmf-x86_64.bin", NULL },
    { "x86_64", "/usr/share/qemu/ovmf-x86_64-4m.bin", NULL },
    { "aarch64", "/usr/share/AAVMF/AAVMF_CODE.fd", "/usr/share/AAVMF/AAVMF_VARS.fd" },
    { "aarch64", "/usr/share/edk2/aarch64/QEMU_EFI-pflash.raw",
      "/usr/share/edk2/aarch64/vars-template-pflash.raw" },
    { "aarch64", "/usr/share/edk2/aarch64/QEMU_CODE.fd", "/usr/share/edk2/aarch64/QEMU_VARS.fd" },
    { "aarch64", "/usr/share/qemu/aavmf-aarch64-code.bin",
      "/usr/share/qemu/aavmf-aarch64-vars.bin" },
    { "armv7l", "/usr/share/AAVMF/AAVMF32_CODE.fd", "/usr/share/AAVMF/AAVMF32_VARS.fd" },
    { "armv7l", "/usr/share/edk2/arm/QEMU_CODE.fd", "/usr/share/edk2/arm/QEMU_VARS.fd" },
    { "riscv64", "/usr/share/qemu-efi-riscv64/RISCV_VIRT_CODE.fd",
      "/usr/share/qemu-efi-riscv64/RISCV_VIRT_VARS.fd" },
    { "riscv64", "/usr/share/edk2/riscv/RISCV_VIRT_CODE.fd",
      "/usr/share/edk2/riscv/RISCV_VIRT_VARS.fd" },
};

static bool list_has(const json_t *list, const char *word)
{
    size_t i;
    json_t *item;

    json_array_foreach(list, i, item) if (str_eq(json_string_value(item), word)) return true;
    return false;
}

static bool target_matches(const json_t *target, const struct qemu_arch *arch)
{
    const char *name = NULL;
    json_t *machines = NULL, *glob;
    size_t i;

    if (!json_get_str(target, "architecture", &name, NULL) ||
        !json_get_array(target, "machines", &machines, NULL) || !str_eq(name, arch->firmware_arch))
        return false;
    json_array_foreach(machines, i,
                       glob) if (json_is_string(glob) &&
                                 fnmatch(json_string_value(glob), arch->machine_glob_probe, 0) ==
                                     0) return true;
    return false;
}

static bool descriptor_suits(const json_t *doc, const struct qemu_arch *arch)
{
    static const char *const unwanted[] = { "requires-smm", "secure-boot", "enrolled-keys" };
    json_t *interfaces = NULL, *targets = NULL, *features = NULL, *target;
    size_t i;

    if (!json_get_array(doc, "interface-types", &interfaces, NULL) ||
        !list_has(interfaces, "uefi") || !json_get_array(doc, "targets", &targets, NULL) ||
        !json_get_array(doc, "features", &features, NULL))
        return false;
    for (i = 0; i < COUNT(unwanted); i++)
        if (list_has(features, unwanted[i]))
            return false;
    json_array_foreach(targets, i, target) if (target_matches(target, arch)) return true;
    return false;
}

static bool get_file(const json_t *mapping, const char *key, const char **out_path,
                     const char **out_format)
{
    json_t *file = NULL;

    return json_get_object(mapping, key, &file, NULL) &&
           json_get_str(file, "filename", out_path, NULL) &&
           json_get_str(file, "format", out_format, NULL) && path_is_absolute(*out_path);
}

bool qemu_firmware_parse(struct sv text, const struct qemu_arch *arch, struct qemu_firmware *out)
{
    auto_json json_t *doc = json_parse(text, NULL);
    json_t *mapping = NULL;
    const char *device = NULL, *mode = "split", *code, *format, *vars, *vars_format;

    if (!json_is_object(doc) || !descriptor_suits(doc, arch) ||
        !json_get_object(doc, "mapping", &mapping, NULL) ||
        !json_get_str(mapping, "device", &device, NULL) || !str_eq(device, "flash") ||
        !json_opt_str(mapping, "mode", &mode, NULL) || str_eq(mode, "combined") ||
        !get_file(mapping, "executable", &code, &format))
        return false;

    *out = (struct qemu_firmware){ .code = mem_strdup(code), .code_format = mem_strdup(format) };
    if (get_file(mapping, "nvram-template", &vars, &vars_format)) {
        out->vars = mem_strdup(vars);
        out->vars_format = mem_strdup(vars_format);
    }
    return true;
}

/* Prepends the root and drops what does not exist; false when the code does not. */
static bool firmware_settle(struct qemu_firmware *fw, const char *root)
{
    mem_replace(&fw->code, mem_printf("%s%s", root, fw->code));
    if (fw->vars)
        mem_replace(&fw->vars, mem_printf("%s%s", root, fw->vars));
    if (fw->vars && !file_is_regular(fw->vars)) {
        mem_replace(&fw->vars, NULL);
        mem_replace(&fw->vars_format, NULL);
    }
    return file_is_regular(fw->code);
}

static bool find_in_descriptors(const char *dir, const struct qemu_arch *arch, const char *root,
                                struct qemu_firmware *out)
{
    auto_mem char *full_dir = mem_printf("%s%s", root, dir);
    auto_strv struct strv names = { 0 };

    if (!dir_list(full_dir, &names, NULL))
        return false;
    for (size_t i = 0; i < names.n; i++) {
        auto_mem char *path = path_join(full_dir, names.v[i]);
        auto_qemu_firmware struct qemu_firmware fw = { 0 };
        auto_sb struct sb text = { 0 };

        if (str_ends(names.v[i], ".json") &&
            file_read_all(path, DESCRIPTOR_SIZE_MAX, &text, NULL) &&
            qemu_firmware_parse(sb_view(&text), arch, &fw) && firmware_settle(&fw, root)) {
            *out = fw;
            fw = (struct qemu_firmware){ 0 };
            return true;
        }
    }
    return false;
}

static bool try_files(const char *code, const char *vars, const char *root,
                      struct qemu_firmware *out)
{
    auto_qemu_firmware struct qemu_firmware fw = {
        .code = mem_strdup(code),
        .code_format = mem_strdup("raw"),
        .vars = mem_strdup(vars),
        .vars_format = mem_strdup(vars ? "raw" : NULL),
    };

    if (!firmware_settle(&fw, root))
        return false;
    *out = fw;
    fw = (struct qemu_firmware){ 0 };
    return true;
}

/* These come without a template for the variable store. */
static bool find_beside_qemu(const struct qemu_arch *arch,
                             const struct qemu_firmware_places *places, struct qemu_firmware *out)
{
    auto_strv struct strv dirs = { 0 };

    strv_pushf(&dirs, "%s/.local/share/qemu", places->home);
    strv_pushf(&dirs, "%s/share/qemu", places->prefix);
    strv_pushf(&dirs, "%s/share/qemu", places->real_prefix);
    strv_pushf(&dirs, "%s/bin/share", places->prefix);
    for (size_t i = 0; i < dirs.n; i++) {
        auto_mem char *path = mem_printf("%s/edk2-%s-code.fd", dirs.v[i], arch->firmware_name);

        if (try_files(path, NULL, places->root, out))
            return true;
    }
    return false;
}

static bool find_descriptor(const struct qemu_arch *arch, const struct qemu_firmware_places *places,
                            struct qemu_firmware *out)
{
    auto_strv struct strv dirs = { 0 };

    strv_pushf(&dirs, "%s/.config/qemu/firmware", places->home);
    strv_push(&dirs, "/etc/qemu/firmware");
    strv_pushf(&dirs, "%s/share/qemu/firmware", places->prefix);
    strv_pushf(&dirs, "%s/share/qemu/firmware", places->real_prefix);
    strv_push(&dirs, "/usr/share/qemu/firmware");
    for (size_t i = 0; i < dirs.n; i++)
        if (find_in_descriptors(dirs.v[i], arch, places->root, out))
            return true;
    return false;
}

static bool find_known(const struct qemu_arch *arch, const char *root, struct qemu_firmware *out)
{
    for (size_t i = 0; i < COUNT(known_files); i++)
        if (str_eq(known_files[i].arch, arch->name) &&
            try_files(known_files[i].code, known_files[i].vars, root, out))
            return true;
    return false;
}

bool qemu_firmware_find(const struct qemu_arch *arch, const struct qemu_firmware_places *places,
                        struct qemu_firmware *out, struct err **errp)
{
    if (find_beside_qemu(arch, places, out) || find_descriptor(arch, places, out) ||
        find_known(arch, places->root, out))
        return true;
    (void)err_set(errp, ERR_NOT_FOUND, "could not find firmware for `%s`", arch->name);
    if (arch->may_have_no_uefi)
        return err_hint(
            errp, "install the UEFI firmware (Debian, Ubuntu: apt-get install ovmf; Fedora: dnf "
                  "install edk2-ovmf), or set `firmware.legacyBIOS` to `true`");
    return err_hint(
        errp,
        "install the UEFI firmware (Debian, Ubuntu: apt-get install qemu-efi-%s), or copy "
        "it to $HOME/.local/share/qemu/edk2-%s-code.fd",
        arch->name, arch->firmware_name);
}

void qemu_firmware_done(struct qemu_firmware *fw)
{
    free(fw->code);
    free(fw->code_format);
    free(fw->vars);
    free(fw->vars_format);
    *fw = (struct qemu_firmware){ 0 };
}
