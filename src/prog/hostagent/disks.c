#include "prog/hostagent/disks.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include "base/enum.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/vec.h"
#include "model/store/disk.h"
#include "model/store/names.h"
#include "prog/hostagent/disk_use.h"
#include "svc/privileged/block_device.h"
#include "sys/blockdev.h"

const char *const disk_kind_names[] = { "disk", "image", "block-device" };
ENUM_NAMES_MATCH(disk_kind_names, DISK_KIND_COUNT);

/* A question, until the driver has answered it, also when nobody waits any more. */
struct request {
    struct list link;
    struct disks *disks; /* NULL once that is closed while a thread works */
    enum disk_kind kind;
    char *name, *path, *serial;
    bool is_locked; /* by this request */
    disk_done_fn on_done;
    disk_list_fn on_list;
    void *arg;
    struct ssh_task *question; /* to the guest: does it use the disk? */

    /* Opens a block device: sudo may take its time. The thread ends with that, so that the process
     * has one thread otherwise, and is gone at once when it is killed. */
    uv_thread_t thread;
    uv_async_t opened;
    char *dir;
    bool is_working;
    int fd;
    struct err *err;
};

struct disks {
    struct disks_params params;
    bool is_guest_ready;
    struct list requests;
};

static void request_free(struct request *r)
{
    list_remove(&r->link);
    ssh_task_close(r->question);
    free(r->name);
    free(r->path);
    free(r->serial);
    free(r->dir);
    if (r->fd >= 0)
        (void)close(r->fd);
    err_free(r->err);
    free(r);
}

static struct request *request_new(struct disks *d, disk_done_fn on_done, disk_list_fn on_list,
                                   void *arg)
{
    struct request *r = mem_new(struct request);

    r->disks = d;
    r->fd = -1;
    r->on_done = on_done;
    r->on_list = on_list;
    r->arg = arg;
    list_push_back(&d->requests, &r->link);
    return r;
}

static void unlock(const struct disks *d, const char *name)
{
    auto_disk struct disk disk = { 0 };
    auto_err struct err *err = NULL;

    if (!disk_find(&disk, d->params.store, name, &err) ||
        (str_eq(disk.instance_dir, d->params.dir) && !disk_unlock(&disk, &err)))
        log_warn("Cannot free the disk \"%s\": %s", name, err_text(err));
}

/* Answers, whoever still waits, and forgets the request. */
static void finish(struct request *r, const struct err *err)
{
    const struct disk_info info = { r->kind, r->name, r->path, r->serial, true };

    if (err && r->is_locked)
        unlock(r->disks, r->name);
    if (r->on_done)
        r->on_done(r->arg, err ? NULL : &info, err);
    if (r->on_list)
        r->on_list(r->arg, NULL, 0, err);
    request_free(r);
}

/* --- What is meant --- */

static bool is_configured(const struct disks *d, const char *name)
{
    for (size_t i = 0; i < d->params.config->additional_disks.n; i++)
        if (str_eq(d->params.config->additional_disks.v[i].name, name))
            return true;
    return false;
}

static bool resolve_name(struct request *r, const char *name, struct err **errp)
{
    auto_disk struct disk disk = { 0 };

    if (!disk_find(&disk, r->disks->params.store, name, errp))
        return false;
    r->kind = DISK_MANAGED;
    r->name = mem_strdup(name);
    r->path = realpath(disk.data_path, NULL);
    r->serial = block_device_serial(name);
    return r->path || err_set_os(errp, errno, "disk \"%s\"", name);
}

static bool resolve_path(struct request *r, const char *path, struct err **errp)
{
    struct stat st;

    r->path = realpath(path, NULL);
    if (!r->path || stat(r->path, &st) < 0)
        return errno == ENOENT ? err_set(errp, ERR_NOT_FOUND, "%s does not exist", path)
                               : err_set_os(errp, errno, "%s", path);
    if (!S_ISBLK(st.st_mode) && !S_ISREG(st.st_mode))
        return err_set(errp, ERR_INVALID, "%s is neither a block device nor an image file", path);
    r->kind = S_ISBLK(st.st_mode) ? DISK_BLOCK_DEVICE : DISK_IMAGE;
    r->serial = block_device_serial(r->path);
    return true;
}

static bool resolve(struct request *r, const char *what, struct err **errp)
{
    return path_is_absolute(what) ? resolve_path(r, what, errp) : resolve_name(r, what, errp);
}

