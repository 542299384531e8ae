#include "prog/guestagent/holders.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/num.h"
#include "sys/file.h"

enum { NAMED_MAX = 5, NAME_SIZE_MAX = 64 };

static bool is_on(int dir_fd, const char *name, dev_t device)
{
    struct stat st;

    return fstatat(dir_fd, name, &st, 0) == 0 && st.st_dev == device;
}

/* Any link of a directory of /proc: "fd" or "map_files". */
static bool any_is_on(int proc_fd, const char *name, dev_t device)
{
    int fd = openat(proc_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    bool found = false;

    if (!dir) {
        if (fd >= 0)
            (void)close(fd);
        return false;
    }
    for (const struct dirent *entry; !found && (entry = readdir(dir));)
        found = entry->d_name[0] != '.' && is_on(fd, entry->d_name, device);
    (void)closedir(dir);
    return found;
}

/* This program repeats changes on the file system, which keeps nobody from unmounting it. */
static bool is_ours(int proc_fd)
{
    struct stat own, st;

    return stat("/proc/self/exe", &own) == 0 && fstatat(proc_fd, "exe", &st, 0) == 0 &&
           own.st_dev == st.st_dev && own.st_ino == st.st_ino;
}

static bool holds(int proc_fd, dev_t device)
{
    if (is_ours(proc_fd))
        return false;
    return is_on(proc_fd, "cwd", device) || is_on(proc_fd, "root", device) ||
           is_on(proc_fd, "exe", device) || any_is_on(proc_fd, "fd", device) ||
           any_is_on(proc_fd, "map_files", device);
}

static void put_name(const char *pid, struct sb *out)
{
    auto_mem char *path = mem_printf("/proc/%s/comm", pid);
    auto_sb struct sb name = { 0 };

    if (!file_read_all(path, NAME_SIZE_MAX, &name, NULL))
        return;
    sb_puts(out, out->n ? ", " : "");
    sb_put(out, sv_trim(sb_view(&name)));
    sb_putf(out, " (%s)", pid);
}

void holders_list(dev_t device, struct sb *out)
{
    DIR *proc = opendir("/proc");
    unsigned n = 0;

    if (!proc)
        return;
    for (const struct dirent *entry; n < NAMED_MAX && (entry = readdir(proc));) {
        auto_fd int fd = -1;
        uint32_t pid;

        if (!parse_u32(sv_of(entry->d_name), &pid))
            continue;
        fd = openat(dirfd(proc), entry->d_name, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0 || !holds(fd, device))
            continue;
        put_name(entry->d_name, out);
        n++;
    }
    (void)closedir(proc);
}
