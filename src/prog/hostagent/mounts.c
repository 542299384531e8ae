/*
 * Theory of operation. A mount is exported first, then mounted in the guest; a removal goes the
 * other way. Whoever asked is answered when the last step is done, or the first one fails. How it
 * is done is the type's business (mounts_priv.h).
 *
 *     LOST -> EXPORTING -> HANDING -> WAITING -> MOUNTING -> MOUNTED -> UNMOUNTING -> (gone)
 *
 * The guest's boot mounts what the configuration names: after HANDING that counts as MOUNTED. When
 * the boot is over the guest agent is asked to mount it as well, once, and says how it is. On a
 * device that is not the one of the boot, the agent does it all. When the process behind the
 * device has died, all exports are LOST and begin again, for as long as there is a device.
 */
#include "prog/hostagent/mounts.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/quote.h"
#include "base/vec.h"
#include "fuse/echo.h"
#include "model/config/config.h"
#include "prog/hostagent/guest_link.h"
#include "prog/hostagent/mounts_priv.h"
#include "prog/hostagent/require.h"
#include "svc/loop/timer.h"
#include "sys/dir.h"
#include "sys/file.h"
#include "sys/host.h"

enum {
    MOUNTS_MAX = 512,
    BOOT_ANSWER_MS = 30000, /* after the boot, for the guest agent to say how its mounts are */
};
#define LOST_FORMAT "%s is lost until the instance is restarted: %s"

void mount_tell(struct mount *mount, const struct err *err)
{
    mount_done_fn on_done = mount->on_done;
    const struct mount_info info = mount_info_of(mount);

    mount->on_done = NULL;
    if (on_done)
        on_done(mount->arg, err ? NULL : &info, err);
}

void mount_free(struct mount *mount)
{
    mount->type->close(mount);
    list_remove(&mount->link);
    free(mount->name);
    free(mount->location);
    free(mount->mount_point);
    free(mount->why);
    free(mount);
}

static void tell_guest(struct mounts *m);

static void tell_if_settled(struct mounts *m)
{
    if (m->params.on_settled && mounts_are_settled(m))
        m->params.on_settled(m->params.arg);
}

/* A step of the beginning is over: the next mount, or whoever waits for all of them. */
static void go_on(struct mounts *m)
{
    mounts_sshfs_next(m);
    tell_guest(m);
    tell_if_settled(m);
}

bool mounts_tell_changes(const struct mounts *m)
{
    return m->tells_changes;
}

bool mounts_are_settled(const struct mounts *m)
{
    list_for_each (mount, &m->list, struct mount, link)
        if (mount->is_configured && mount->request && timer_is_set(m->boot_answer))
            return false;
    return mounts_sshfs_is_settled(m);
}

void mount_up(struct mount *mount)
{
    struct mounts *m = mount->owner;

    mount->state = MOUNT_MOUNTED;
    mount_identify(mount);
    mount_tell(mount, NULL);
    if (!mount->is_configured)
        mounts_save(m);
    go_on(m);
}

void mount_lost(struct mount *mount)
{
    if (mount->state == MOUNT_MOUNTED)
        mount->state = MOUNT_LOST;
}

static void remember_failure(struct mount *mount, const struct err *err)
{
    const char *hint = err_hint_text(err);

    mount_tell(mount, err);
    mount->state = MOUNT_FAILED;
    mem_replace(&mount->why, mem_printf("cannot share %s with the guest: %s%s%s%s", mount->location,
                                        err_text(err), hint ? " (hint: " : "", hint ? hint : "",
                                        hint ? ")" : ""));
    log_warn("%s", mount->why);
    mount->type->close(mount); /* err may go with it */
}

/* One whose failure somebody is told of is forgotten, others are remembered. */
void mount_fail(struct mount *mount, const struct err *err)
{
    struct mounts *m = mount->owner;

    if (mount->on_done) {
        mount_tell(mount, err);
        mount_free(mount);
        mounts_save(m);
        return;
    }
    remember_failure(mount, err);
    go_on(m);
}

/* ---- in the guest ---- */

bool mount_ask_guest(struct mount *mount, enum guest_type type, uint32_t flags)
{
    struct mounts *m = mount->owner;
    auto_mem char *name = config_mount_source(mount->name, mount->location);

    if (!guest_link_send(m->guest,
                         &(struct guest_msg){
                             .type = type,
                             .id = ++m->last_request,
                             .flags = flags,
                             .name = sv_of(name),
                             .text = sv_of(type == GUEST_MOUNT ? mount->type->agent_options : ""),
                             .mount_point = sv_of(mount->mount_point) }))
        return false;
    mount->request = m->last_request;
    return true;
}