/* --- Attaching --- */

static void attached(void *arg, const struct err *err)
{
    finish(arg, err);
}

static void attach(struct request *r)
{
    const struct driver_hot_disk disk = { r->path, r->serial, MOVE_FD(r->fd) };
    auto_err struct err *err = NULL;

    if (!driver_attach_disk(r->disks->params.driver, &disk, attached, r, &err))
        finish(r, err);
}

static void open_device(void *arg)
{
    struct request *r = arg;

    if (!block_device_open(r->path, r->dir, &r->fd, &r->err))
        r->fd = -1;
    (void)uv_async_send(&r->opened);
}

static void device_opened(uv_handle_t *handle)
{
    struct request *r = handle->data;
    auto_err struct err *err = MOVE(r->err);

    r->is_working = false;
    if (!r->disks)
        request_free(r);
    else if (err || !r->on_done)
        finish(r, err);
    else
        attach(r);
}

static void thread_done(uv_async_t *opened)
{
    struct request *r = opened->data;

    (void)uv_thread_join(&r->thread);
    uv_close((uv_handle_t *)opened, device_opened);
}

static void start_thread(struct request *r)
{
    struct disks *d = r->disks;
    int status = uv_async_init(d->params.loop, &r->opened, thread_done);

    assert(status == 0); /* the loop has had what it takes since it was made */
    r->dir = mem_strdup(d->params.dir);
    r->opened.data = r;
    r->is_working = true;
    status = uv_thread_create(&r->thread, open_device, r);
    if (status == 0)
        return;
    (void)err_set_os(&r->err, -status, "cannot start a thread");
    uv_close((uv_handle_t *)&r->opened, device_opened);
}

/* A disk that this instance has locked before is its own, whatever becomes of the request. */
static bool lock(struct request *r, struct err **errp)
{
    const struct disks *d = r->disks;
    auto_disk struct disk disk = { 0 };

    if (is_configured(d, r->name))
        return err_set(errp, ERR_EXISTS, "the instance has the disk \"%s\" already", r->name);
    if (!disk_find(&disk, d->params.store, r->name, errp))
        return false;
    if (str_eq(disk.instance_dir, d->params.dir))
        return true;
    if (!disk_lock(&disk, d->params.dir, errp))
        return err_wrap(errp, "disk \"%s\"", r->name);
    r->is_locked = true;
    return true;
}

/* QEMU's lock on the file is none for the kernel, which may have mounted it. */
static bool check_loop(const struct request *r, struct err **errp)
{
    auto_mem char *loop = blockdev_find_loop("/sys/block", r->path);

    if (!loop)
        return true;
    (void)err_set(errp, ERR_BUSY, "%s is in use: %s is a device over it", r->path, loop);
    return err_hint(errp, "attach %s, or remove it with `losetup --detach %s`", loop, loop);
}

void disks_attach(struct disks *d, const char *what, disk_done_fn on_done, void *arg)
{
    struct request *r = request_new(d, on_done, NULL, arg);
    auto_err struct err *err = NULL;

    if (!resolve(r, what, &err) || (r->kind == DISK_MANAGED && !lock(r, &err)) ||
        (r->kind != DISK_BLOCK_DEVICE && !check_loop(r, &err))) {
        finish(r, err);
        return;
    }
    if (r->kind == DISK_BLOCK_DEVICE)
        start_thread(r);
    else
        attach(r);
}

/* --- Detaching --- */

static void detached(void *arg, const struct err *err)
{
    struct request *r = arg;

    if (!err && r->kind == DISK_MANAGED)
        unlock(r->disks, r->name);
    finish(r, err);
}

static void take_back(struct request *r)
{
    auto_err struct err *err = NULL;

    if (!driver_detach_disk(r->disks->params.driver, r->path, detached, r, &err))
        finish(r, err);
}

static void fail_in_use(struct request *r, const struct err *why)
{
    auto_err struct err *err = NULL;

    (void)err_set(&err, ERR_BUSY, "%s stays in the guest: %s", r->path, err_text(why));
    (void)err_hint(&err, "unmount it there first, or use --force and lose what is not written yet");
    finish(r, err);
}

static void guest_answered(void *arg, const struct err *err)
{
    struct request *r = arg;

    if (err && r->on_done)
        fail_in_use(r, err);
    else if (!r->on_done)
        finish(r, NULL);
    else
        take_back(r);
}

