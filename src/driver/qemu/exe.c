#include "driver/qemu/exe.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/path.h"
#include "base/quote.h"
#include "sys/proc.h"

static char *prefix_of(const char *exe)
{
    auto_mem char *dir = path_dir(exe);

    return path_dir(dir);
}

static bool find_words(const struct qemu_arch *arch, struct strv *out, struct err **errp)
{
    const char *value = getenv(arch->env);

    if (value && *value) {
        if (!quote_shell_split(sv_of(value), out, errp))
            return err_wrap(errp, "%s", arch->env);
        if (out->n == 0)
            return err_set(errp, ERR_INVALID, "%s holds only blanks", arch->env);
        return true;
    }
    strv_pushf(out, "qemu-system-%s", arch->suffix);
    return true;
}

bool qemu_exe_find(const struct qemu_arch *arch, struct qemu_exe *out, struct err **errp)
{
    auto_qemu_exe struct qemu_exe exe = { 0 };
    char *path;

    if (!find_words(arch, &exe.words, errp))
        return false;
    if (!proc_find_program(exe.words.v[0], &path, errp)) {
        (void)err_wrap(errp, "QEMU for %s guests", arch->name);
        return err_hint(errp,
                        "install QEMU (Debian, Ubuntu: apt-get install qemu-system; Fedora: "
                        "dnf install qemu; Arch: pacman -S qemu-full), or set %s",
                        arch->env);
    }
    free(exe.words.v[0]);
    exe.words.v[0] = path;
    exe.prefix = prefix_of(path);

    auto_mem char *real = realpath(path, NULL);

    exe.real_prefix = prefix_of(real ? real : path);
    *out = exe;
    exe = (struct qemu_exe){ 0 };
    return true;
}

void qemu_exe_done(struct qemu_exe *exe)
{
    strv_done(&exe->words);
    free(exe->prefix);
    free(exe->real_prefix);
    *exe = (struct qemu_exe){ 0 };
}
