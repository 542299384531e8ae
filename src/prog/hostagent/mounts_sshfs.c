/*
 * Mounts by reverse-sshfs. Those of the configuration begin when the guest is ready for them, one
 * after the other in the order of their mount points, so that one may lie in another.
 */
#include "base/mem.h"
#include "base/path.h"
#include "prog/hostagent/mounts_priv.h"
#include "prog/hostagent/require.h"
#include "prog/hostagent/sshfs.h"
#include "sys/dir.h"

static bool is_inside(const struct mount *mount, const struct mount *outer)
{
    return mount != outer && mount->type == &mount_sshfs && outer->type == &mount_sshfs &&
           path_is_within(mount->mount_point, outer->mount_point);
}

static void up(void *arg)
{
    mount_up(arg);
}

/* What lies in it has gone with it, and is mounted again after it. */
static void lost(void *arg)
{
    struct mount *mount = arg;

    mount_lost(mount);
    list_for_each (inner, &mount->owner->list, struct mount, link) {
        if (!is_inside(inner, mount) || inner->state != MOUNT_MOUNTED)
            continue;
        sshfs_close(MOVE(inner->sshfs));
        mount_lost(inner);
    }
}

static void failed(void *arg, const struct err *err)
{
    struct mount *mount = arg;

    if (mount->state !=
        MOUNT_UNMOUNTING) /* else it is as was asked, and the guest's answer follows */
        mount_fail(mount, err);
}

static const struct sshfs_events sshfs_events = { up, lost, failed };

static void begin(struct mount *mount)
{
    const struct mounts_params *p = &mount->owner->params;
    const struct sshfs_config *options = mount->config ? &mount->config->sshfs : NULL;
    auto_err struct err *err = NULL;

    if (!mount->is_configured || dir_make_all(mount->location, 0755, &err))
        mount->sshfs = sshfs_open(
            &(struct sshfs_params){
                .loop = p->loop,
                .ssh = p->ssh,
                .exporter = mount->owner->exporter,
                .location = mount->location,
                .mount_point = mount->mount_point,
                .sftp_driver = options ? options->sftp_driver : NULL,
                .writable = mount->writable,
                .cache = options ? options->cache.v : true,
                .follow_links = options && options->follow_symlinks.v,
                .guest_id = mount->owner->guest_uid,
                .events = &sshfs_events,
                .arg = mount,
            },
            &err);
    if (mount->sshfs)
        mount->state = MOUNT_MOUNTING;
    else
        mount_fail(mount, err);
}

static void close_sshfs(struct mount *mount)
{
    sshfs_close(MOVE(mount->sshfs));
}

const struct mount_type mount_sshfs = {
    .name = "reverse-sshfs",
    .lost_why = "the connection of sshfs is lost, and made anew",
    .comes_back = true,
    .begin = begin,
    .release = close_sshfs,
    .close = close_sshfs,
};

/* ---- one after the other ---- */

static bool is_waiting(const struct mount *mount)
{
    return mount->type == &mount_sshfs && mount->state == MOUNT_LOST && !mount->sshfs;
}

/* Is the place for it not there yet? */
static bool is_blocked(const struct mount *mount)
{
    list_for_each (outer, &mount->owner->list, struct mount, link)
        if (is_inside(mount, outer) && outer->state < MOUNT_MOUNTED)
            return true;
    return false;
}

static bool is_beginning(const struct mount *mount)
{
    return mount->type == &mount_sshfs && !mount->on_done &&
           (mount->state == MOUNT_EXPORTING || mount->state == MOUNT_MOUNTING);
}

bool mounts_sshfs_is_settled(const struct mounts *m)
{
    list_for_each (mount, &m->list, struct mount, link)
        if (is_waiting(mount) || is_beginning(mount))
            return false;
    return true;
}

void mounts_sshfs_next(struct mounts *m)
{
    struct mount *next = NULL;

    if (!m->is_ssh_ready)
        return;
    list_for_each (mount, &m->list, struct mount, link) {
        if (is_beginning(mount))
            return;
        if (is_waiting(mount) && !is_blocked(mount) &&
            (!next || strcmp(mount->mount_point, next->mount_point) < 0))
            next = mount;
    }
    if (!next)
        return;
    mount_begin(next);
}

static void requirements_met(void *arg, const struct strv *errors)
{
    struct mounts *m = arg;

    /* What is missing is said by sshfs itself, for each mount. */
    require_close(MOVE(m->require));
    m->is_ssh_ready = true;
    mounts_sshfs_next(m);
}

void mounts_sshfs_begin(struct mounts *m)
{
    const struct mounts_params *p = &m->params;
    struct requirements reqs = { 0 };

    if (m->is_ssh_ready || m->require)
        return;
    if (!mounts_sshfs_is_settled(m))
        requirements_sshfs(&reqs, p->iid);
    m->require = require_open(
        &(struct require_params){
            .loop = p->loop,
            .ssh = p->ssh,
            .tries = p->tries,
            .interval_ms = p->try_interval_ms,
            .on_done = requirements_met,
            .arg = m,
        },
        &reqs);
}
