/*
 * Theory of operation. A mount is exported first, then mounted in the guest; a removal goes the
 * other way. Whoever asked is answered when the last step is done, or the first one fails.
 *
 *     LOST -> EXPORTING -> HANDING -> MOUNTING -> MOUNTED -> UNMOUNTING -> (gone)
 *
 * For mounts of the configuration MOUNTING does not exist: the guest's boot does it.
 */
#include "prog/hostagent/mounts.h"

#include "base/enum.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/quote.h"
#include "model/config/config.h"
#include "prog/hostagent/exporter.h"
#include "prog/hostagent/guest_link.h"
#include "svc/devices/devices_client.h"
#include "sys/dir.h"
#include "sys/host.h"

enum { MOUNTS_MAX = 512 };

enum mount_state {
    MOUNT_LOST,      /* there is no way to `devices`, or not yet */
    MOUNT_EXPORTING, /* exporter runs */
    MOUNT_HANDING,   /* `devices` has the descriptor and has not answered */
    MOUNT_MOUNTING,  /* the guest agent was told */
    MOUNT_MOUNTED,
    MOUNT_UNMOUNTING, /* the guest agent was told */
    MOUNT_FAILED,
    MOUNT_STATE_COUNT,
};

static const char *const state_names[] = { "lost",    "mounting",   "mounting", "mounting",
                                           "mounted", "unmounting", "failed" };
ENUM_NAMES_MATCH(state_names, MOUNT_STATE_COUNT);

struct mount {
    struct list link;
    struct mounts *owner; /* borrowed */
    char *name, *location, *mount_point;
    bool writable, is_configured;
    uint32_t flags; /* DEVCTL_EXPORT_... */
    enum mount_state state;
    struct exporter *exporter; /* EXPORTING */
    char *why;                 /* FAILED */
    uint64_t request;          /* id of the message that the guest is to answer; 0 = none */
    mount_done_fn on_done;     /* NULL: nobody waits */
    void *arg;
};

struct mounts {
    struct uv_loop_s *loop;   /* borrowed */
    struct guest_link *guest; /* borrowed; NULL while detached */
    char *exporter;           /* program; NULL = the installed one */
    uint32_t guest_uid;
    bool tells_changes;
    uint64_t last_request;
    struct list list;
};

static struct mount_info info_of(const struct mount *mount)
{
    return (struct mount_info){
        .location = mount->location,
        .mount_point = mount->mount_point,
        .state = state_names[mount->state],
        .error = mount->state == MOUNT_FAILED ? mount->why : NULL,
        .writable = mount->writable,
        .is_configured = mount->is_configured,
    };
}

static void tell(struct mount *mount, const struct err *err)
{
    mount_done_fn on_done = mount->on_done;
    const struct mount_info info = info_of(mount);

    mount->on_done = NULL;
    if (on_done)
        on_done(mount->arg, err ? NULL : &info, err);
}

static void mount_free(struct mount *mount)
{
    exporter_close(mount->exporter);
    list_remove(&mount->link);
    free(mount->name);
    free(mount->location);
    free(mount->mount_point);
    free(mount->why);
    free(mount);
}

static void unexport(struct mount *mount)
{
    struct devices_client *devices = guest_link_devices(mount->owner->guest);

    if (devices)
        devices_client_unexport(devices, mount->name, NULL, NULL);
}

/* One that was asked for is forgotten, others are remembered as failed. */
static void fail(struct mount *mount, const struct err *err)
{
    const char *hint = err_hint_text(err);

    tell(mount, err);
    if (!mount->is_configured) {
        mount_free(mount);
        return;
    }
    mount->state = MOUNT_FAILED;
    mem_replace(&mount->why, mem_printf("cannot share %s with the guest: %s%s%s%s", mount->location,
                                        err_text(err), hint ? " (hint: " : "", hint ? hint : "",
                                        hint ? ")" : ""));
    log_warn("%s", mount->why);
}

/* ---- in the guest ---- */

static bool ask_guest(struct mount *mount, enum guest_type type, uint32_t flags)
{
    struct mounts *m = mount->owner;

    mount->request = ++m->last_request;
    return guest_link_send(m->guest,
                           &(struct guest_msg){ .type = type,
                                                .id = mount->request,
                                                .flags = flags,
                                                .name = sv_of(mount->name),
                                                .mount_point = sv_of(mount->mount_point) });
}

static bool ask_to_mount(struct mount *mount)
{
    return ask_guest(mount, GUEST_MOUNT, mount->writable ? 0 : GUEST_MOUNT_READ_ONLY);
}

static void fail_without_agent(struct mount *mount)
{
    auto_err struct err *err = NULL;

    (void)err_set(&err, ERR_NOT_FOUND, "the guest agent is not connected");
    if (mount->state == MOUNT_UNMOUNTING) {
        mount->state = MOUNT_MOUNTED;
        tell(mount, err);
    } else {
        unexport(mount);
        fail(mount, err);
    }
}

