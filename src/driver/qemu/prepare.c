#include "driver/qemu/prepare.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/path.h"
#include "driver/qemu/disk.h"
#include "driver/qemu/files.h"
#include "driver/qemu/kernel_image.h"
#include "model/config/config.h"
#include "sys/dir.h"
#include "sys/file.h"
#include "sys/prefix.h"

enum {
    CMDLINE_SIZE_MAX = 4096,
    MIB = 1024 * 1024,
};

#define DIRECT_BOOT_WORD "clima.init"

static const struct semver version_required = { 4, 0, 0 };
static const struct semver version_advised = { 6, 2, 0 };
static const struct semver version_with_virtio_sound = { 8, 2, 0 };

static bool check_version(const struct driver_instance *inst, const struct qemu_options *options,
                          const struct qemu_host *host, struct err **errp)
{
    struct semver v = host->features.version, wanted;

    if (semver_cmp(v, version_required) < 0)
        return err_set(errp, ERR_UNSUPPORTED,
                       "QEMU %u.%u.%u is too old, %u.%u.%u or later is needed", v.major, v.minor,
                       v.patch, version_required.major, version_required.minor,
                       version_required.patch);
    if (options->minimum_version && semver_parse(sv_of(options->minimum_version), &wanted) &&
        semver_cmp(v, wanted) < 0)
        return err_set(errp, ERR_UNSUPPORTED,
                       "QEMU %u.%u.%u is too old, template requires `%s` or later", v.major,
                       v.minor, v.patch, options->minimum_version);
    if (semver_cmp(v, version_advised) < 0)
        driver_note(inst, LOG_WARN, "QEMU %u.%u.%u is old; %u.%u.%u or later is recommended",
                    v.major, v.minor, v.patch, version_advised.major, version_advised.minor,
                    version_advised.patch);
    return true;
}

static enum driver_link_kind choose_link(const struct driver_instance *inst,
                                         const struct qemu_host *host)
{
    auto_mem char *devices = NULL;

    if (inst->config->plain.v || !str_eq(inst->config->os, "Linux"))
        return DRIVER_LINK_NONE;
    if (host->features.vsock &&
        qemu_can_share_memory(host->arch, &host->features, &host->exe.words) &&
        prefix_find(QEMU_DEVICES_PROGRAM, &devices, NULL))
        return DRIVER_LINK_DEVICES;
    return DRIVER_LINK_SERIAL;
}

bool qemu_plan_make(const struct driver_instance *inst, struct qemu_plan *out, struct err **errp)
{
    auto_qemu_plan struct qemu_plan plan = { 0 };

    if (!qemu_options_load(inst->config, &plan.options, errp) ||
        !qemu_host_examine(inst->config->arch, inst->cache_dir, qemu_options_accel(&plan.options),
                           &plan.host, errp) ||
        !check_version(inst, &plan.options, &plan.host, errp))
        return false;
    plan.link = choose_link(inst, &plan.host);
    *out = plan;
    plan = (struct qemu_plan){ 0 };
    return true;
}

void qemu_plan_done(struct qemu_plan *plan)
{
    qemu_options_done(&plan->options);
    qemu_host_done(&plan->host);
    *plan = (struct qemu_plan){ 0 };
}

/* The text of DIR/kernel.cmdline, or NULL. */
static char *read_cmdline(const char *dir)
{
    auto_mem char *path = path_join(dir, NAME_KERNEL_CMDLINE);
    auto_mem char *text = NULL;

    if (!file_read_text(path, CMDLINE_SIZE_MAX, &text, NULL))
        return NULL;
    return sv_dup(sv_trim(sv_of(text)));
}

static bool cmdline_is_direct(const char *cmdline)
{
    struct sv rest = sv_of(cmdline), word;

    while (sv_next(&rest, ' ', &word))
        if (sv_eq_str(word, DIRECT_BOOT_WORD))
            return true;
    return false;
}

/* Guards against what a processor does ahead of time are of no use with an emulated one, and cost a
 * guest some percent of its speed. Kernels that are not ours get what their image says. */
static char *choose_cmdline(const char *dir, enum qemu_accel accel)
{
    auto_mem char *cmdline = read_cmdline(dir);

    if (!cmdline || accel != QEMU_ACCEL_TCG || !cmdline_is_direct(cmdline) ||
        strstr(cmdline, "mitigations="))
        return MOVE(cmdline);
    return mem_printf("%s mitigations=off", cmdline);
}