void mount_fail_without_agent(struct mount *mount)
{
    auto_err struct err *err = NULL;

    (void)err_set(&err, ERR_NOT_FOUND, "the guest agent is not connected");
    if (mount->state == MOUNT_UNMOUNTING) {
        mount_unmounted(mount, err);
    } else {
        mount->type->release(mount);
        mount_fail(mount, err);
    }
}

int mount_compare_points(const void *a, const void *b)
{
    const struct mount *const *left = a, *const *right = b;

    return strcmp((*left)->mount_point, (*right)->mount_point);
}

static bool is_on_its_way(const struct mount *mount)
{
    return mount->type->agent_options && !mount->on_done &&
           (mount->state == MOUNT_EXPORTING || mount->state == MOUNT_HANDING);
}

static void ask(struct mount *mount)
{
    mount->state = MOUNT_MOUNTING;
    if (!mount_ask_guest(mount, GUEST_MOUNT, mount->writable ? 0 : GUEST_MOUNT_READ_ONLY))
        mount_fail_without_agent(mount);
}

/* Of those that wait, in the order of their mount points: one may lie in another. */
static void tell_guest(struct mounts *m)
{
    VEC(struct mount *) all = { 0 };
    bool can = guest_link_is_up(m->guest);

    list_for_each (mount, &m->list, struct mount, link) {
        can = can && !is_on_its_way(mount);
        if (mount->state == MOUNT_WAITING && (mount->type != &mount_virtiofs || !m->is_awaited))
            *vec_push(&all) = mount;
    }
    if (can && all.n > 0) {
        qsort(all.v, all.n, sizeof(*all.v), mount_compare_points);
        for (size_t i = 0; i < all.n; i++)
            if (all.v[i]->state == MOUNT_WAITING) /* still: one before may have failed at once */
                ask(all.v[i]);
    }
    vec_done(&all);
}

void mount_ready(struct mount *mount)
{
    if (mount->on_done) {
        ask(mount);
    } else {
        mount->state = MOUNT_WAITING;
        tell_guest(mount->owner);
    }
}

static void mounted(struct mount *mount, const struct err *err)
{
    if (err) {
        mount->type->release(mount);
        mount_fail(mount, err);
        return;
    }
    mount_up(mount);
}

void mounts_answer(struct mounts *m, const struct guest_msg *msg)
{
    auto_err struct err *err = NULL;

    if (msg->text.n) {
        auto_mem char *why = quote_printable(msg->text, GUEST_TEXT_LEN_MAX);

        (void)err_set(&err, ERR_BUSY, "the guest says: %s", why);
    }
    list_for_each (mount, &m->list, struct mount, link) {
        if (mount->request != msg->id || msg->id == 0)
            continue;
        mount->request = 0;
        if (mount->state == MOUNT_MOUNTING)
            mounted(mount, err);
        else if (mount->state == MOUNT_UNMOUNTING)
            mount_unmounted(mount, err);
        return;
    }
}

void mounts_greeted(struct mounts *m)
{
    if (m->tells_changes)
        (void)guest_link_send(m->guest, &(struct guest_msg){ .type = GUEST_ECHO });
    /* It may have been rebooted; what is mounted stays so. */
    list_for_each (mount, &m->list, struct mount, link)
        if (mount->type->agent_options && mount->state == MOUNT_MOUNTED &&
            (!mount->is_configured || (m->is_renewed && mount->type == &mount_virtiofs)))
            mount->state = MOUNT_WAITING;
    tell_guest(m);
}

static void boot_answer_due(void *arg)
{
    tell_if_settled(arg);
}

void mounts_booted(struct mounts *m)
{
    if (m->is_booted || m->params.is_adopting)
        return;
    m->is_booted = true;
    timer_set(m->boot_answer, BOOT_ANSWER_MS);
    list_for_each (mount, &m->list, struct mount, link)
        if (mount->is_configured && mount->type == &mount_virtiofs && mount->state == MOUNT_MOUNTED)
            mount->state = MOUNT_WAITING;
    tell_guest(m);
}

