/*
 * Boot, first half: initramfs. Modules, root file system, change of the root. Second half: setup.c.
 *
 * Nothing here may end the process, the kernel would panic without a word: what cannot be mended is
 * reported to the host and to the console, then the machine is powered off.
 */
#include "prog/guestagent/initrd.h"

#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/sb.h"
#include "prog/guestagent/block.h"
#include "prog/guestagent/cmdline.h"
#include "prog/guestagent/module.h"
#include "prog/guestagent/mounts.h"
#include "prog/guestagent/report.h"
#include "prog/guestagent/setup.h"
#include "sys/dir.h"
#include "sys/file.h"
#include "wire/initrd.h"

enum { ROOT_TIMEOUT_MS = 60 * 1000, LAST_WORDS_MS = 2000, CMDLINE_SIZE_MAX = 64 * 1024 };

bool initrd_is_init(void)
{
    return getpid() == 1 && file_exists("/" INITRD_SYSROOT) && file_exists("/" INITRD_INIT);
}

static bool mount_root(const struct cmdline *cmdline, char **out_device, struct err **errp)
{
    const char *const specs[] = { cmdline->root, NULL };

    if (!block_wait(specs, ROOT_TIMEOUT_MS, out_device, errp))
        return err_wrap(errp, "root=%s", cmdline->root);
    if (block_has_errors(*out_device))
        log_warn("The root file system is marked as faulty; run `e2fsck -f %s` from another system",
                 *out_device);
    return mounts_add(*out_device, "/" INITRD_SYSROOT, cmdline->root_type,
                      cmdline->read_only ? MS_RDONLY : 0, cmdline->root_flags, errp);
}

static bool boot(const struct cmdline *cmdline, struct report *report, enum guest_phase *phase,
                 struct err **errp)
{
    auto_mem char *device = NULL;

    report_phase(report, *phase = GUEST_PHASE_INIT, GUEST_BEGUN, NULL);
    module_load_list("/" INITRD_MODULE_DIR);
    report_phase(report, GUEST_PHASE_INIT, GUEST_DONE, NULL);

    report_phase(report, *phase = GUEST_PHASE_ROOT, GUEST_BEGUN, NULL);
    if (!mount_root(cmdline, &device, errp))
        return false;
    if (!mounts_switch_root("/" INITRD_SYSROOT, errp))
        return false;
    report_phase(report, GUEST_PHASE_ROOT, GUEST_DONE, NULL);
    return true;
}

static _Noreturn void give_up(struct report *report, enum guest_phase phase, const struct err *err)
{
    log_set_fd(STDERR_FILENO); /* the console, however quiet the kernel was told to be */
    report_phase(report, phase, GUEST_FAILED, err_text(err));
    report_flush(report, LAST_WORDS_MS);
    sync();
    (void)reboot(RB_POWER_OFF);
    for (;;)
        (void)pause();
}

_Noreturn void initrd_run(void)
{
    struct report report = REPORT_NONE;
    struct cmdline cmdline = { 0 };
    enum guest_phase phase = GUEST_PHASE_INIT;
    auto_sb struct sb text = { 0 };
    struct err *err = NULL;

    (void)umask(022);
    if (!mounts_early(&err))
        give_up(&report, phase, err);
    setup_log();
    if (!file_read_all("/proc/cmdline", CMDLINE_SIZE_MAX, &text, &err))
        give_up(&report, phase, err);
    cmdline_parse(sb_view(&text), &cmdline);
    if (!boot(&cmdline, &report, &phase, &err))
        give_up(&report, phase, err);
    setup_run(&cmdline, &report, &err);
    give_up(&report, GUEST_PHASE_SEED, err);
}
