#include "prog/guestagent/mount_points.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/path.h"
#include "base/vec.h"
#include "prog/guestagent/mountinfo.h"

static bool is_at_or_below(const char *path, const char *top)
{
    size_t n = strlen(top);

    return strncmp(path, top, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

/* Where the mount lies in the file system of the one it is mounted on. Owned. */
static char *place_of(const struct mountinfo_line *mount, const struct mountinfo_line *below)
{
    auto_mem char *root = mountinfo_plain(below->root);
    auto_mem char *top = mountinfo_plain(below->point);
    auto_mem char *point = mountinfo_plain(mount->point);
    const char *rel = str_eq(top, "/") ? point : point + strlen(top);

    if (!is_at_or_below(point, str_eq(top, "/") ? "" : top))
        return mem_strdup(root);
    return str_eq(root, "/") ? mem_strdup(*rel ? rel : "/") : mem_printf("%s%s", root, rel);
}

bool mount_points_has(struct sv mountinfo, unsigned major, unsigned minor, const char *path)
{
    mountinfo_lines all = { 0 };
    bool found = false;

    mountinfo_parse(mountinfo, &all);
    for (size_t i = 0; i < all.n && !found; i++)
        for (size_t k = 0; k < all.n && !found; k++) {
            auto_mem char *place = NULL;

            if (all.v[i].parent != all.v[k].id || i == k || all.v[k].major != major ||
                all.v[k].minor != minor)
                continue;
            place = place_of(&all.v[i], &all.v[k]);
            found = is_at_or_below(place, path);
        }
    vec_done(&all);
    return found;
}

/* The path of the directory from the top of its file system, with name. Owned; NULL: unknown. */
static char *path_in_fs(int dir_fd, const char *name, const char *top)
{
    auto_mem char *link = mem_printf("/proc/self/fd/%d", dir_fd);
    char path[PATH_MAX];
    ssize_t n = readlink(link, path, sizeof(path) - 1);

    if (n < 0)
        return NULL;
    path[n] = '\0';
    return is_at_or_below(path, top) ? mem_printf("%s/%s", path + strlen(top), name) : NULL;
}

bool mount_points_below(int dir_fd, const char *name, const char *top)
{
    auto_mem char *path = path_in_fs(dir_fd, name, top);
    VEC(ino_t) seen = { 0 };
    DIR *proc = opendir("/proc");
    struct stat st;
    bool found = !path || !proc || fstat(dir_fd, &st) < 0;

    for (const struct dirent *entry; !found && (entry = readdir(proc));) {
        auto_mem char *ns = mem_printf("/proc/%s/ns/mnt", entry->d_name);
        auto_sb struct sb text = { 0 };
        struct stat ns_st;
        bool is_seen = false;

        if (entry->d_name[0] < '1' || entry->d_name[0] > '9' || stat(ns, &ns_st) < 0)
            continue;
        for (size_t i = 0; i < seen.n; i++)
            is_seen = is_seen || seen.v[i] == ns_st.st_ino;
        if (is_seen)
            continue;
        *vec_push(&seen) = ns_st.st_ino;
        if (mountinfo_read(entry->d_name, &text, NULL))
            found = mount_points_has(sb_view(&text), major(st.st_dev), minor(st.st_dev), path);
    }
    if (proc)
        (void)closedir(proc);
    vec_done(&seen);
    return found;
}
