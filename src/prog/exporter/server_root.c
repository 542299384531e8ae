#include "prog/exporter/server_root.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/path.h"
#include "base/sv.h"
#include "sys/dir.h"
#include "sys/file.h"

/* Where the root is put together: a directory that exists, and that nobody needs any more. */
#define TOP "/proc"

/* Libraries, wherever systems keep them; what does not exist is left out, links stay links. */
static const char *const libraries[] = {
    "/lib",       "/lib32",       "/lib64",     "/usr/lib",   "/usr/lib32",
    "/usr/lib64", "/usr/libexec", "/nix/store", "/gnu/store",
};

static bool make_parent(const char *path, struct err **errp)
{
    auto_mem char *dir = path_dir(path);

    return dir_make_all(dir, 0755, errp);
}

static bool attach(int tree_fd, const char *to, struct err **errp)
{
    return move_mount(tree_fd, "", AT_FDCWD, to, MOVE_MOUNT_F_EMPTY_PATH) == 0 ||
           err_set_os(errp, errno, "cannot mount %s", to);
}

/* Shows path, a directory or a file, at its place; nodev is not for /dev/null. */
static bool show(const char *path, uint64_t attributes, struct err **errp)
{
    struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | attributes,
                               .propagation = MS_PRIVATE };
    auto_mem char *to = mem_printf(TOP "%s", path);
    auto_fd int fd = open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0 ||
        mount_setattr(fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof(attr)) < 0)
        return err_set_os(errp, errno, "cannot show %s to the server", path);
    if (S_ISDIR(st.st_mode) ? !dir_make_all(to, 0755, errp)
                            : !make_parent(to, errp) || !file_write_atomic(to, SV(""), 0644, errp))
        return false;
    return attach(fd, to, errp);
}

static bool show_libraries(const char *path, struct err **errp)
{
    auto_mem char *to = mem_printf(TOP "%s", path);
    char target[PATH_MAX];
    ssize_t n = readlink(path, target, sizeof(target) - 1);

    if (n < 0)
        return dir_exists(path) ? show(path, MOUNT_ATTR_NODEV, errp) : true;
    target[n] = '\0';
    if (!make_parent(to, errp))
        return false;
    return symlink(target, to) == 0 || errno == EEXIST ||
           err_set_os(errp, errno, "cannot make %s", to);
}

static bool write_passwd(struct err **errp)
{
    auto_mem char *line =
        mem_printf("user:x:%u:%u::/:/bin/false\n", (unsigned)geteuid(), (unsigned)getegid());

    return dir_make_all(TOP "/etc", 0755, errp) &&
           file_write_atomic(TOP "/etc/passwd", sv_of(line), 0444, errp);
}

static bool build(const char *location, int folder_fd, const char *program, struct err **errp)
{
    auto_mem char *to = mem_printf(TOP "%s", location);
    auto_mem char *at = mem_printf(TOP "%s", program);

    if (mount("none", TOP, "tmpfs", MS_NOSUID | MS_NODEV, "size=64k,mode=0755") < 0)
        return err_set_os(errp, errno, "cannot mount a new root");
    for (size_t i = 0; i < COUNT(libraries); i++)
        if (!show_libraries(libraries[i], errp))
            return false;
    if (!show("/dev/null", 0, errp) || !write_passwd(errp) ||
        (file_exists("/etc/ld.so.cache") && !show("/etc/ld.so.cache", MOUNT_ATTR_NODEV, errp)) ||
        (!file_exists(at) && !show(program, MOUNT_ATTR_NODEV, errp)) ||
        !dir_make_all(to, 0755, errp) || !attach(folder_fd, to, errp))
        return false;
    return mount(NULL, TOP, NULL, MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV, NULL) == 0 ||
           err_set_os(errp, errno, "cannot make the new root read-only");
}

bool server_root_enter(const char *location, int folder_fd, const char *program, struct err **errp)
{
    auto_mem char *clean = path_clean(location);
    /* Who shares everything has the libraries in it. */
    const bool is_everything = str_eq(clean, "/");

    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return err_set_os(errp, errno, "cannot part with the mounts of the host");
    if (is_everything ? !attach(folder_fd, TOP, errp) : !build(clean, folder_fd, program, errp))
        return false;
    if (chdir(TOP) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 ||
        chdir("/") < 0)
        return err_set_os(errp, errno, "cannot change to the new root");
    return true;
}
