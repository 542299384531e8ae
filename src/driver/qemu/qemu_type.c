#include "driver/qemu/prepare.h"

#include <stdlib.h>

#include "base/mem.h"
#include "driver/qemu/disk.h"
#include "driver/qemu/files.h"

static const char *const mount_types[] = { "virtiofs", "9p", "reverse-sshfs", NULL };
static const char *const image_formats[] = { "qcow2", "raw", "vmdk", "vhdx", NULL };
static const enum driver_link_kind links[] = { DRIVER_LINK_DEVICES, DRIVER_LINK_SERIAL,
                                               DRIVER_LINK_NONE };

static const struct driver_facts qemu_facts = {
    .mount_types = mount_types,
    .image_formats = image_formats,
    .links = links,
    .n_links = COUNT(links),
    .guest_address = QEMU_USER_GUEST,
    .gateway_address = QEMU_USER_GATEWAY,
    .dns_address = QEMU_USER_DNS,
};

static bool qemu_probe(const char *arch, struct err **errp)
{
    const struct qemu_arch *row = qemu_arch_find(arch);
    auto_qemu_exe struct qemu_exe exe = { 0 };

    if (!row)
        return err_set(errp, ERR_UNSUPPORTED, "QEMU is not used for %s guests", arch);
    return qemu_exe_find(row, &exe, errp);
}

static void note_external_server(const struct driver_instance *inst)
{
    const char *program = getenv("LIMA_VIRTIOFSD");

    if (program && *program && str_eq(inst->config->mount_type, "virtiofs"))
        driver_note(inst, LOG_WARN,
                    "LIMA_VIRTIOFSD is ignored: the built-in server serves virtiofs mounts; unset "
                    "it, or set mountType to 9p or reverse-sshfs for another way");
}

static bool qemu_check_config(const struct driver_instance *inst, struct err **errp)
{
    const struct instance_config *config = inst->config;
    auto_qemu_plan struct qemu_plan plan = { 0 };

    if (config->tpm.v)
        return err_set(errp, ERR_UNSUPPORTED, "field `tpm` is not supported yet by driver qemu");
    if (str_eq(config->video.display, "vnc"))
        return err_set(errp, ERR_UNSUPPORTED,
                       "field `video.display`: vnc is not supported yet by driver qemu");
    if (!qemu_plan_make(inst, &plan, errp))
        return false;
    if (config->firmware.legacy_bios.v && !plan.host.arch->may_have_no_uefi)
        driver_note(inst, LOG_WARN, "`firmware.legacyBIOS` is ignored for %s guests", config->arch);
    note_external_server(inst);
    if (plan.host.emulation_reason)
        driver_note(inst, LOG_WARN,
                    "The guest's processor is emulated, which is several times slower: %s%s%s",
                    plan.host.emulation_reason, plan.host.emulation_remedy ? "; " : "",
                    plan.host.emulation_remedy ? plan.host.emulation_remedy : "");
    return true;
}

static bool qemu_create_disk(const struct driver_instance *inst, struct err **errp)
{
    auto_qemu_plan struct qemu_plan plan = { 0 };
    auto_qemu_firmware struct qemu_firmware firmware = { 0 };
    struct driver_instance quiet = *inst; /* what is to be noted has been, by the check */

    /* A missing firmware is found out now, when the user is there to read about it. */
    quiet.on_note = NULL;
    return qemu_disk_create(inst, inst->config->disk.bytes, errp) &&
           qemu_plan_make(&quiet, &plan, errp) &&
           qemu_prepare_firmware(inst, &plan.host, &firmware, errp);
}

static void examine_firmware(const struct qemu_host *host, struct driver_findings *out)
{
    auto_qemu_firmware struct qemu_firmware fw = { 0 };
    auto_err struct err *err = NULL;

    if (!host->arch->has_firmware)
        return;
    if (qemu_host_firmware(host, &fw, &err))
        driver_findings_add(out, DRIVER_FINDING_OK, "firmware", fw.code, NULL, NULL);
    else
        driver_findings_add(out, DRIVER_FINDING_NOTE, "firmware", "none",
                            "images that do not boot their kernel directly need it",
                            err_hint_text(err));
}

static void qemu_examine(const char *arch, const char *cache_dir, struct driver_findings *out)
{
    auto_qemu_host struct qemu_host host = { 0 };
    auto_err struct err *err = NULL;
    struct semver v;

    if (!qemu_host_examine(arch, cache_dir, NULL, &host, &err)) {
        driver_findings_add(out, DRIVER_FINDING_FAIL, "qemu",
                            err_kind(err) == ERR_NOT_FOUND ? "missing" : "does not work",
                            err_text(err), err_hint_text(err));
        return;
    }
    v = host.features.version;

    auto_mem char *version = mem_printf("%u.%u.%u", v.major, v.minor, v.patch);

    driver_findings_add(out, DRIVER_FINDING_OK, "qemu", version, host.exe.words.v[0], NULL);
    driver_findings_add(out, host.emulation_reason ? DRIVER_FINDING_NOTE : DRIVER_FINDING_OK,
                        "accelerator", qemu_accel_names[host.accel], host.emulation_reason,
                        host.emulation_remedy);
    if (!host.features.vsock || !host.features.memfd)
        driver_findings_add(
            out, DRIVER_FINDING_NOTE, "vsock", "no",
            "this QEMU has no vhost-user-vsock device; the guest agent is reached over a serial "
            "port",
            "install QEMU 5.1 or later");
    examine_firmware(&host, out);
}

const struct driver_type qemu_driver_type = {
    .name = "qemu",
    .pid_name = QEMU_PID_NAME,
    .caps = DRIVER_CAP_ADOPT | DRIVER_CAP_FOREIGN_ARCH | DRIVER_CAP_DIRECT_BOOT |
            DRIVER_CAP_BLOCK_DEVICES | DRIVER_CAP_HOT_DISK | DRIVER_CAP_HOT_SHARE,
    .facts = &qemu_facts,
    .options = &qemu_options_table,
    .probe = qemu_probe,
    .check_config = qemu_check_config,
    .create_disk = qemu_create_disk,
    .examine = qemu_examine,
};
