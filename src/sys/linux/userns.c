#include "sys/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool write_file(const char *path, const char *text, struct err **errp)
{
    auto_fd int fd = open(path, O_WRONLY | O_CLOEXEC);
    size_t n = strlen(text);

    if (fd < 0 || write(fd, text, n) != (ssize_t)n)
        return err_set_os(errp, errno, "cannot write %s", path);
    return true;
}

bool userns_enter(int more, struct err **errp)
{
    return userns_enter_as(geteuid(), getegid(), more, errp);
}

bool userns_enter_as(uid_t inner_uid, gid_t inner_gid, int more, struct err **errp)
{
    const uid_t uid = geteuid();
    const gid_t gid = getegid();
    char map[64];

    if (unshare(CLONE_NEWUSER | more) < 0) {
        (void)err_set_os(errp, errno, "cannot make a user namespace");
        return err_hint(errp, "allow them: sysctl kernel.unprivileged_userns_clone=1, "
                              "kernel.apparmor_restrict_unprivileged_userns=0, "
                              "user.max_user_namespaces=10000 (those that exist)");
    }
    if (!write_file("/proc/self/setgroups", "deny", errp))
        return false;
    (void)snprintf(map, sizeof(map), "%u %u 1", inner_gid, gid);
    if (!write_file("/proc/self/gid_map", map, errp))
        return false;
    (void)snprintf(map, sizeof(map), "%u %u 1", inner_uid, uid);
    return write_file("/proc/self/uid_map", map, errp);
}
