/* What is told of mounts: to those who list them, and as errors of the instance. */
#include "base/enum.h"
#include "base/log.h"
#include "prog/hostagent/mounts_priv.h"
#include "sys/file.h"

static const char *const state_names[] = { "lost",     "mounting", "mounting",   "mounting",
                                           "mounting", "mounted",  "unmounting", "failed" };
ENUM_NAMES_MATCH(state_names, MOUNT_STATE_COUNT);

const char *mount_state_name(const struct mount *mount)
{
    return state_names[mount->state];
}

struct mount_info mount_info_of(const struct mount *mount)
{
    return (struct mount_info){
        .location = mount->location,
        .mount_point = mount->mount_point,
        .type = mount->type->name,
        .state = mount_state_name(mount),
        .error = mount->state == MOUNT_FAILED || mount->state == MOUNT_LOST ? mount->why : NULL,
        .writable = mount->writable,
        .is_configured = mount->is_configured,
    };
}

void mount_identify(struct mount *mount)
{
    auto_err struct err *err = NULL;

    if (mount->shared.inode == 0 && !file_identify(mount->location, &mount->shared, &err))
        log_debug("%s: %s", mount->mount_point, err_text(err));
}

/* The guest keeps what was shared, whatever becomes of its name on the host. */
static const char *warning_of(const struct mount *mount)
{
    auto_err struct err *err = NULL;
    struct file_id now;

    if (mount->state != MOUNT_MOUNTED)
        return NULL;
    if (!file_identify(mount->location, &now, &err))
        return err_kind(err) == ERR_NOT_FOUND ? "not on the host any more" : NULL;
    if (mount->shared.inode != 0 && !file_id_eq(&mount->shared, &now))
        return "replaced on the host; remove it and add it again to see the new one";
    return NULL;
}

bool mounts_next(const struct mounts *m, const void **at, struct mount_info *out)
{
    const struct list *here = *at ? &((const struct mount *)*at)->link : &m->list;
    const struct mount *mount;

    if (here->next == &m->list)
        return false;
    *at = mount = CONTAINER_OF(here->next, struct mount, link);
    *out = mount_info_of(mount);
    out->warning = warning_of(mount);
    return true;
}

void mounts_errors(const struct mounts *m, struct strv *out)
{
    list_for_each (mount, &m->list, struct mount, link) {
        if (mount->why)
            strv_push(out, mount->why);
        else if (mount->state == MOUNT_LOST)
            strv_pushf(out, "%s: %s cannot be used in the guest%s", mount->type->lost_why,
                       mount->mount_point,
                       mount->type->comes_back ? " meanwhile" : " (hint: restart the instance)");
    }
}