void mounts_lost(struct mounts *m)
{
    if (!m)
        return;
    list_for_each (mount, &m->list, struct mount, link) {
        if (mount->request == 0)
            continue;
        mount->request = 0;
        if (mount->on_done || mount->state == MOUNT_UNMOUNTING)
            mount_fail_without_agent(mount);
        else if (mount->state == MOUNT_MOUNTING)
            mount->state = MOUNT_WAITING;
    }
    tell_if_settled(m);
}

/* ---- asking ---- */

void mount_begin(struct mount *mount)
{
    mem_replace(&mount->why, NULL);
    mount->shared = (struct file_id){ 0 };
    mount->state = MOUNT_EXPORTING;
    mount->type->begin(mount);
}

struct mount *mount_new(struct mounts *m, const struct mount_type *type, char *take_name,
                        const char *location, const char *mount_point, bool writable)
{
    struct mount *mount = mem_new(struct mount);

    mount->owner = m;
    mount->type = type;
    mount->name = take_name;
    mount->location = mem_strdup(location);
    mount->mount_point = path_clean(mount_point);
    mount->writable = writable;
    list_push_back(&m->list, &mount->link);
    return mount;
}

struct mount *mount_find(const struct mounts *m, const char *mount_point)
{
    list_for_each (mount, &m->list, struct mount, link)
        if (str_eq(mount->mount_point, mount_point))
            return mount;
    return NULL;
}

static const struct mount_type *const types[] = { &mount_virtiofs, &mount_9p, &mount_sshfs };

const struct mount_type *mount_type_find(const char *name)
{
    for (size_t i = 0; i < COUNT(types); i++)
        if (str_eq(types[i]->name, name))
            return types[i];
    return NULL;
}

static bool check_link(const struct mounts *m, const struct mount_request *r, struct err **errp)
{
    const struct mount_type *type = mount_type_find(r->type);

    if (!type)
        return err_set(errp, ERR_UNSUPPORTED,
                       "mounts of type %s cannot be added, only virtiofs, 9p and reverse-sshfs",
                       r->type);
    if (type == &mount_sshfs)
        return m->is_ssh_ready ||
               err_set(errp, ERR_NOT_FOUND, "ssh into the guest does not work yet");
    if (m->why_lost && type == &mount_virtiofs)
        return err_set(errp, ERR_NOT_FOUND, LOST_FORMAT, "the file system device", m->why_lost);
    return guest_link_is_up(m->guest) ||
           err_set(errp, ERR_NOT_FOUND, "the guest agent is not connected");
}

/* Does another one leave room for a mount there? */
static bool check_place(const struct mount *other, const char *mount_point, struct err **errp)
{
    if (str_eq(other->mount_point, mount_point))
        return err_set(errp, ERR_EXISTS, "something is mounted on %s already", mount_point);
    if (!path_is_within(other->mount_point, mount_point) || other->state == MOUNT_FAILED)
        return true;
    (void)err_set(errp, ERR_EXISTS, "a mount on %s would hide what is mounted on %s", mount_point,
                  other->mount_point);
    (void)err_hint(errp, "remove that first; it can be added again afterwards");
    return false;
}

static bool check(const struct mounts *m, const struct mount_request *r, const char *mount_point,
                  struct err **errp)
{
    auto_mem char *field = mem_printf("mountPoint %s", mount_point);
    const char *location = r->location;
    bool is_virtiofs = str_eq(r->type, mount_virtiofs.name);
    bool is_file = is_virtiofs && file_is_regular(location);
    size_t n = 0;

    if (!path_is_absolute(location))
        return err_set(errp, ERR_INVALID, "hostPath must be absolute: %s", location);
    if (!dir_exists(location) && !is_file)
        return err_set(errp, ERR_INVALID, "hostPath is not a directory%s: %s",
                       is_virtiofs ? " or a file" : "", location);
    if (!config_check_mount_point(m->params.config, field, mount_point, errp))
        return false;
    if (strlen(mount_point) > GUEST_MOUNT_LEN_MAX)
        return err_set(errp, ERR_INVALID, "mountPoint is too long");
    list_for_each (mount, &m->list, struct mount, link) {
        n++;
        if (!check_place(mount, mount_point, errp))
            return false;
    }
    if (n >= MOUNTS_MAX)
        return err_set(errp, ERR_BUSY, "there are %d mounts already", MOUNTS_MAX);
    return check_link(m, r, errp);
}

