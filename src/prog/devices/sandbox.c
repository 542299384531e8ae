#include "prog/devices/sandbox.h"

#include <errno.h>
#include <linux/landlock.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "sys/confine.h"
#include "sys/userns.h"

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
                         confine_to_empty_root(&no_namespace);
    enum devctl_sandbox level = DEVCTL_SANDBOX_NAMESPACE;

    if (!confine_rights(errp))
        return false;
    if (!has_namespace) {
        level = forbid_paths(&no_landlock) ? DEVCTL_SANDBOX_LANDLOCK : DEVCTL_SANDBOX_SECCOMP;
        log_debug("confined by %s only: %s", devctl_sandbox_name(level), err_text(no_namespace));
    }
    *out_level = level;
    return true;
}
