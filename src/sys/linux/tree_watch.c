/*
 * Inotify, a watch for each folder. A folder that is moved away takes those below it along; one
 * that comes is looked into as if it were new.
 */
#include "sys/tree_watch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/path.h"

enum {
    WATCHED = IN_CREATE | IN_MODIFY | IN_ATTRIB | IN_MOVED_TO | IN_MOVED_FROM | IN_ONLYDIR |
              IN_DONT_FOLLOW | IN_EXCL_UNLINK,
    TOLD = IN_CREATE | IN_MODIFY | IN_ATTRIB | IN_MOVED_TO,
    FOLDERS_PER_RUN = 64,
    READ_LEN = 16 * 1024,
};

struct folder {
    struct list link;
    struct hash_entry by_wd;
    int wd;      /* -1: still to be looked into */
    bool is_new; /* what is in it has not been there before */
    char *rel;
};

struct tree_watch {
    int fd;
    char *root;
    tree_changed_fn on_changed;
    void *arg;
    struct list folders, waiting;
    struct hash by_wd;
    bool has_warned;
};

static uint64_t key_of(int wd)
{
    return hash_u64((uint64_t)wd, 0); /* the kernel chooses */
}

static struct folder *find(const struct tree_watch *tree, int wd)
{
    for (struct hash_entry *e = hash_first(&tree->by_wd, key_of(wd)); e; e = hash_next(e)) {
        struct folder *folder = CONTAINER_OF(e, struct folder, by_wd);

        if (folder->wd == wd)
            return folder;
    }
    return NULL;
}

static char *join(const char *rel, const char *name)
{
    return rel[0] && name[0] ? path_join(rel, name) : mem_strdup(rel[0] ? rel : name);
}

static void free_folder(struct tree_watch *tree, struct folder *folder)
{
    if (folder->wd >= 0)
        hash_remove(&tree->by_wd, &folder->by_wd);
    list_remove(&folder->link);
    free(folder->rel);
    free(folder);
}

static void add_waiting(struct tree_watch *tree, char *take_rel, bool is_new)
{
    struct folder *folder = mem_new(struct folder);

    folder->wd = -1;
    folder->is_new = is_new;
    folder->rel = take_rel;
    list_push_back(&tree->waiting, &folder->link);
}

static void warn(struct tree_watch *tree, const char *path, int errnum)
{
    if (tree->has_warned || errnum == ENOENT || errnum == ENOTDIR || errnum == EACCES)
        return;
    tree->has_warned = true;
    if (errnum == ENOSPC)
        log_warn("More folders are below %s than can be watched: changes in %s and others are not "
                 "told to the guest; raise the limit with \"sysctl "
                 "fs.inotify.max_user_watches=1000000\"",
                 tree->root, path);
    else
        log_warn("Changes in %s are not told to the guest: %s", path, strerror(errnum));
}

static bool is_folder(int dir_fd, const struct dirent *e)
{
    struct stat st;

    if (e->d_type != DT_UNKNOWN)
        return e->d_type == DT_DIR;
    return fstatat(dir_fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

static void list_folder(struct tree_watch *tree, const struct folder *folder, const char *path)
{
    DIR *dir = opendir(path);

    if (!dir)
        return;
    for (const struct dirent *e; (e = readdir(dir));) {
        auto_mem char *rel = NULL;

        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        rel = join(folder->rel, e->d_name);
        if (folder->is_new)
            tree->on_changed(tree->arg, rel);
        if (is_folder(dirfd(dir), e))
            add_waiting(tree, MOVE(rel), folder->is_new);
    }
    (void)closedir(dir);
}

/* It is watched before it is listed, so that nothing is missed in between. */
static void look_into(struct tree_watch *tree, struct folder *folder)
{
    auto_mem char *path =
        folder->rel[0] ? path_join(tree->root, folder->rel) : mem_strdup(tree->root);
    int wd = inotify_add_watch(tree->fd, path, WATCHED);
    struct folder *same = wd >= 0 ? find(tree, wd) : NULL;

    if (wd < 0) {
        warn(tree, path, errno);
        free_folder(tree, folder);
        return;
    }
    if (same)
        free_folder(tree, same); /* it has been moved within the tree */
    folder->wd = wd;
    hash_add(&tree->by_wd, &folder->by_wd, key_of(wd));
    list_remove(&folder->link);
    list_push_back(&tree->folders, &folder->link);
    list_folder(tree, folder, path);
}

static bool is_below(const char *rel, const char *above)
{
    size_t n = strlen(above);

    return strncmp(rel, above, n) == 0 && (rel[n] == '\0' || rel[n] == '/');
}

static void moved_away(struct tree_watch *tree, const char *rel)
{
    list_for_each (folder, &tree->folders, struct folder, link) {
        if (!is_below(folder->rel, rel))
            continue;
        (void)inotify_rm_watch(tree->fd, folder->wd);
        free_folder(tree, folder);
    }
}

static void take(struct tree_watch *tree, const struct inotify_event *event)
{
    struct folder *folder = find(tree, event->wd);
    auto_mem char *rel = NULL;

    if (event->mask & IN_Q_OVERFLOW)
        log_warn("Too much has changed below %s at once: some of it is not told to the guest",
                 tree->root);
    if (!folder)
        return;
    if (event->mask & IN_IGNORED) {
        free_folder(tree, folder);
        return;
    }
    rel = join(folder->rel, event->len ? event->name : "");
    if ((event->mask & IN_MOVED_FROM) && (event->mask & IN_ISDIR))
        moved_away(tree, rel);
    if (event->mask & TOLD)
        tree->on_changed(tree->arg, rel);
    if ((event->mask & IN_ISDIR) && (event->mask & (IN_CREATE | IN_MOVED_TO)))
        add_waiting(tree, MOVE(rel), true);
}

static void read_events(struct tree_watch *tree)
{
    char bytes[READ_LEN] __attribute__((aligned(__alignof__(struct inotify_event))));
    ssize_t n = read(tree->fd, bytes, sizeof(bytes));

    for (ssize_t at = 0; at < n;) {
        const struct inotify_event *event = (const void *)(bytes + at);

        take(tree, event);
        at += (ssize_t)(sizeof(*event) + event->len);
    }
}

bool tree_watch_run(struct tree_watch *tree)
{
    read_events(tree);
    for (unsigned i = 0; i < FOLDERS_PER_RUN && !list_is_empty(&tree->waiting); i++)
        look_into(tree, CONTAINER_OF(tree->waiting.next, struct folder, link));
    return !list_is_empty(&tree->waiting);
}

struct tree_watch *tree_watch_open(const char *root, tree_changed_fn on_changed, void *arg,
                                   struct err **errp)
{
    int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    struct tree_watch *tree;

    if (fd < 0) {
        (void)err_set_os(errp, errno, "cannot watch %s", root);
        return NULL;
    }
    tree = mem_new(struct tree_watch);
    tree->fd = fd;
    tree->root = mem_strdup(root);
    tree->on_changed = on_changed;
    tree->arg = arg;
    list_init(&tree->folders);
    list_init(&tree->waiting);
    add_waiting(tree, mem_strdup(""), false);
    return tree;
}

int tree_watch_fd(const struct tree_watch *tree)
{
    return tree->fd;
}

void tree_watch_close(struct tree_watch *tree)
{
    if (!tree)
        return;
    list_for_each (waiting, &tree->waiting, struct folder, link)
        free_folder(tree, waiting);
    list_for_each (folder, &tree->folders, struct folder, link)
        free_folder(tree, folder);
    hash_done(&tree->by_wd);
    (void)close(tree->fd);
    free(tree->root);
    free(tree);
}