void mounts_add(struct mounts *m, const struct mount_request *r, mount_done_fn on_done, void *arg)
{
    auto_mem char *clean = path_clean(r->mount_point);
    auto_err struct err *err = NULL;
    struct mount *mount;

    if (!check(m, r, clean, &err)) {
        on_done(arg, NULL, err);
        return;
    }
    /* Never the same twice: the guest may still know the one before. */
    mount = mount_new(m, mount_type_find(r->type),
                      mem_printf(MOUNT_HOT_PREFIX "%llu", (unsigned long long)host_realtime_ns()),
                      r->location, clean, r->writable);
    mount->on_done = on_done;
    mount->arg = arg;
    mount_begin(mount);
}

/* ---- life ---- */

static bool wants_changes(const struct instance_config *config)
{
    auto_err struct err *err = NULL;

    if (!config->mount_inotify.v || config->plain.v || !str_eq(config->mount_type, "virtiofs"))
        return false;
    if (fuse_echo_is_possible(&err))
        return true;
    log_warn("Changes made on the host are not repeated in the guest, only the times of files that "
             "change are set: %s",
             err_text(err));
    return false;
}

struct mounts *mounts_open(const struct mounts_params *params)
{
    const struct instance_config *config = params->config;
    const struct mount_type *type = mount_type_find(config->mount_type);
    struct mounts *m = mem_new(struct mounts);

    m->params = *params;
    m->exporter = mem_strdup(params->exporter);
    m->boot_answer = timer_open(params->loop, boot_answer_due, m);
    m->guest_uid = (uint32_t)config->user.uid.v;
    m->tells_changes = wants_changes(config);
    list_init(&m->list);
    for (size_t i = 0; i < config->mounts.n && type && !config->plain.v; i++) {
        const struct mount_config *c = &config->mounts.v[i];
        struct mount *mount =
            mount_new(m, type, config_mount_tag(c), c->location, c->mount_point, c->writable.v);

        mount->is_configured = true;
        mount->config = c;
        if (type == &mount_9p) { /* the machine has it, and the guest's boot mounts it */
            mount->state = MOUNT_MOUNTED;
            mount_identify(mount);
        }
    }
    if (params->is_adopting)
        mounts_restore(m);
    else
        mounts_save(m); /* nothing: what there is belongs to a machine that is gone */
    return m;
}

void mounts_ssh_usable(struct mounts *m)
{
    mounts_sshfs_begin(m);
}

/* Of virtiofs: there is no way to it. Whoever waits is told. */
static void lose(struct mount *mount, const char *why)
{
    auto_err struct err *err = NULL;

    mount->type->close(mount);
    mount->request = 0;
    if (mount->on_done) {
        (void)err_set(&err, ERR_CANCELED, "the devices process is gone");
        mount_fail(mount, err);
        return;
    }
    mount->state = MOUNT_LOST;
    mem_replace(&mount->why, why ? mem_printf(LOST_FORMAT, mount->mount_point, why) : NULL);
    if (why)
        log_warn("%s", mount->why);
}

static void lose_all(struct mounts *m, const char *why)
{
    list_for_each (mount, &m->list, struct mount, link)
        if (mount->type == &mount_virtiofs)
            lose(mount, why);
}

void mounts_renew(struct mounts *m)
{
    m->is_renewed = m->is_awaited = true;
    lose_all(m, NULL);
}

void mounts_files(struct mounts *m, const char *why_lost)
{
    mem_replace(&m->why_lost, mem_strdup(why_lost));
    m->is_awaited = false;
    if (why_lost)
        lose_all(m, why_lost);
    else
        tell_guest(m);
}

void mounts_attach(struct mounts *m, struct guest_link *link)
{
    m->guest = link;
    list_for_each (mount, &m->list, struct mount, link)
        if (mount->type->agent_options && mount->state == MOUNT_LOST &&
            (mount->type != &mount_virtiofs || !m->why_lost))
            mount_begin(mount);
}

void mounts_detach(struct mounts *m)
{
    if (!m || !m->guest)
        return;
    mounts_lost(m);
    m->guest = NULL;
    if (!m->why_lost)
        lose_all(m, NULL);
}

void mounts_close(struct mounts *m)
{
    auto_err struct err *err = NULL;

    if (!m)
        return;
    (void)err_set(&err, ERR_CANCELED, "the instance is stopping");
    require_close(m->require);
    list_for_each (mount, &m->list, struct mount, link) {
        mount_tell(mount, err);
        mount_free(mount);
    }
    strv_done(&m->removed);
    mounts_save(m);
    timer_close(m->boot_answer);
    free(m->exporter);
    free(m->why_lost);
    free(m);
}
