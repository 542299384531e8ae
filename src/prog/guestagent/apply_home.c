/*
 * The home of the user. A new one is filled under a temporary name and renamed, so a home that
 * exists is complete. Below it nothing is followed: the user could have put links there.
 */
#include "prog/guestagent/apply.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/path.h"
#include "prog/guestagent/etc_text.h"
#include "sys/dir.h"
#include "sys/file.h"

enum { SKEL_DEPTH_MAX = 8, SKEL_FILE_SIZE_MAX = 1024 * 1024, KEYS_SIZE_MAX = 1024 * 1024 };

struct owner {
    uid_t uid;
    gid_t gid;
};

static bool copy_skel(int from_fd, int to_fd, struct owner owner, unsigned depth,
                      struct err **errp);

static bool copy_skel_file(int from_fd, int to_fd, const char *name, mode_t mode,
                           struct owner owner, struct err **errp)
{
    auto_fd int in = openat(from_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    auto_fd int out =
        openat(to_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    auto_sb struct sb bytes = { 0 };

    if (in < 0 || out < 0)
        return err_set_os(errp, errno, "cannot copy /etc/skel/%s", name);
    if (!file_read_fd(in, name, SKEL_FILE_SIZE_MAX, &bytes, errp) ||
        !file_write_fd(out, name, sb_view(&bytes), errp))
        return false;
    if (fchown(out, owner.uid, owner.gid) < 0 || fchmod(out, mode) < 0)
        return err_set_os(errp, errno, "cannot set the owner of %s", name);
    return true;
}

static bool copy_skel_dir(int from_fd, int to_fd, const char *name, mode_t mode, struct owner owner,
                          unsigned depth, struct err **errp)
{
    auto_fd int in = -1, out = -1;

    if (mkdirat(to_fd, name, 0700) < 0)
        return err_set_os(errp, errno, "cannot create %s", name);
    in = openat(from_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    out = openat(to_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (in < 0 || out < 0 || fchown(out, owner.uid, owner.gid) < 0 || fchmod(out, mode) < 0)
        return err_set_os(errp, errno, "cannot copy /etc/skel/%s", name);
    return copy_skel(in, out, owner, depth - 1, errp);
}

static bool copy_skel(int from_fd, int to_fd, struct owner owner, unsigned depth, struct err **errp)
{
    auto_mem char *path = mem_printf("/proc/self/fd/%d", from_fd);
    auto_strv struct strv names = { 0 };

    if (!dir_list(path, &names, errp))
        return false;
    for (size_t i = 0; i < names.n; i++) {
        const char *name = names.v[i];
        struct stat st;

        if (fstatat(from_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
            return err_set_os(errp, errno, "cannot inspect /etc/skel/%s", name);
        if (S_ISREG(st.st_mode) &&
            !copy_skel_file(from_fd, to_fd, name, st.st_mode & 0777, owner, errp))
            return false;
        if (S_ISDIR(st.st_mode) && depth > 0 &&
            !copy_skel_dir(from_fd, to_fd, name, st.st_mode & 0777, owner, depth, errp))
            return false;
    }
    return true;
}

static bool fill_home(const struct apply *apply, int home_fd, struct owner owner, struct err **errp)
{
    auto_fd int skel_fd = -1;

    if (root_open_file(apply->root, "/etc/skel", O_RDONLY | O_DIRECTORY, &skel_fd, NULL) &&
        !copy_skel(skel_fd, home_fd, owner, SKEL_DEPTH_MAX, errp))
        return false;
    if (fchown(home_fd, owner.uid, owner.gid) < 0 || fchmod(home_fd, 0750) < 0 ||
        syncfs(home_fd) < 0)
        return err_set_os(errp, errno, "cannot finish the home");
    return true;
}

static bool make_home(const struct apply *apply, struct owner owner, struct err **errp)
{
    auto_mem char *parent = path_dir(apply->seed->home);
    const char *name = path_base(apply->seed->home);
    auto_mem char *temp_name = mem_printf(".%s.lima-new", name);
    auto_fd int parent_fd = -1, home_fd = -1;

    if (!root_make_dir(apply->root, parent, 0755, errp) ||
        !root_open_file(apply->root, parent, O_RDONLY | O_DIRECTORY, &parent_fd, errp))
        return false;

    auto_mem char *leftover = mem_printf("/proc/self/fd/%d/%s", parent_fd, temp_name);

    if (!dir_remove_tree(leftover, errp))
        return false;
    if (mkdirat(parent_fd, temp_name, 0700) < 0)
        return err_set_os(errp, errno, "cannot create %s", apply->seed->home);
    home_fd = openat(parent_fd, temp_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (home_fd < 0)
        return err_set_os(errp, errno, "cannot create %s", apply->seed->home);
    if (!fill_home(apply, home_fd, owner, errp))
        return err_wrap(errp, "%s", apply->seed->home);
    if (renameat(parent_fd, temp_name, parent_fd, name) < 0)
        return err_set_os(errp, errno, "cannot create %s", apply->seed->home);
    return true;
}

/* sshd trusts keys only below directories of the user. */
static bool own(int fd, const char *what, struct owner owner, struct err **errp)
{
    struct stat st;

    if (fstat(fd, &st) < 0 || (st.st_uid != owner.uid && fchown(fd, owner.uid, owner.gid) < 0))
        return err_set_os(errp, errno, "cannot give %s to the user", what);
    return true;
}

static bool put_keys(const struct apply *apply, int home_fd, struct owner owner, struct err **errp)
{
    auto_sb struct sb old = { 0 }, keys = { 0 };
    auto_fd int ssh_fd = -1, keys_fd = -1;

    if (mkdirat(home_fd, ".ssh", 0700) < 0 && errno != EEXIST)
        return err_set_os(errp, errno, "cannot create .ssh");
    ssh_fd = openat(home_fd, ".ssh", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (ssh_fd < 0)
        return err_set_os(errp, errno, "cannot open .ssh");
    if (!own(ssh_fd, ".ssh", owner, errp))
        return false;

    keys_fd = openat(ssh_fd, "authorized_keys", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (keys_fd >= 0 && !file_read_fd(keys_fd, "authorized_keys", KEYS_SIZE_MAX, &old, errp))
        return false;
    authorized_keys_edit(sb_view(&old), apply->keys, &keys);
    return root_put_at(apply->root, ssh_fd, "authorized_keys", sb_view(&keys),
                       (struct root_attr){ .mode = 0600, .uid = owner.uid, .gid = owner.gid },
                       errp);
}

bool apply_home(const struct apply *apply, gid_t gid, struct err **errp)
{
    const char *home = apply->seed->home;
    struct owner owner = { .uid = apply->seed->uid, .gid = gid };
    auto_fd int home_fd = -1;

    if (!root_has(apply->root, home) && !make_home(apply, owner, errp))
        return false;
    if (!root_open_file(apply->root, home, O_RDONLY | O_DIRECTORY, &home_fd, errp))
        return false;
    return own(home_fd, home, owner, errp) &&
           (put_keys(apply, home_fd, owner, errp) || err_wrap(errp, "%s", home));
}
