/* Taking mounts away: from the guest first, then from the host. */
#include <stdlib.h>

#include "base/mem.h"
#include "base/path.h"
#include "base/vec.h"
#include "prog/hostagent/mounts_priv.h"
#include "wire/guest.h"

static bool lies_in(const struct mount *inner, const struct mount *outer)
{
    return inner != outer && path_is_within(inner->mount_point, outer->mount_point);
}

static void unmount(struct mount *mount, bool lazy)
{
    mount->state = MOUNT_UNMOUNTING;
    mount->is_forced = lazy;
    if (!mount_ask_guest(mount, GUEST_UNMOUNT, lazy ? GUEST_UNMOUNT_LAZY : 0))
        mount_fail_without_agent(mount);
}

/* The guest would detach them with the outer one: each is removed before it, the innermost first.
 */
static void unmount_inner(struct mount *outer)
{
    VEC(struct mount *) all = { 0 };

    list_for_each (mount, &outer->owner->list, struct mount, link)
        if (lies_in(mount, outer) && mount->state == MOUNT_MOUNTED)
            *vec_push(&all) = mount;
    if (all.n > 0)
        qsort(all.v, all.n, sizeof(*all.v), mount_compare_points);
    for (size_t i = all.n; i-- > 0;)
        unmount(all.v[i], true);
    vec_done(&all);
}

static bool check_removal(const struct mounts *m, const struct mount *mount, bool lazy,
                          struct err **errp)
{
    if (mount->state != MOUNT_MOUNTED && (mount->state != MOUNT_FAILED || mount->is_configured))
        return err_set(errp, ERR_BUSY, "%s is %s", mount->mount_point, mount_state_name(mount));
    if (!lazy || mount->state == MOUNT_FAILED)
        return true;
    list_for_each (inner, &m->list, struct mount, link)
        if (lies_in(inner, mount) && inner->state != MOUNT_MOUNTED &&
            inner->state != MOUNT_FAILED && inner->state != MOUNT_LOST)
            return err_set(errp, ERR_BUSY, "%s, which lies in it, is %s", inner->mount_point,
                           mount_state_name(inner));
    return true;
}

void mounts_remove(struct mounts *m, const char *mount_point, bool lazy, mount_done_fn on_done,
                   void *arg)
{
    auto_mem char *clean = path_clean(mount_point);
    struct mount *mount = mount_find(m, clean);
    auto_err struct err *err = NULL;

    if (!mount)
        (void)err_set(&err, ERR_NOT_FOUND, "nothing is mounted on %s", clean);
    if (err || !check_removal(m, mount, lazy, &err)) {
        on_done(arg, NULL, err);
        return;
    }
    mount->on_done = on_done;
    mount->arg = arg;
    if (mount->state == MOUNT_FAILED) {
        mount_tell(mount, NULL);
        mount_free(mount);
        mounts_save(m);
        return;
    }
    if (lazy)
        unmount_inner(mount);
    unmount(mount, lazy);
}

void mount_unmounted(struct mount *mount, const struct err *err)
{
    struct mounts *m = mount->owner;

    mount->state = MOUNT_MOUNTED;
    mount->is_forced = mount->is_forced && !err;
    mount_tell(mount, err);
    if (err)
        return;
    mount->type->release(mount);
    if (mount->is_configured)
        strv_push(&m->removed, mount->mount_point);
    mount_free(mount);
    mounts_save(m);
}
