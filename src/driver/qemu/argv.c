#include "driver/qemu/argv.h"

#include <stdarg.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/path.h"
#include "base/sb.h"
#include "driver/qemu/argv_priv.h"
#include "driver/qemu/files.h"

/* QEMU takes its options with one dash or two. */
static bool words_have(const struct strv *words, const char *option)
{
    for (size_t i = 1; i < words->n; i++) {
        const char *word = words->v[i];

        if (str_eq(word, option) || (str_starts(word, "--") && str_eq(word + 1, option)))
            return true;
    }
    return false;
}

void argv_put(struct argv *a, const char *option, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    strv_push(a->out, option);
    strv_push_take(a->out, mem_vprintf(fmt, args));
    va_end(args);
}

void argv_put_single(struct argv *a, const char *option, const char *fmt, ...)
{
    va_list args;

    if (words_have(&a->m->words, option))
        return;
    va_start(args, fmt);
    strv_push(a->out, option);
    strv_push_take(a->out, mem_vprintf(fmt, args));
    va_end(args);
}

char *argv_escape(const char *value)
{
    auto_sb struct sb out = { 0 };

    for (; *value; value++) {
        if (*value == ',')
            sb_putc(&out, ',');
        sb_putc(&out, *value);
    }
    return sb_steal(&out);
}

char *argv_path(const struct argv *a, const char *name)
{
    auto_mem char *path = path_join(a->m->dir, name);

    return argv_escape(path);
}

const char *argv_virtio_bus(const struct argv *a)
{
    return a->m->arch->bus == QEMU_BUS_CCW ? "ccw" : "pci";
}

bool qemu_can_share_memory(const struct qemu_arch *arch, const struct qemu_features *features,
                           const struct strv *words)
{
    static const char *const memory_options[] = { "-machine", "-object", "-numa", "-m" };

    for (size_t i = 0; i < COUNT(memory_options); i++)
        if (words_have(words, memory_options[i]))
            return false;
    return features->memfd && arch->bus == QEMU_BUS_PCIE;
}

void argv_put_served(struct argv *a, enum qemu_served which, int fd)
{
    const struct qemu_served_device *device = &qemu_served_devices[which];

    argv_put(a, "-chardev", "socket,id=%s,fd=%d", device->chardev, fd);
    argv_put(a, "-device", "%s", device->options);
}

static void put_machine(struct argv *a)
{
    const struct qemu_machine *m = a->m;
    bool shared = m->link == DRIVER_LINK_DEVICES;

    if (shared)
        argv_put(a, "-object", "memory-backend-memfd,id=mem,size=%lluM,share=on",
                 (unsigned long long)m->memory_mib);
    argv_put_single(a, "-m", "%llu", (unsigned long long)m->memory_mib);
    argv_put_single(a, "-machine", "%s%s%s", m->arch->machine,
                    qemu_arch_machine_options(m->arch, m->features.version),
                    shared ? ",memory-backend=mem" : "");
    if (m->accel == QEMU_ACCEL_TCG)
        argv_put_single(a, "-accel", "tcg,thread=multi,tb-size=512");
    else
        argv_put_single(a, "-accel", "%s", qemu_accel_names[m->accel]);
    if (m->cpu)
        argv_put_single(a, "-cpu", "%s", m->cpu);
    if (str_eq(m->arch->machine, "q35")) {
        argv_put(a, "-global", "ICH9-LPC.disable_s3=1");
        argv_put(a, "-global", "ICH9-LPC.disable_s4=1");
    }
}

/*
 * With one processor TCG leaves out the guest's memory barriers, which is unsafe when another
 * process looks at the rings; a second one that could be plugged in keeps them.
 */
static void put_processors(struct argv *a)
{
    const struct qemu_machine *m = a->m;

    if (m->n_cpus == 1 && m->accel == QEMU_ACCEL_TCG && m->link == DRIVER_LINK_DEVICES)
        argv_put_single(a, "-smp", "1,sockets=1,cores=2,threads=1,maxcpus=2");
    else
        argv_put_single(a, "-smp", "%u,sockets=1,cores=%u,threads=1", m->n_cpus, m->n_cpus);
}

static void put_firmware(struct argv *a)
{
    const struct qemu_firmware *fw = &a->m->firmware;

    if (!fw->code)
        return;

    auto_mem char *code = argv_escape(fw->code);

    argv_put(a, "-drive", "if=pflash,unit=0,format=%s,readonly=on,file=%s", fw->code_format, code);
    if (fw->vars) {
        auto_mem char *vars = argv_escape(fw->vars);

        argv_put(a, "-drive", "if=pflash,unit=1,format=%s,file=%s", fw->vars_format, vars);
    }
}