static void mounted(struct mount *mount, const struct err *err)
{
    if (err) {
        unexport(mount);
        fail(mount, err);
        return;
    }
    mount->state = MOUNT_MOUNTED;
    tell(mount, NULL);
}

static void unmounted(struct mount *mount, const struct err *err)
{
    mount->state = MOUNT_MOUNTED;
    tell(mount, err);
    if (err)
        return;
    unexport(mount);
    mount_free(mount);
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
            unmounted(mount, err);
        else if (err) /* after a reboot of the guest */
            log_warn("Mounting %s: %s", mount->location, err_text(err));
        return;
    }
}

void mounts_greeted(struct mounts *m)
{
    if (m->tells_changes)
        (void)guest_link_send(m->guest, &(struct guest_msg){ .type = GUEST_ECHO });
    list_for_each (mount, &m->list, struct mount, link)
        if (mount->state == MOUNT_MOUNTED && !mount->is_configured)
            (void)ask_to_mount(mount);
}

void mounts_lost(struct mounts *m)
{
    if (!m)
        return;
    list_for_each (mount, &m->list, struct mount, link) {
        mount->request = 0;
        if (mount->state == MOUNT_MOUNTING || mount->state == MOUNT_UNMOUNTING)
            fail_without_agent(mount);
    }
}

/* ---- on the host ---- */

static void handed_over(void *arg, const struct err *err)
{
    struct mount *mount = arg;

    if (mount->state != MOUNT_HANDING)
        return; /* detached meanwhile */
    /* The host agent before this one has shared it. */
    if (err && !(err_kind(err) == ERR_EXISTS && mount->is_configured)) {
        fail(mount, err);
        return;
    }
    log_debug("%s is shared with the guest as %s", mount->location, mount->name);
    mount->state = mount->is_configured ? MOUNT_MOUNTED : MOUNT_MOUNTING;
    if (!mount->is_configured && !ask_to_mount(mount))
        fail_without_agent(mount);
}

static void exported(void *arg, int take_fd, const struct err *err)
{
    struct mount *mount = arg;
    struct mounts *m = mount->owner;
    const struct devices_export export = {
        .name = mount->name,
        .flags = mount->flags | (m->tells_changes ? DEVCTL_EXPORT_TELL_CHANGES : 0),
        .uid = m->guest_uid,
        .gid = m->guest_uid,
    };

    exporter_close(MOVE(mount->exporter));
    if (err) {
        fail(mount, err);
        return;
    }
    mount->state = MOUNT_HANDING;
    devices_client_export(guest_link_devices(m->guest), &export, take_fd, handed_over, mount);
}

static void begin(struct mount *mount)
{
    struct mounts *m = mount->owner;
    auto_err struct err *err = NULL;

    mount->state = MOUNT_EXPORTING;
    if (!guest_link_devices(m->guest)) {
        (void)err_set(&err, ERR_UNSUPPORTED, "there is no link to a file system device");
        (void)err_hint(&err, "choose another mountType");
    } else if (!mount->is_configured || dir_make_all(mount->location, 0755, &err)) {
        mount->exporter = exporter_open(m->loop, m->exporter, mount->location, !mount->writable,
                                        exported, mount, &err);
    }
    if (!mount->exporter)
        fail(mount, err);
}

/* ---- asking ---- */

static struct mount *new_mount(struct mounts *m, char *take_name, const char *location,
                               const char *mount_point, bool writable)
{
    struct mount *mount = mem_new(struct mount);

    mount->owner = m;
    mount->name = take_name;
    mount->location = mem_strdup(location);
    mount->mount_point = mem_strdup(mount_point);
    mount->writable = writable;
    mount->flags = writable ? 0 : DEVCTL_EXPORT_READ_ONLY;
    list_push_back(&m->list, &mount->link);
    return mount;
}

static struct mount *find(const struct mounts *m, const char *mount_point)
{
    list_for_each (mount, &m->list, struct mount, link)
        if (str_eq(mount->mount_point, mount_point))
            return mount;
    return NULL;
}

static bool check(const struct mounts *m, const char *location, const char *mount_point,
                  struct err **errp)
{
    size_t n = 0;

    list_for_each (mount, &m->list, struct mount, link)
        n++;
    if (!path_is_absolute(location))
        return err_set(errp, ERR_INVALID, "hostPath must be absolute: %s", location);
    if (!dir_exists(location))
        return err_set(errp, ERR_INVALID, "hostPath is not a directory: %s", location);
    if (!path_is_absolute(mount_point) || strlen(mount_point) > GUEST_MOUNT_LEN_MAX)
        return err_set(errp, ERR_INVALID, "mountPoint must be absolute: %s", mount_point);
    if (config_is_system_path(mount_point))
        return err_set(errp, ERR_INVALID, "mountPoint must not be a system path: %s", mount_point);
    if (find(m, mount_point))
        return err_set(errp, ERR_EXISTS, "something is mounted on %s already", mount_point);
    if (n >= MOUNTS_MAX)
        return err_set(errp, ERR_BUSY, "there are %d mounts already", MOUNTS_MAX);
    return guest_link_is_up(m->guest) ||
           err_set(errp, ERR_NOT_FOUND, "the guest agent is not connected");
}

