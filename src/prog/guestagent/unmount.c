#include "prog/guestagent/unmount.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/path.h"
#include "base/sb.h"
#include "prog/guestagent/mountinfo.h"

static bool is_served_type(struct sv type)
{
    static const char *const prefixes[] = {
        "virtiofs", "9p", "fuse", "nfs", "cifs", "smb3", "ceph", "nsfs" /* which holds any */
    };
    auto_mem char *name = mem_strndup(type.p, type.n);

    for (size_t i = 0; i < COUNT(prefixes); i++)
        if (str_starts(name, prefixes[i]))
            return true;
    return false;
}

static bool is_reached_through(const char *dir, const struct strv *served)
{
    for (size_t i = 0; i < served->n; i++)
        if (path_is_within(dir, served->v[i]))
            return true;
    return false;
}

void unmount_plan_parse(struct sv mountinfo, struct unmount_plan *out)
{
    mountinfo_lines all = { 0 };

    mountinfo_parse(mountinfo, &all);
    for (size_t i = 0; i < all.n; i++) {
        char *point = mountinfo_plain(all.v[i].point);
        bool is_served =
            is_served_type(all.v[i].type) || is_reached_through(point, &out->served);

        strv_push_take(is_served ? &out->served : &out->own, point);
    }
    vec_done(&all);
}

void unmount_plan_read(struct unmount_plan *out)
{
    auto_sb struct sb mountinfo = { 0 };
    auto_err struct err *err = NULL;

    *out = (struct unmount_plan){ 0 };
    if (mountinfo_read("self", &mountinfo, &err))
        unmount_plan_parse(sb_view(&mountinfo), out);
    else
        log_warn("Cannot tell what is mounted: %s", err_text(err));
}

void unmount_plan_done(struct unmount_plan *plan)
{
    strv_done(&plan->own);
    strv_done(&plan->served);
}

/* Not sync(): it would ask those who serve the other ones, too. */
static void sync_one(const char *dir)
{
    auto_fd int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd >= 0)
        (void)syncfs(fd);
}

static void unmount_one(const char *dir)
{
    if (umount2(dir, UMOUNT_NOFOLLOW) < 0)
        (void)mount(NULL, dir, NULL, MS_REMOUNT | MS_RDONLY, NULL);
}

void unmount_own(const struct unmount_plan *plan)
{
    for (size_t i = 0; i < plan->own.n; i++)
        sync_one(plan->own.v[i]);
    for (size_t i = plan->own.n; i-- > 0;)
        if (!str_eq(plan->own.v[i], "/"))
            unmount_one(plan->own.v[i]);
    if (mount(NULL, "/", NULL, MS_REMOUNT | MS_RDONLY, NULL) < 0)
        log_warn("Cannot make the root read-only: %s", strerror(errno));
    sync_one("/");
}

void unmount_served(const struct unmount_plan *plan)
{
    for (size_t i = plan->served.n; i-- > 0;)
        unmount_one(plan->served.v[i]);
}
