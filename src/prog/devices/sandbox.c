#include "prog/devices/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "sys/userns.h"

/* /proc is where the empty root is mounted, because it exists: the maps were written there. */
static bool enter_empty_root(struct err **errp)
{
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("none", "/proc", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY,
              "nr_inodes=2,size=4k,mode=0555") < 0)
        return err_set_os(errp, errno, "cannot mount an empty root");
    if (chdir("/proc") < 0 || syscall(__NR_pivot_root, ".", ".") < 0 ||
        umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
        return err_set_os(errp, errno, "cannot change to the empty root");
    return true;
}

static bool drop_capabilities(struct err **errp)
{
    struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
    const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { 0 };

    for (unsigned long cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
        if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0 && errno != EPERM)
            return err_set_os(errp, errno, "cannot drop capability %lu", cap);
    if (syscall(__NR_capset, &header, none) < 0)
        return err_set_os(errp, errno, "cannot drop the capabilities");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return err_set_os(errp, errno, "cannot forbid new privileges");
    return true;
}

/* Handles every right on files that the kernel knows, and grants none. */
static bool forbid_paths(struct err **errp)
{
    long abi = syscall(__NR_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    /* Rights by version: 13 in the first, REFER in the second, TRUNCATE in the third. */
    struct landlock_ruleset_attr attr = {
        .handled_access_fs = (1ull << (abi <= 1 ? 13 : abi == 2 ? 14 : 15)) - 1,
    };
    auto_fd int fd = -1;

    if (abi < 1)
        return err_set_os(errp, errno, "no Landlock");
    fd = (int)syscall(__NR_landlock_create_ruleset, &attr, sizeof(attr.handled_access_fs), 0);
    if (fd < 0 || syscall(__NR_landlock_restrict_self, fd, 0) < 0)
        return err_set_os(errp, errno, "no Landlock");
    return true;
}

bool sandbox_enter(enum devctl_sandbox *out_level, struct err **errp)
{
    auto_err struct err *no_namespace = NULL;
    auto_err struct err *no_landlock = NULL;
    bool has_namespace = userns_enter(CLONE_NEWNS | CLONE_NEWIPC, &no_namespace) &&
                         enter_empty_root(&no_namespace);
    enum devctl_sandbox level = DEVCTL_SANDBOX_NAMESPACE;

    if (!drop_capabilities(errp))
        return false;
    if (!has_namespace) {
        level = forbid_paths(&no_landlock) ? DEVCTL_SANDBOX_LANDLOCK : DEVCTL_SANDBOX_SECCOMP;
        log_debug("confined by %s only: %s", devctl_sandbox_name(level), err_text(no_namespace));
    }
    *out_level = level;
    return true;
}
