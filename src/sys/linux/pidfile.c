/*
 * Locks are open-file-description locks: F_OFD_GETLK tells whether somebody holds one (QEMU's kind
 * included) without taking it, so looking never makes a file seem live to another looker.
 *
 * A new file is prepared and locked under a temporary name and linked into place, so nobody sees it
 * empty or unlocked. A stale file is removed only while holding its lock, and only if it still is
 * the file of that name, so that two starters cannot remove each other's.
 */
#include "sys/pidfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/sv.h"
#include "sys/file.h"
#include "sys/host.h"
#include "sys/proc.h"
#include "sys/sys_priv.h"
#include "sys/temp_priv.h"

enum {
    PIDFILE_SIZE_MAX = 32,
    PIDFILE_AGE_SLACK_S = 60, /* a process this much younger than the file did not write it */
    STAT_FIELD_START = 22,
};

static bool pid_parse(const char *path, const char *text, pid_t *out_pid, struct err **errp)
{
    uint32_t pid;

    if (!parse_u32(sv_trim(sv_of(text)), &pid) || pid == 0 || pid > INT32_MAX)
        return err_set(errp, ERR_INVALID, "%s does not hold a process id", path);
    *out_pid = (pid_t)pid;
    return true;
}

bool pidfile_read(const char *path, pid_t *out_pid, struct err **errp)
{
    auto_mem char *text = NULL;

    return file_read_text(path, PIDFILE_SIZE_MAX, &text, errp) &&
           pid_parse(path, text, out_pid, errp);
}

/* Seconds since the process was started; false when that cannot be found out. */
static bool process_age(pid_t pid, double *out_s)
{
    auto_mem char *path = mem_printf("/proc/%d/stat", (int)pid);
    auto_mem char *text = NULL;
    struct sv rest, field = { 0 };
    const char *after_name;
    uint64_t ticks;

    if (!file_read_text(path, 4096, &text, NULL))
        return false;
    after_name = strrchr(text, ')');
    if (!after_name || !after_name[1])
        return false;
    rest = sv_of(after_name + 2); /* begins with field 3 */
    for (int i = 3; i <= STAT_FIELD_START; i++)
        if (!sv_next(&rest, ' ', &field))
            return false;
    if (!parse_u64(field, &ticks))
        return false;
    *out_s = (double)host_boottime_ns() / 1e9 - (double)ticks / (double)sysconf(_SC_CLK_TCK);
    return true;
}

static bool is_writer(pid_t pid, const struct stat *st)
{
    double age_s, file_age_s;

    if (!proc_is_alive(pid))
        return false;
    if (!process_age(pid, &age_s))
        return true;
    file_age_s = (double)host_realtime_ns() / 1e9 - (double)st->st_mtim.tv_sec;
    return age_s + PIDFILE_AGE_SLACK_S >= file_age_s;
}

static bool is_locked(int fd)
{
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

    return fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

enum pidfile_state pidfile_probe(const char *path, pid_t *out_pid)
{
    auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    auto_sb struct sb text = { 0 };
    struct stat st;
    pid_t pid = 0;

    if (out_pid)
        *out_pid = 0;
    if (fd < 0 || fstat(fd, &st) < 0 || !file_read_fd(fd, path, PIDFILE_SIZE_MAX, &text, NULL) ||
        !pid_parse(path, sb_str(&text), &pid, NULL))
        return PIDFILE_NONE;
    if (!is_locked(fd) && !is_writer(pid, &st))
        return PIDFILE_STALE;
    if (out_pid)
        *out_pid = pid;
    return PIDFILE_LIVE;
}

static bool lock_now(int fd)
{
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

    return fcntl(fd, F_OFD_SETLK, &lock) == 0;
}

/* Removes path unless it is live or was replaced meanwhile. */
static bool remove_stale(const char *path, struct err **errp)
{
    auto_fd int fd = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY);
    struct stat ours, there;
    pid_t pid = 0;

    if (fd < 0)
        return errno == ENOENT || sys_fail(errp, errno, "cannot open %s", path);
    if (pidfile_probe(path, &pid) == PIDFILE_LIVE || !lock_now(fd))
        return err_set(errp, ERR_BUSY, "%s belongs to the running process %d", path, (int)pid);
    if (fstat(fd, &ours) < 0 || stat(path, &there) < 0 || ours.st_ino != there.st_ino ||
        ours.st_dev != there.st_dev)
        return true;
    return file_remove(path, errp);
}

/* Under a temporary name. */
static bool write_temp(const char *path, pid_t pid, struct temp *temp, struct err **errp)
{
    auto_mem char *text = mem_printf("%d\n", (int)pid);

    if (!temp_open(temp, path, errp) || !file_write_fd(temp->fd, path, sv_of(text), errp))
        return false;
    return fchmod(temp->fd, 0644) == 0 || sys_fail(errp, errno, "cannot share %s", temp->path);
}

bool pidfile_acquire(const char *path, int *out_fd, struct err **errp)
{
    auto_temp struct temp temp = TEMP_NONE;

    if (!write_temp(path, getpid(), &temp, errp))
        return false;
    if (!lock_now(temp.fd))
        return sys_fail(errp, errno, "cannot lock %s", temp.path);
    while (link(temp.path, path) < 0) {
        if (errno != EEXIST)
            return sys_fail(errp, errno, "cannot create %s", path);
        if (!remove_stale(path, errp))
            return false;
    }
    *out_fd = MOVE_FD(temp.fd); /* the guard removes the temporary name */
    return true;
}

bool pidfile_announce(const char *path, pid_t pid, struct err **errp)
{
    auto_temp struct temp temp = TEMP_NONE;

    if (!write_temp(path, pid, &temp, errp))
        return false;
    return link(temp.path, path) == 0 || errno == EEXIST ||
           sys_fail(errp, errno, "cannot create %s", path);
}

void pidfile_release(const char *path, int fd)
{
    (void)unlink(path);
    if (fd >= 0)
        (void)close(fd);
}
