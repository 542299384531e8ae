#include "prog/guestagent/mount_points.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/path.h"
#include "base/vec.h"
#include "sys/file.h"

enum { MOUNTINFO_MAX = 16 * 1024 * 1024 };

/* A line of mountinfo. */
struct line {
    uint32_t id, parent, major, minor;
    struct sv root, point; /* escaped: \040 for a space */
};

typedef VEC(struct line) lines;

static bool take_line(struct sv text, struct line *out)
{
    struct sv word, device;

    return sv_next(&text, ' ', &word) && parse_u32(word, &out->id) && sv_next(&text, ' ', &word) &&
           parse_u32(word, &out->parent) && sv_next(&text, ' ', &device) &&
           sv_next(&device, ':', &word) && parse_u32(word, &out->major) &&
           parse_u32(device, &out->minor) && sv_next(&text, ' ', &out->root) &&
           sv_next(&text, ' ', &out->point);
}

char *mount_points_plain(struct sv escaped)
{
    auto_sb struct sb out = { 0 };

    for (size_t i = 0; i < escaped.n; i++) {
        if (escaped.p[i] == '\\' && i + 3 < escaped.n) {
            char c = (char)((escaped.p[i + 1] - '0') << 6 | (escaped.p[i + 2] - '0') << 3 |
                            (escaped.p[i + 3] - '0'));

            sb_put_mem(&out, &c, 1);
            i += 3;
        } else {
            sb_put_mem(&out, escaped.p + i, 1);
        }
    }
    return sb_steal(&out);
}

static bool is_at_or_below(const char *path, const char *top)
{
    size_t n = strlen(top);

    return strncmp(path, top, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

/* Where the mount lies in the file system of the one it is mounted on. Owned. */
static char *place_of(const struct line *mount, const struct line *below)
{
    auto_mem char *root = mount_points_plain(below->root);
    auto_mem char *top = mount_points_plain(below->point);
    auto_mem char *point = mount_points_plain(mount->point);
    const char *rel = str_eq(top, "/") ? point : point + strlen(top);

    if (!is_at_or_below(point, str_eq(top, "/") ? "" : top))
        return mem_strdup(root);
    return str_eq(root, "/") ? mem_strdup(*rel ? rel : "/") : mem_printf("%s%s", root, rel);
}

bool mount_points_has(struct sv mountinfo, unsigned major, unsigned minor, const char *path)
{
    lines all = { 0 };
    struct sv text;
    bool found = false;

    while (sv_next(&mountinfo, '\n', &text)) {
        struct line line;

        if (take_line(text, &line))
            *vec_push(&all) = line;
    }
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
static char *path_in_fs(int dir_fd, const char *name)
{
    auto_mem char *link = mem_printf("/proc/self/fd/%d", dir_fd);
    char path[PATH_MAX];
    ssize_t n = readlink(link, path, sizeof(path) - 1);
    auto_mem char *info_path = mem_printf("/proc/self/fdinfo/%d", dir_fd);
    auto_sb struct sb info = { 0 }, mounts = { 0 };
    struct sv rest, text, word;
    uint32_t id = 0;

    if (n < 0 || !file_read_all(info_path, 4096, &info, NULL) ||
        !file_read_all("/proc/self/mountinfo", MOUNTINFO_MAX, &mounts, NULL))
        return NULL;
    path[n] = '\0';
    for (rest = sb_view(&info); sv_next(&rest, '\n', &text);)
        if (sv_next(&text, '\t', &word) && sv_eq(word, SV("mnt_id:")))
            (void)!parse_u32(text, &id);
    for (rest = sb_view(&mounts); sv_next(&rest, '\n', &text);) {
        struct line line;

        if (take_line(text, &line) && line.id == id) {
            auto_mem char *top = mount_points_plain(line.point);

            return is_at_or_below(path, top) ? mem_printf("%s/%s", path + strlen(top), name) : NULL;
        }
    }
    return NULL;
}

bool mount_points_below(int dir_fd, const char *name)
{
    auto_mem char *path = path_in_fs(dir_fd, name);
    VEC(ino_t) seen = { 0 };
    DIR *proc = opendir("/proc");
    struct stat st;
    bool found = !path || !proc || fstat(dir_fd, &st) < 0;

    for (const struct dirent *entry; !found && (entry = readdir(proc));) {
        auto_mem char *ns = mem_printf("/proc/%s/ns/mnt", entry->d_name);
        auto_mem char *info = mem_printf("/proc/%s/mountinfo", entry->d_name);
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
        if (file_read_all(info, MOUNTINFO_MAX, &text, NULL))
            found = mount_points_has(sb_view(&text), major(st.st_dev), minor(st.st_dev), path);
    }
    if (proc)
        (void)closedir(proc);
    vec_done(&seen);
    return found;
}