static bool boots_directly(const char *dir)
{
    auto_mem char *cmdline = read_cmdline(dir);

    return cmdline && cmdline_is_direct(cmdline);
}

/* The instance's own copy of the template, made at its first start. */
static bool firmware_own_vars(const char *dir, struct qemu_firmware *fw, struct err **errp)
{
    auto_mem char *own = path_join(dir, QEMU_EFI_VARS_NAME);

    if (!fw->vars)
        return true;
    if (!file_exists(own) && !file_copy(fw->vars, own, 0600, errp))
        return err_wrap(errp, "copying the firmware's variable store");
    mem_replace(&fw->vars, MOVE(own));
    return true;
}

bool qemu_prepare_firmware(const struct driver_instance *inst, const struct qemu_host *host,
                           struct qemu_firmware *out, struct err **errp)
{
    const struct qemu_arch *arch = host->arch;
    auto_mem char *downloaded = path_join(inst->dir, NAME_EFI_CODE);
    auto_qemu_firmware struct qemu_firmware fw = { 0 };

    if (!arch->has_firmware || boots_directly(inst->dir) ||
        (arch->may_have_no_uefi && inst->config->firmware.legacy_bios.v))
        return true;
    if (file_exists(downloaded)) {
        out->code = MOVE(downloaded);
        out->code_format = mem_strdup("raw");
        return true;
    }
    if (!qemu_host_firmware(host, &fw, errp) || !firmware_own_vars(inst->dir, &fw, errp))
        return false;
    *out = fw;
    fw = (struct qemu_firmware){ 0 };
    return true;
}

/* QEMU before 8.0 emulates cmpxchg16b in a way that kernels from 6.12 on trip over. */
static bool cpu_lacks_cx16(const struct driver_instance *inst, const struct qemu_host *host)
{
    auto_mem char *path = path_join(inst->dir, NAME_KERNEL);
    auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
    auto_mem char *head = mem_alloc(KERNEL_IMAGE_HEAD_SIZE);
    struct semver kernel;
    ssize_t n;

    if (fd < 0 || !str_eq(host->arch->name, "x86_64") ||
        semver_cmp(host->features.version, (struct semver){ 8, 0, 0 }) >= 0)
        return false;
    n = read(fd, head, KERNEL_IMAGE_HEAD_SIZE);
    return n > 0 && kernel_image_version((struct sv){ head, (size_t)n }, &kernel) &&
           semver_cmp(kernel, (struct semver){ 6, 12, 0 }) >= 0;
}

static char *choose_cpu(const struct driver_instance *inst, const struct qemu_options *options,
                        const struct qemu_host *host)
{
    const char *wanted = qemu_options_cpu(options, host->arch->name);
    const char *emulated;

    if (wanted)
        return mem_strdup(wanted);
    if (host->accel != QEMU_ACCEL_TCG)
        return mem_strdup("host");
    emulated = qemu_arch_cpu_tcg(host->arch, host->features.version);
    if (emulated && cpu_lacks_cx16(inst, host))
        return mem_printf("%s,-cx16", emulated);
    return mem_strdup(emulated);
}

static uint64_t choose_memory(const struct driver_instance *inst, const struct qemu_arch *arch)
{
    uint64_t mib = inst->config->memory.bytes / MIB;

    if (arch->memory_max_mib && mib > arch->memory_max_mib) {
        driver_note(inst, LOG_WARN, "The memory of %s guests is limited to %u MiB", arch->name,
                    arch->memory_max_mib);
        return arch->memory_max_mib;
    }
    return mib;
}

static char *choose_display(const struct instance_config *config)
{
    const char *display = config->video.display;

    if (!display || !*display)
        return mem_strdup("none");
    if (str_eq(display, "vnc"))
        return mem_printf("vnc=%s,password=on", config->video.vnc.display);
    return mem_strdup(display);
}

static void choose_audio(const struct driver_instance *inst, struct qemu_machine *m)
{
    const struct audio_config *audio = &inst->config->audio;
    bool virtio = str_eq(audio->interface, "virtio");

    if (!audio->device || !*audio->device)
        return;
    if (virtio && semver_cmp(m->features.version, version_with_virtio_sound) < 0) {
        driver_note(inst, LOG_WARN,
                    "`audio.interface: virtio` needs QEMU 8.2.0 or later, using hda instead");
        virtio = false;
    }
    m->audio_device = mem_strdup(str_eq(audio->device, "default") ? "pa" : audio->device);
    m->audio_interface = mem_strdup(virtio ? "virtio" : "hda");
}

