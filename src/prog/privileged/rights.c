#include "prog/privileged/rights.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* In case a signal's default action or a stuck socket keeps it. */
enum { LIFE_SECONDS = 30, LAST_STANDARD_FD = 2 };

/* Those that opening a device, walking the caller's paths and connecting take. */
static const unsigned kept[] = { CAP_DAC_OVERRIDE, CAP_SETUID, CAP_SETGID };

static bool set_capabilities(const unsigned *list, size_t n, struct err **errp)
{
    struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };

    for (size_t i = 0; i < n; i++)
        data[list[i] / 32].permitted |= 1u << (list[i] % 32);
    for (size_t i = 0; i < COUNT(data); i++)
        data[i].effective = data[i].permitted;
    if (syscall(SYS_capset, &header, data) < 0)
        return err_set_os(errp, errno, "cannot give up capabilities");
    return true;
}

bool rights_reduce(struct err **errp)
{
    const struct rlimit none = { 0, 0 };

    (void)umask(077);
    (void)alarm(LIFE_SECONDS);
    if (clearenv() != 0 || chdir("/") < 0 || setrlimit(RLIMIT_CORE, &none) < 0 ||
        (syscall(SYS_close_range, LAST_STANDARD_FD + 1, ~0u, 0) < 0 && errno != ENOSYS) ||
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
        return err_set_os(errp, errno, "cannot give up rights");
    return set_capabilities(kept, COUNT(kept), errp);
}

bool rights_drop(struct err **errp)
{
    return set_capabilities(NULL, 0, errp);
}