void mounts_add(struct mounts *m, const char *location, const char *mount_point, bool writable,
                mount_done_fn on_done, void *arg)
{
    auto_mem char *clean = path_clean(mount_point);
    auto_err struct err *err = NULL;
    struct mount *mount;

    if (!check(m, location, clean, &err)) {
        on_done(arg, NULL, err);
        return;
    }
    /* Never the same twice: the guest may still know the one before. */
    mount = new_mount(m, mem_printf("hot-%llu", (unsigned long long)host_realtime_ns()), location,
                      clean, writable);
    mount->on_done = on_done;
    mount->arg = arg;
    begin(mount);
}

void mounts_remove(struct mounts *m, const char *mount_point, bool lazy, mount_done_fn on_done,
                   void *arg)
{
    auto_mem char *clean = path_clean(mount_point);
    struct mount *mount = find(m, clean);
    auto_err struct err *err = NULL;

    if (!mount)
        (void)err_set(&err, ERR_NOT_FOUND, "nothing is mounted on %s", clean);
    else if (mount->state != MOUNT_MOUNTED)
        (void)err_set(&err, ERR_BUSY, "%s is %s", clean, state_names[mount->state]);
    if (err) {
        on_done(arg, NULL, err);
        return;
    }
    mount->on_done = on_done;
    mount->arg = arg;
    mount->state = MOUNT_UNMOUNTING;
    if (!ask_guest(mount, GUEST_UNMOUNT, lazy ? GUEST_UNMOUNT_LAZY : 0))
        fail_without_agent(mount);
}

bool mounts_next(const struct mounts *m, const void **at, struct mount_info *out)
{
    const struct list *here = *at ? &((const struct mount *)*at)->link : &m->list;

    if (here->next == &m->list)
        return false;
    *at = CONTAINER_OF(here->next, struct mount, link);
    *out = info_of(*at);
    return true;
}

void mounts_errors(const struct mounts *m, struct strv *out)
{
    list_for_each (mount, &m->list, struct mount, link) {
        if (mount->state == MOUNT_FAILED)
            strv_push(out, mount->why);
        else if (mount->state == MOUNT_LOST)
            strv_pushf(
                out,
                "the devices process has ended: %s cannot be used in the guest (hint: restart "
                "the instance)",
                mount->mount_point);
    }
}

/* ---- life ---- */

static uint32_t flags_of(const struct virtiofs_config *config)
{
    uint32_t flags = str_eq(config->ownership, "mapped") ? DEVCTL_EXPORT_KEEP_OWNERS : 0;

    if (str_eq(config->cache, "always"))
        flags |= DEVCTL_EXPORT_CACHE_ALWAYS;
    else if (str_eq(config->cache, "never"))
        flags |= DEVCTL_EXPORT_CACHE_NEVER;
    return flags;
}

struct mounts *mounts_open(struct uv_loop_s *loop, const struct instance_config *config,
                           const char *exporter)
{
    struct mounts *m = mem_new(struct mounts);

    m->loop = loop;
    m->exporter = mem_strdup(exporter);
    m->guest_uid = (uint32_t)config->user.uid.v;
    m->tells_changes =
        config->mount_inotify.v && !config->plain.v && str_eq(config->mount_type, "virtiofs");
    list_init(&m->list);
    if (config->plain.v || !str_eq(config->mount_type, "virtiofs"))
        return m;
    for (size_t i = 0; i < config->mounts.n; i++) {
        const struct mount_config *c = &config->mounts.v[i];
        struct mount *mount =
            new_mount(m, config_mount_tag(c), c->location, c->mount_point, c->writable.v);

        mount->is_configured = true;
        mount->flags |= flags_of(&c->virtiofs);
    }
    return m;
}

void mounts_attach(struct mounts *m, struct guest_link *link)
{
    m->guest = link;
    list_for_each (mount, &m->list, struct mount, link)
        if (mount->is_configured)
            begin(mount);
}

void mounts_detach(struct mounts *m)
{
    if (!m || !m->guest)
        return;
    mounts_lost(m);
    m->guest = NULL;
    list_for_each (mount, &m->list, struct mount, link) {
        auto_err struct err *err = NULL;

        exporter_close(MOVE(mount->exporter));
        if (mount->is_configured) {
            mount->state = MOUNT_LOST;
        } else if (mount->state < MOUNT_MOUNTED) {
            (void)err_set(&err, ERR_CANCELED, "the devices process is gone");
            fail(mount, err);
        }
    }
}

void mounts_close(struct mounts *m)
{
    auto_err struct err *err = NULL;

    if (!m)
        return;
    (void)err_set(&err, ERR_CANCELED, "the instance is stopping");
    list_for_each (mount, &m->list, struct mount, link) {
        tell(mount, err);
        mount_free(mount);
    }
    free(m->exporter);
    free(m);
}