static void ask_guest(struct request *r)
{
    const struct disks_params *p = &r->disks->params;
    const struct ssh_task_params params = {
        .loop = p->loop, .ssh = p->ssh, .on_end = guest_answered, .arg = r
    };
    auto_err struct err *err = NULL;

    r->question = disk_use_ask(&params, r->serial, &err);
    if (!r->question)
        finish(r, err);
}

void disks_detach(struct disks *d, const char *what, bool force, disk_done_fn on_done, void *arg)
{
    struct request *r = request_new(d, on_done, NULL, arg);
    auto_err struct err *err = NULL;

    /* A file that is gone from its folder may still be there for the guest. */
    if (d->is_guest_ready && !resolve(r, what, &err) && path_is_absolute(what)) {
        err_free(MOVE(err));
        mem_replace(&r->path, mem_strdup(what));
        mem_replace(&r->serial, block_device_serial(what));
    }
    if (!d->is_guest_ready)
        (void)err_set(&err, ERR_BUSY, "the guest is still booting: try again when it is ready");
    if (!err && r->kind == DISK_MANAGED && r->name && is_configured(d, r->name))
        (void)err_set(
            &err, ERR_UNSUPPORTED,
            "the disk \"%s\" is one of additionalDisks, it stays until the instance stops",
            r->name);
    if (err)
        finish(r, err);
    else if (force)
        take_back(r);
    else
        ask_guest(r);
}

/* --- Listing --- */

/* NAME in HOME/_disks/NAME/datadisk; owned, NULL when it is another path. */
static char *managed_name(const struct disks *d, const char *path)
{
    auto_mem char *home = realpath(d->params.store->home, NULL);
    auto_mem char *prefix = mem_printf("%s/%s/", home ? home : "", NAME_DISKS_DIR);
    auto_mem char *dir = path_dir(path);

    if (!str_starts(path, prefix) || !str_eq(path_base(path), NAME_DISK_DATA) ||
        strchr(dir + strlen(prefix), '/'))
        return NULL;
    return mem_strdup(path_base(dir));
}

static void listed(void *arg, const struct driver_disk_state *states, size_t n,
                   const struct err *err)
{
    struct request *r = arg;
    auto_mem struct disk_info *infos = mem_array(n, sizeof(*infos));

    if (!r->on_list || err) {
        finish(r, err);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        char *name = managed_name(r->disks, states[i].path);

        infos[i] = (struct disk_info){
            .kind = states[i].is_block_device ? DISK_BLOCK_DEVICE
                    : name                    ? DISK_MANAGED
                                              : DISK_IMAGE,
            .name = name,
            .path = states[i].path,
            .serial = block_device_serial(name ? name : states[i].path),
            .is_hot = states[i].is_hot,
        };
    }
    r->on_list(r->arg, infos, n, NULL);
    for (size_t i = 0; i < n; i++) {
        free((char *)infos[i].name);
        free((char *)infos[i].serial);
    }
    request_free(r);
}

void disks_list(struct disks *d, disk_list_fn on_list, void *arg)
{
    struct request *r = request_new(d, NULL, on_list, arg);
    auto_err struct err *err = NULL;

    if (!driver_list_disks(d->params.driver, listed, r, &err))
        finish(r, err);
}

/* --- Life --- */

struct disks *disks_open(const struct disks_params *params)
{
    struct disks *d = mem_new(struct disks);

    d->params = *params;
    list_init(&d->requests);
    return d;
}

void disks_guest_ready(struct disks *d)
{
    d->is_guest_ready = true;
}

void disks_stop(struct disks *d)
{
    auto_err struct err *err = NULL;

    if (!d)
        return;
    (void)err_set(&err, ERR_CANCELED, "the instance is stopping");
    list_for_each (r, &d->requests, struct request, link) {
        if (r->on_done)
            r->on_done(r->arg, NULL, err);
        if (r->on_list)
            r->on_list(r->arg, NULL, 0, err);
        r->on_done = NULL;
        r->on_list = NULL;
    }
}

void disks_close(struct disks *d)
{
    if (!d)
        return;
    list_for_each (r, &d->requests, struct request, link) {
        if (r->is_working) {
            list_remove(&r->link);
            list_init(&r->link);
            r->disks = NULL;
        } else {
            request_free(r);
        }
    }
    free(d);
}
