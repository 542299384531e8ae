#include "prog/guestagent/share_place.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/log.h"
#include "base/mem.h"
#include "prog/guestagent/mountinfo.h"
#include "prog/guestagent/share_all.h"

#define DELETED " (deleted)"

/* What stands behind the prefix, up to the next slash; false: nothing does. */
static bool name_after(struct sv path, struct sv prefix, struct sv *out)
{
    if (!sv_starts(path, prefix))
        return false;
    path = (struct sv){ path.p + prefix.n, path.n - prefix.n };
    return sv_next(&path, '/', out) && out->n > 0;
}

/* The export of that mount's device; false: the device is of none. One export, and before Linux
 * 5.10 each of them, has the device of the whole. Whatever the host has mounted in a shared folder
 * has a device of its own. */
static bool find_export(const mountinfo_lines *all, const struct mountinfo_line *mount,
                        struct sv *out)
{
    const struct sv whole = SV(SHARE_ALL_DIR), prefix = SV(SHARE_ALL_DIR "/");

    for (size_t i = 0; i < all->n; i++) {
        const struct mountinfo_line *line = &all->v[i];

        if (line->major != mount->major || line->minor != mount->minor)
            continue;
        if (sv_eq(line->point, whole))
            return name_after(mount->root, SV("/"), out);
        if (name_after(line->point, prefix, out) && out->n == line->point.n - prefix.n)
            return true;
    }
    return false;
}

static bool has_export(const mountinfo_lines *all, struct sv export)
{
    struct sv found;

    for (size_t i = 0; i < all->n; i++)
        if (find_export(all, &all->v[i], &found) && sv_eq(found, export))
            return true;
    return false;
}

static bool is_virtiofs(const struct mountinfo_line *mount)
{
    return sv_eq(mount->type, SV("virtiofs"));
}

static bool is_share(const mountinfo_lines *all, const struct mountinfo_line *mount,
                     const char *name)
{
    struct sv rest = sv_of(name), export, found;

    (void)sv_next(&rest, '/', &export);
    if (sv_eq(mount->type, SV("9p")))
        return sv_eq(mount->source, sv_of(name));
    if (sv_eq(mount->type, SV("fuse.sshfs"))) /* other ones name a host */
        return mount->source.n && mount->source.p[0] == ':';
    if (!is_virtiofs(mount))
        return false;
    if (find_export(all, mount, &found))
        return sv_eq(found, export);
    /* The host may have replaced the device since. */
    return !has_export(all, export);
}

static bool is_at(const struct mountinfo_line *mount, const char *path)
{
    auto_mem char *point = mountinfo_plain(mount->point);
    size_t n = strlen(point);

    return strncmp(path, point, n) == 0 && (path[n] == '\0' || str_eq(path + n, DELETED));
}

/* Shares are bound from mounts with names; what the kernel mounts by itself is not. */
static bool is_submount(const mountinfo_lines *all, const struct mountinfo_line *mount)
{
    struct sv export;

    return is_virtiofs(mount) && !find_export(all, mount, &export) && sv_eq(mount->root, SV("/"));
}

static void collect(const mountinfo_lines *all, uint32_t id, struct share_place *out)
{
    for (size_t i = 0; i < all->n; i++) {
        const struct mountinfo_line *mount = &all->v[i];

        if (mount->parent != id || mount->id == id)
            continue;
        if (is_submount(all, mount)) {
            collect(all, mount->id, out);
            strv_push_take(&out->submounts, mountinfo_plain(mount->point));
        } else {
            strv_push_take(&out->inner, mountinfo_plain(mount->point));
        }
    }
}

void share_place_find(struct sv mountinfo, uint32_t top_id, const char *path, const char *name,
                      struct share_place *out)
{
    const struct mountinfo_line *top = NULL;
    mountinfo_lines all = { 0 };
    bool is_there = false;

    *out = (struct share_place){ .state = SHARE_GONE };
    mountinfo_parse(mountinfo, &all);
    for (size_t i = 0; i < all.n; i++) {
        if (all.v[i].id == top_id)
            top = &all.v[i];
        if (!is_at(&all.v[i], path) || !is_share(&all, &all.v[i], name))
            continue;
        is_there = true;
        out->device = makedev(all.v[i].major, all.v[i].minor);
    }
    if (top && is_at(top, path) && is_share(&all, top, name)) {
        out->state = SHARE_HERE;
        collect(&all, top_id, out);
    } else if (is_there) {
        out->state = SHARE_COVERED;
    }
    if (top && out->state != SHARE_GONE)
        out->point = mountinfo_plain(top->point);
    vec_done(&all);
}

void share_place_look(const char *mount_point, const char *name, struct share_place *out)
{
    auto_fd int fd = open(mount_point, O_PATH | O_CLOEXEC);
    auto_mem char *link = mem_printf("/proc/self/fd/%d", fd);
    auto_sb struct sb mountinfo = { 0 };
    auto_err struct err *err = NULL;
    char path[PATH_MAX];
    ssize_t n = fd >= 0 ? readlink(link, path, sizeof(path) - 1) : 0;

    *out = (struct share_place){ .state = SHARE_GONE };
    path[n > 0 ? n : 0] = '\0';
    if (share_all_mountinfo(&mountinfo, &err))
        share_place_find(sb_view(&mountinfo), n > 0 ? mountinfo_id_of(fd) : 0,
                         n > 0 ? path : mount_point, name, out);
    else
        log_warn("Cannot tell what is mounted: %s", err_text(err));
}

void share_place_done(struct share_place *place)
{
    free(place->point);
    strv_done(&place->inner);
    strv_done(&place->submounts);
    *place = (struct share_place){ 0 };
}
