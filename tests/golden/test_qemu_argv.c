/*
 * qemu_argv_build() against recorded command lines. A case is a folder: machine.json has the
 * members of struct qemu_machine, argv.txt a word a line. UPDATE_GOLDEN=1 rewrites argv.txt.
 */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/enum.h"
#include "base/mem.h"
#include "base/path.h"
#include "driver/qemu/argv.h"
#include "lang/json/json.h"
#include "sys/file.h"

#include "golden.h"

static const char *const seed_names[] = { "none", "cd", "disk" };

static const char *text_of(const json_t *doc, const char *key)
{
    return json_string_value(json_object_get(doc, key));
}

static uint64_t number_of(const json_t *doc, const char *key)
{
    return (uint64_t)json_integer_value(json_object_get(doc, key));
}

static int word_of(const json_t *doc, const char *key, const char *const *names, size_t n)
{
    const char *text = text_of(doc, key);

    return text ? enum_from_name(names, n, text) : 0;
}

static void disk_of(const json_t *doc, struct qemu_disk *out)
{
    out->path = mem_strdup(text_of(doc, "path"));
    out->format = mem_strdup(text_of(doc, "format"));
}

static void share_of(const json_t *doc, struct qemu_share *out)
{
    out->path = mem_strdup(text_of(doc, "path"));
    out->tag = mem_strdup(text_of(doc, "tag"));
    out->security_model = text_of(doc, "securityModel");
    out->is_read_only = json_is_true(json_object_get(doc, "readOnly"));
}

static void blocks_of(const json_t *list, struct qemu_machine *m)
{
    m->blocks = mem_array(json_array_size(list), sizeof(*m->blocks));
    for (; m->n_blocks < json_array_size(list); m->n_blocks++) {
        const json_t *doc = json_array_get(list, m->n_blocks);

        m->blocks[m->n_blocks].path = mem_strdup(text_of(doc, "path"));
        m->blocks[m->n_blocks].serial = mem_strdup(text_of(doc, "serial"));
    }
}

static bool machine_of(const json_t *doc, struct qemu_machine *m)
{
    const json_t *firmware = json_object_get(doc, "firmware");
    const json_t *disks = json_object_get(doc, "disks");
    const json_t *shares = json_object_get(doc, "shares");
    const json_t *words = json_object_get(doc, "words");

    m->arch = qemu_arch_find(text_of(doc, "arch"));
    if (!m->arch || !semver_parse(sv_of(text_of(doc, "version")), &m->features.version))
        return false;
    qemu_features_scan(sv_of(text_of(doc, "features")), &m->features);
    m->accel = (enum qemu_accel)word_of(doc, "accel", qemu_accel_names, QEMU_ACCEL_COUNT);
    for (size_t i = 0; i < json_array_size(words); i++)
        strv_push(&m->words, json_string_value(json_array_get(words, i)));
    m->name = mem_strdup(text_of(doc, "name"));
    m->dir = mem_strdup(text_of(doc, "dir"));
    m->cpu = mem_strdup(text_of(doc, "cpu"));
    m->n_cpus = (unsigned)number_of(doc, "cpus");
    m->memory_mib = number_of(doc, "memory");
    m->firmware.code = mem_strdup(text_of(firmware, "code"));
    m->firmware.code_format = mem_strdup(text_of(firmware, "codeFormat"));
    m->firmware.vars = mem_strdup(text_of(firmware, "vars"));
    m->firmware.vars_format = mem_strdup(text_of(firmware, "varsFormat"));
    m->has_kernel = json_is_true(json_object_get(doc, "kernel"));
    m->has_initrd = json_is_true(json_object_get(doc, "initrd"));
    m->cmdline = mem_strdup(text_of(doc, "cmdline"));
    disk_of(json_object_get(doc, "disk"), &m->disk);
    m->has_iso = json_is_true(json_object_get(doc, "iso"));
    m->seed = (enum qemu_seed)word_of(doc, "seed", seed_names, COUNT(seed_names));
    m->n_disks = json_array_size(disks);
    m->disks = mem_array(m->n_disks, sizeof(*m->disks));
    for (size_t i = 0; i < m->n_disks; i++)
        disk_of(json_array_get(disks, i), &m->disks[i]);
    m->n_shares = json_array_size(shares);
    m->shares = mem_array(m->n_shares, sizeof(*m->shares));
    for (size_t i = 0; i < m->n_shares; i++)
        share_of(json_array_get(shares, i), &m->shares[i]);
    blocks_of(json_object_get(doc, "blocks"), m);
    m->mac = mem_strdup(text_of(doc, "mac"));
    m->ssh_port = (uint16_t)number_of(doc, "sshPort");
    m->link = (enum driver_link_kind)word_of(doc, "link", driver_link_names, DRIVER_LINK_COUNT);
    m->display = mem_strdup(text_of(doc, "display"));
    m->audio_device = mem_strdup(text_of(doc, "audioDevice"));
    m->audio_interface = mem_strdup(text_of(doc, "audioInterface"));
    return true;
}

static bool case_run(const char *dir, struct err **errp)
{
    auto_mem char *machine_path = path_join(dir, "machine.json");
    auto_sb struct sb text = { 0 };
    auto_qemu_machine struct qemu_machine m = { 0 };
    auto_strv struct strv argv = { 0 };
    auto_json json_t *doc = NULL;

    if (!file_read_all(machine_path, 65536, &text, errp) ||
        !(doc = json_parse(sb_view(&text), errp)))
        return false;
    if (!machine_of(doc, &m))
        return err_set(errp, ERR_INVALID, "unknown arch or version");
    qemu_argv_build(&m, &argv);

    auto_mem char *joined = strv_join(&argv, "\n");
    auto_mem char *actual = mem_printf("%s\n", joined);

    return golden_settle(dir, "argv.txt", sv_of(actual), errp);
}

int main(int argc, char **argv)
{
    return golden_main(argc, argv, case_run);
}
