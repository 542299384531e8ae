#include "prog/hostagent/touches.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/list.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/path.h"
#include "prog/hostagent/guest_link.h"
#include "svc/loop/timer.h"
#include "svc/loop/watch.h"
#include "sys/tree_watch.h"

enum {
    TOLD_MAX = 10000,              /* paths that are remembered */
    APART_NS = 10 * 1000 * 1000LL, /* changes that are told as two */
};

struct touched {
    struct list link;
    struct touches *owner;
    char *location, *mount_point;
    struct tree_watch *tree;
    struct watch *watch;
    struct timer *more; /* folders are still to be looked into */
};

struct touches {
    struct list list;
    struct map told; /* time of change, by path of the guest */
    struct guest_link *guest;
};

static void run(void *arg)
{
    struct touched *touched = arg;

    if (tree_watch_run(touched->tree))
        timer_set(touched->more, 0);
}

/* Is it later than what was told last? */
static bool note(struct touches *t, const char *path, int64_t time_ns)
{
    const int64_t *told = map_get(&t->told, path);

    if (told && time_ns - *told < APART_NS)
        return false;
    if (!told && t->told.n >= TOLD_MAX) {
        map_done(&t->told);
        t->told = (struct map){ .free_value = free };
    }
    map_set(&t->told, path, mem_dup(&time_ns, sizeof(time_ns)));
    return true;
}

static void changed(void *arg, const char *rel)
{
    struct touched *touched = arg;
    struct touches *t = touched->owner;
    auto_mem char *host_path = path_join(touched->location, rel);
    auto_mem char *path = path_join(touched->mount_point, rel);
    int64_t time_ns;
    struct stat st;

    if (!t->guest || fstatat(AT_FDCWD, host_path, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
        S_ISLNK(st.st_mode))
        return;
    time_ns = st.st_mtim.tv_sec * 1000000000LL + st.st_mtim.tv_nsec;
    if (note(t, path, time_ns))
        (void)guest_link_send(t->guest,
                              &(struct guest_msg){ .type = GUEST_TOUCH,
                                                   .mount_point = sv_of(touched->mount_point),
                                                   .data = sv_of(rel),
                                                   .time_ns = time_ns });
}

static void touched_free(struct touched *touched)
{
    watch_close(touched->watch);
    timer_close(touched->more);
    tree_watch_close(touched->tree);
    list_remove(&touched->link);
    free(touched->location);
    free(touched->mount_point);
    free(touched);
}

static bool begin(struct touched *touched, struct uv_loop_s *loop, struct err **errp)
{
    int fd;

    touched->tree = tree_watch_open(touched->location, changed, touched, errp);
    if (!touched->tree)
        return false;
    fd = fcntl(tree_watch_fd(touched->tree), F_DUPFD_CLOEXEC, 3);
    if (fd < 0)
        return err_set_os(errp, errno, "cannot watch %s", touched->location);
    touched->watch = watch_open(loop, fd, run, touched, errp);
    if (!touched->watch)
        return false;
    touched->more = timer_open(loop, run, touched);
    timer_set(touched->more, 0);
    return true;
}

static void add(struct touches *t, struct uv_loop_s *loop, const struct mount_config *mount)
{
    struct touched *touched = mem_new(struct touched);
    auto_err struct err *err = NULL;

    touched->owner = t;
    touched->location = mem_strdup(mount->location);
    touched->mount_point = mem_strdup(mount->mount_point);
    list_push_back(&t->list, &touched->link);
    if (begin(touched, loop, &err))
        return;
    log_warn("The guest is not told of changes in %s: %s", mount->location, err_text(err));
    touched_free(touched);
}

struct touches *touches_open(struct uv_loop_s *loop, const struct instance_config *config)
{
    struct touches *t;

    if (!config->mount_inotify.v || config->plain.v)
        return NULL;
    t = mem_new(struct touches);
    list_init(&t->list);
    t->told.free_value = free;
    for (size_t i = 0; i < config->mounts.n; i++)
        if (config->mounts.v[i].writable.v)
            add(t, loop, &config->mounts.v[i]);
    return t;
}

void touches_attach(struct touches *t, struct guest_link *link)
{
    if (t)
        t->guest = link;
}

void touches_detach(struct touches *t)
{
    if (t)
        t->guest = NULL;
}

void touches_close(struct touches *t)
{
    if (!t)
        return;
    list_for_each (touched, &t->list, struct touched, link)
        touched_free(touched);
    map_done(&t->told);
    free(t);
}