static bool find_files(const char *dir, enum qemu_accel accel, struct qemu_machine *m,
                       struct err **errp)
{
    auto_mem char *kernel = path_join(dir, NAME_KERNEL);
    auto_mem char *initrd = path_join(dir, NAME_INITRD);
    auto_mem char *iso = path_join(dir, NAME_ISO);
    auto_mem char *cidata = path_join(dir, NAME_CIDATA_ISO);
    auto_mem char *disk = path_join(dir, NAME_DISK);

    m->has_kernel = file_exists(kernel);
    m->has_initrd = file_exists(initrd);
    m->cmdline = choose_cmdline(dir, accel);
    m->has_iso = file_exists(iso);
    if (!file_exists(cidata))
        m->seed = QEMU_SEED_NONE;
    else
        m->seed = m->cmdline && cmdline_is_direct(m->cmdline) ? QEMU_SEED_DISK : QEMU_SEED_CD;
    return qemu_disk_examine(disk, dir, &m->disk, errp);
}

static bool find_disks(const struct driver_params *params, struct qemu_machine *m,
                       struct err **errp)
{
    m->disks = mem_array(params->n_disks, sizeof(*m->disks));
    for (; m->n_disks < params->n_disks; m->n_disks++)
        if (!qemu_disk_examine(params->disks[m->n_disks].path, params->inst.dir,
                               &m->disks[m->n_disks], errp))
            return err_wrap(errp, "disk \"%s\"", params->disks[m->n_disks].name);
    return true;
}

/* Folders that do not exist yet are made, as for the other types of mounts. */
static bool find_shares(const struct driver_instance *inst, struct qemu_machine *m,
                        struct err **errp)
{
    const struct instance_config *config = inst->config;

    if (config->plain.v || !str_eq(config->mount_type, "9p"))
        return true;
    m->shares = mem_array(config->mounts.n, sizeof(*m->shares));
    for (size_t i = 0; i < config->mounts.n; i++) {
        const struct mount_config *mount = &config->mounts.v[i];

        if (!dir_make_all(mount->location, 0755, errp))
            return err_wrap(errp, "field `mounts[%zu].location`", i);
        m->shares[m->n_shares++] = (struct qemu_share){
            .path = mem_strdup(mount->location),
            .tag = config_mount_tag(mount),
            .security_model = mount->ninep.security_model,
            .is_read_only = !mount->writable.v,
        };
    }
    return true;
}

static void take_block_devices(const struct driver_params *params, struct qemu_machine *m)
{
    m->blocks = mem_array(params->n_block_devices, sizeof(*m->blocks));
    for (; m->n_blocks < params->n_block_devices; m->n_blocks++) {
        const struct driver_block_device *device = &params->block_devices[m->n_blocks];

        m->blocks[m->n_blocks] = (struct qemu_block){
            mem_strdup(device->path), mem_strdup(device->serial), device->fd
        };
    }
}

bool qemu_prepare_machine(const struct driver_params *params, const struct qemu_plan *plan,
                          struct qemu_machine *out, struct err **errp)
{
    const struct driver_instance *inst = &params->inst;
    const struct qemu_host *host = &plan->host;
    auto_qemu_machine struct qemu_machine m = { 0 };

    if (!find_files(inst->dir, host->accel, &m, errp) || !find_disks(params, &m, errp) ||
        !find_shares(inst, &m, errp) || !qemu_prepare_firmware(inst, host, &m.firmware, errp))
        return false;

    take_block_devices(params, &m);
    m.arch = host->arch;
    m.features = host->features;
    m.accel = host->accel;
    strv_extend(&m.words, &host->exe.words);
    m.name = mem_strdup(inst->name);
    m.dir = mem_strdup(inst->dir);
    m.cpu = choose_cpu(inst, &plan->options, host);
    m.n_cpus = (unsigned)inst->config->cpus.v;
    m.memory_mib = choose_memory(inst, m.arch);
    m.mac = mem_strdup(params->mac);
    m.link = plan->link;
    if (!inst->config->ssh.over_vsock.v || m.link != DRIVER_LINK_DEVICES)
        m.ssh_port = params->ssh_port;
    m.display = choose_display(inst->config);
    choose_audio(inst, &m);
    *out = m;
    m = (struct qemu_machine){ 0 };
    return true;
}
