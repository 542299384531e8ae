#include "prog/hostagent/mounts.h"

#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "model/config/config.h"
#include "prog/hostagent/exporter.h"
#include "svc/devices/devices_client.h"
#include "sys/dir.h"

enum mount_state {
    MOUNT_IDLE,      /* waits for `devices` */
    MOUNT_EXPORTING, /* exporter runs */
    MOUNT_HANDING,   /* `devices` has the descriptor and has not answered */
    MOUNT_SERVED,
    MOUNT_FAILED,
};

struct mount {
    struct list link;
    struct mounts *owner; /* borrowed */
    char *name, *location;
    bool writable;
    enum mount_state state;
    struct exporter *exporter; /* EXPORTING */
    char *why;                 /* FAILED */
};

struct mounts {
    struct uv_loop_s *loop;         /* borrowed */
    struct devices_client *devices; /* borrowed; NULL while detached */
    uint32_t guest_uid;
    struct list list;
};

static void mount_free(struct mount *mount)
{
    exporter_close(mount->exporter);
    free(mount->name);
    free(mount->location);
    free(mount->why);
    free(mount);
}

static void fail(struct mount *mount, const struct err *err)
{
    const char *hint = err_hint_text(err);

    mount->state = MOUNT_FAILED;
    mem_replace(&mount->why, mem_printf("cannot share %s with the guest: %s%s%s%s", mount->location,
                                        err_text(err), hint ? " (hint: " : "", hint ? hint : "",
                                        hint ? ")" : ""));
    log_warn("%s", mount->why);
}

static void handed_over(void *arg, const struct err *err)
{
    struct mount *mount = arg;

    if (mount->state != MOUNT_HANDING)
        return; /* detached meanwhile */
    if (err && err_kind(err) != ERR_EXISTS) {
        fail(mount, err);
        return;
    }
    mount->state = MOUNT_SERVED;
    log_debug("%s is shared with the guest as %s", mount->location, mount->name);
}

static void exported(void *arg, int take_fd, const struct err *err)
{
    struct mount *mount = arg;
    struct mounts *m = mount->owner;
    const struct devices_export export = {
        .name = mount->name,
        .flags = mount->writable ? 0 : DEVCTL_EXPORT_READ_ONLY,
        .uid = m->guest_uid,
        .gid = m->guest_uid,
    };

    exporter_close(MOVE(mount->exporter));
    if (err) {
        fail(mount, err);
        return;
    }
    mount->state = MOUNT_HANDING;
    devices_client_export(m->devices, &export, take_fd, handed_over, mount);
}

static void begin(struct mount *mount)
{
    struct mounts *m = mount->owner;
    auto_err struct err *err = NULL;

    mount->state = MOUNT_EXPORTING;
    if (dir_make_all(mount->location, 0755, &err))
        mount->exporter =
            exporter_open(m->loop, mount->location, !mount->writable, exported, mount, &err);
    if (!mount->exporter)
        fail(mount, err);
}

static void add(struct mounts *m, const struct mount_config *config)
{
    struct mount *mount = mem_new(struct mount);

    mount->owner = m;
    mount->name = config_mount_tag(config);
    mount->location = mem_strdup(config->location);
    mount->writable = config->writable.v;
    list_push_back(&m->list, &mount->link);
}

struct mounts *mounts_open(struct uv_loop_s *loop, const struct instance_config *config)
{
    struct mounts *m = mem_new(struct mounts);

    m->loop = loop;
    m->guest_uid = (uint32_t)config->user.uid.v;
    list_init(&m->list);
    if (config->plain.v || !str_eq(config->mount_type, "virtiofs"))
        return m;
    for (size_t i = 0; i < config->mounts.n; i++)
        add(m, &config->mounts.v[i]);
    return m;
}

void mounts_attach(struct mounts *m, struct devices_client *devices)
{
    auto_err struct err *err = NULL;

    m->devices = devices;
    (void)err_set(&err, ERR_UNSUPPORTED, "there is no link to a file system device");
    (void)err_hint(&err, "choose another mountType");
    list_for_each (mount, &m->list, struct mount, link) {
        if (!devices)
            fail(mount, err);
        else
            begin(mount);
    }
}

void mounts_detach(struct mounts *m)
{
    if (!m || !m->devices)
        return;
    m->devices = NULL;
    list_for_each (mount, &m->list, struct mount, link) {
        exporter_close(MOVE(mount->exporter));
        mount->state = MOUNT_IDLE;
    }
}

void mounts_errors(const struct mounts *m, struct strv *out)
{
    list_for_each (mount, &m->list, struct mount, link)
        if (mount->state == MOUNT_FAILED)
            strv_push(out, mount->why);
}

void mounts_close(struct mounts *m)
{
    if (!m)
        return;
    list_for_each (mount, &m->list, struct mount, link)
        mount_free(mount);
    free(m);
}