static void put_kernel(struct argv *a)
{
    const struct qemu_machine *m = a->m;

    if (m->has_kernel) {
        auto_mem char *kernel = path_join(m->dir, NAME_KERNEL);

        argv_put_single(a, "-kernel", "%s", kernel);
    }
    if (m->cmdline)
        argv_put_single(a, "-append", "%s", m->cmdline);
    if (m->has_initrd) {
        auto_mem char *initrd = path_join(m->dir, NAME_INITRD);

        argv_put_single(a, "-initrd", "%s", initrd);
    }
}

static void put_display(struct argv *a)
{
    const struct qemu_machine *m = a->m;

    argv_put_single(a, "-display", "%s", m->display);
    if (str_eq(m->display, "none"))
        return;
    if (m->arch->bus == QEMU_BUS_CCW)
        argv_put(a, "-device", "virtio-gpu-ccw");
    else if (str_eq(m->arch->name, "x86_64"))
        argv_put(a, "-device", "virtio-vga");
    else
        argv_put(a, "-device", "virtio-gpu-pci");
    argv_put(a, "-device", "virtio-keyboard-%s", argv_virtio_bus(a));
    argv_put(a, "-device", "%s-%s",
             str_starts(m->display, "vnc") ? "virtio-tablet" : "virtio-mouse", argv_virtio_bus(a));
}

static void put_audio(struct argv *a)
{
    const struct qemu_machine *m = a->m;

    if (!m->audio_device)
        return;
    argv_put(a, "-audiodev", "%s,id=snd0", m->audio_device);
    if (str_eq(m->audio_device, "none"))
        return;
    if (str_eq(m->audio_interface, "virtio")) {
        argv_put(a, "-device", "virtio-sound-pci,audiodev=snd0");
    } else {
        argv_put(a, "-device", "ich9-intel-hda");
        argv_put(a, "-device", "hda-output,audiodev=snd0");
    }
}

static void put_small_devices(struct argv *a)
{
    const char *bus = argv_virtio_bus(a);

    argv_put(a, "-device", "virtio-rng-%s", bus);
    if (semver_cmp(a->m->features.version, (struct semver){ 5, 1, 0 }) >= 0)
        argv_put(a, "-device", "virtio-balloon-%s,free-page-reporting=on,deflate-on-oom=on", bus);
}

void qemu_argv_build(const struct qemu_machine *m, struct strv *out)
{
    struct argv a = { .m = m, .out = out };
    auto_mem char *pid_path = path_join(m->dir, QEMU_PID_NAME);

    strv_extend(out, &m->words);
    argv_put(&a, "-name", "lima-%s", m->name);
    argv_put(&a, "-pidfile", "%s", pid_path);
    strv_push_list(out, "-nodefaults", "-no-user-config", NULL);
    if (m->features.sandbox)
        argv_put(&a, "-sandbox",
                 "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny");
    put_machine(&a);
    put_processors(&a);
    put_firmware(&a);
    put_kernel(&a);
    argv_put_disks(&a);
    argv_put_network(&a);
    put_small_devices(&a);
    put_display(&a);
    put_audio(&a);
    argv_put_links(&a);
    argv_put_files(&a);
}

void qemu_disk_done(struct qemu_disk *disk)
{
    free(disk->path);
    free(disk->format);
    *disk = (struct qemu_disk){ 0 };
}

void qemu_machine_done(struct qemu_machine *m)
{
    strv_done(&m->words);
    free(m->name);
    free(m->dir);
    free(m->cpu);
    qemu_firmware_done(&m->firmware);
    free(m->cmdline);
    qemu_disk_done(&m->disk);
    for (size_t i = 0; i < m->n_disks; i++)
        qemu_disk_done(&m->disks[i]);
    free(m->disks);
    for (size_t i = 0; i < m->n_shares; i++) {
        free(m->shares[i].path);
        free(m->shares[i].tag);
    }
    free(m->shares);
    for (size_t i = 0; i < m->n_blocks; i++) {
        free(m->blocks[i].path);
        free(m->blocks[i].serial);
    }
    free(m->blocks);
    free(m->mac);
    free(m->display);
    free(m->audio_device);
    free(m->audio_interface);
    *m = (struct qemu_machine){ 0 };
}
