#include "prog/guestagent/disk_links.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/strv.h"
#include "prog/guestagent/block.h"
#include "sys/dir.h"
#include "sys/file.h"

#define LINKS_DIR "/dev/disk/by-id"
#define PREFIX    "virtio-"

struct disk_links {
    struct evloop *loop; /* borrowed */
    struct ev_source uevents;
};

static bool leads_to(const char *path, const char *target)
{
    char text[256];
    ssize_t n = readlink(path, text, sizeof(text));

    return n >= 0 && sv_eq_str((struct sv){ text, (size_t)n }, target);
}

static bool make_link(const char *dir, const char *link, const char *disk, struct err **errp)
{
    auto_mem char *path = path_join(dir, link);
    auto_mem char *target = mem_printf("../../%s", disk);

    if (leads_to(path, target))
        return true;
    (void)unlink(path);
    return symlink(target, path) == 0 || err_set_os(errp, errno, "cannot make %s", path);
}

bool disk_links_sync(const char *sys_dir, const char *dir, struct err **errp)
{
    auto_strv struct strv disks = { 0 }, wanted = { 0 }, there = { 0 };

    if (!dir_list(sys_dir, &disks, errp))
        return false;
    for (size_t i = 0; i < disks.n; i++) {
        auto_mem char *serial = block_serial(sys_dir, disks.v[i]);

        if (!serial || strchr(serial, '/'))
            continue;
        strv_pushf(&wanted, PREFIX "%s", serial);
        if (!dir_make_all(dir, 0755, errp) ||
            !make_link(dir, wanted.v[wanted.n - 1], disks.v[i], errp))
            return false;
    }
    if (!dir_exists(dir))
        return true;
    if (!dir_list(dir, &there, errp))
        return false;
    for (size_t i = 0; i < there.n; i++) {
        auto_mem char *path = path_join(dir, there.v[i]);

        if (str_starts(there.v[i], PREFIX) && !strv_has(&wanted, there.v[i]))
            (void)unlink(path);
    }
    return true;
}

static void sync_links(void)
{
    auto_err struct err *err = NULL;

    if (!disk_links_sync(BLOCK_SYS_DIR, LINKS_DIR, &err))
        log_warn("Disks are not in " LINKS_DIR ": %s", err_text(err));
}

static void uevents_ready(struct ev_source *source, uint32_t events)
{
    block_drop_uevents(source->fd);
    sync_links();
}

struct disk_links *disk_links_new(struct evloop *loop)
{
    auto_err struct err *err = NULL;
    auto_fd int fd = -1;
    struct disk_links *l;

    if (access("/run/udev/control", F_OK) == 0 || (fd = block_open_uevents()) < 0)
        return NULL;
    l = mem_new(struct disk_links);
    l->loop = loop;
    l->uevents.fd = -1;
    if (!evloop_add(loop, &l->uevents, fd, EPOLLIN, uevents_ready, &err)) {
        log_warn("Disks are not in " LINKS_DIR ": %s", err_text(err));
        free(l);
        return NULL;
    }
    (void)MOVE_FD(fd);
    sync_links();
    return l;
}

void disk_links_free(struct disk_links *l)
{
    int fd;

    if (!l)
        return;
    fd = l->uevents.fd;
    evloop_remove(l->loop, &l->uevents);
    (void)close(fd);
    free(l);
}
