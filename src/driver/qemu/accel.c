#include "driver/qemu/accel.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "base/enum.h"
#include "base/quote.h"
#include "sys/file.h"
#include "sys/proc.h"

enum {
    /* On working hardware it takes some 50 ms, under emulation 300. */
    TRY_DEADLINE_MS = 3000,
    OUTPUT_LIMIT = 4096,
    GUEST_FD = 3,
    /* What isa-debug-exit makes of the value that the guest writes. */
    X86_EXIT_STATUS = 67,
};

const char *const qemu_accel_names[QEMU_ACCEL_COUNT] = { "tcg", "kvm" };

bool qemu_accel_check_device(const char *path, struct err **errp)
{
    auto_fd int fd = open(path, O_RDWR | O_CLOEXEC);

    if (fd >= 0)
        return true;
    if (errno == ENOENT) {
        (void)err_set(errp, ERR_NOT_FOUND, "%s does not exist", path);
        return err_hint(errp,
                        "switch on virtualization in the firmware settings, or load the kernel "
                        "module kvm_intel or kvm_amd");
    }
    (void)err_set_os(errp, errno, "%s", path);
    return err_hint(errp, "join the group of %s: sudo usermod -aG kvm \"$USER\", then log in again",
                    path);
}

/* The guest as a descriptor that QEMU opens as a file. */
static bool guest_open(struct sv guest, int *out_fd, struct err **errp)
{
    auto_fd int fd = memfd_create("lima-accel-guest", MFD_CLOEXEC);

    if (fd < 0)
        return err_set_os(errp, errno, "memfd_create");
    if (!file_write_fd(fd, "the test guest", guest, errp))
        return false;
    *out_fd = MOVE_FD(fd);
    return true;
}

static void push_guest_words(struct strv *argv, const struct qemu_arch *arch, enum qemu_accel accel)
{
    strv_push_list(argv, "-nodefaults", "-no-user-config", "-display", "none", "-m", "64", NULL);
    strv_push_list(argv, "-cpu", accel == QEMU_ACCEL_TCG ? "max" : "host", NULL);
    strv_push_list(argv, "-accel", qemu_accel_names[accel], NULL);
    strv_push(argv, "-machine");
    strv_push(argv, arch->machine);
    strv_push(argv, "-kernel");
    strv_pushf(argv, "/proc/self/fd/%d", GUEST_FD);
    if (arch->has_pci_serial)
        strv_push_list(argv, "-no-reboot", "-serial", "stdio", NULL);
    else
        strv_push_list(argv, "-device", "isa-debug-exit,iobase=0xf4,iosize=1", NULL);
}

/* x86 tells by the exit status, the others on their serial port. */
static bool guest_has_succeeded(const struct qemu_arch *arch, const struct cmd_result *res)
{
    if (arch->has_pci_serial)
        return res->status == 0 && str_starts(sb_str(&res->out), "ok");
    return res->status == X86_EXIT_STATUS;
}

bool qemu_accel_try(const struct strv *words, const struct qemu_arch *arch, enum qemu_accel accel,
                    struct err **errp)
{
    struct sv guest = qemu_accel_guest(arch);
    auto_fd int guest_fd = -1;
    auto_cmd struct cmd cmd = {
        .in = CMD_TO_NULL,
        .out = CMD_TO_PIPE(OUTPUT_LIMIT),
        .err = CMD_TO_PIPE(OUTPUT_LIMIT),
        .flags = CMD_OWN_GROUP | CMD_DIES_WITH_PARENT,
        .deadline_ms = TRY_DEADLINE_MS,
    };
    auto_cmd_result struct cmd_result res = { 0 };

    if (!guest.p)
        return err_set(errp, ERR_UNSUPPORTED, "there is no test guest for %s", arch->name);
    if (!guest_open(guest, &guest_fd, errp))
        return false;
    strv_extend(&cmd.argv, words);
    push_guest_words(&cmd.argv, arch, accel);
    cmd_pass_fd(&cmd, guest_fd, GUEST_FD);

    auto_err struct err *why = NULL;

    if (!cmd_run(&cmd, &res, &why)) {
        if (err_kind(why) == ERR_TIMEOUT)
            return err_set(errp, ERR_TIMEOUT, "a test guest hung under %s",
                           qemu_accel_names[accel]);
        return err_propagate(errp, MOVE(why));
    }
    if (guest_has_succeeded(arch, &res))
        return true;

    auto_mem char *said = quote_printable(sv_trim(sb_view(&res.err)), OUTPUT_LIMIT);

    return err_set_child(errp, res.status, "a test guest failed under %s (status %d)%s%s",
                         qemu_accel_names[accel], res.status, *said ? ": " : "", said);
}
