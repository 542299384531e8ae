/*
 * Watching directories with fanotify. Marks are placed through descriptors of the exports; events
 * name a directory by its file handle, which is why each watched one is found by that. An
 * unprivileged process is told the process id of its own changes only, and so knows them.
 *
 * Events that are alike are joined by the kernel: one may say that a file was made, written and
 * removed.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "fuse/fuse_priv.h"

/* Newer than some C libraries. */
#ifndef FAN_REPORT_TARGET_FID
#define FAN_REPORT_TARGET_FID 0x1000
#endif
#ifndef FAN_RENAME
#define FAN_RENAME 0x10000000
#endif

enum {
    WATCHED = FAN_CREATE | FAN_DELETE | FAN_RENAME | FAN_MODIFY | FAN_ATTRIB | FAN_CLOSE_WRITE |
              FAN_ONDIR | FAN_EVENT_ON_CHILD,
    INFO_TARGET = 1, /* FAN_EVENT_INFO_TYPE_ */
    INFO_NAME = 2,
    INFO_OLD_NAME = 10,
    INFO_NEW_NAME = 12,
    HANDLE_LEN_MAX = 128,
    /* fsid, struct file_handle */
    KEY_HEAD_LEN = 16,
    KEY_LEN_MAX = KEY_HEAD_LEN + HANDLE_LEN_MAX,
    READ_LEN = 32 * 1024,
    READS_MAX = 64,
    TRIES_MAX = 3,
};

static int open_group(struct err **errp)
{
    int fd = fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK | FAN_REPORT_FID |
                               FAN_REPORT_DIR_FID | FAN_REPORT_NAME | FAN_REPORT_TARGET_FID,
                           0);

    if (fd < 0 && (errno == EINVAL || errno == ENOSYS || errno == EPERM))
        (void)err_set(errp, ERR_UNSUPPORTED, "that needs Linux 5.17 on the host");
    else if (fd < 0)
        (void)err_set_os(errp, errno, "folders cannot be watched");
    return fd;
}

bool fuse_echo_open(struct fuse_server *s, struct err **errp)
{
    s->echo.own_pid = (int32_t)getpid();
    s->echo.fd = open_group(errp);
    return s->echo.fd >= 0;
}

bool fuse_echo_is_possible(struct err **errp)
{
    auto_fd int fd = open_group(errp);

    return fd >= 0;
}

int fuse_echo_fd(const struct fuse_server *s)
{
    return s->echo.fd;
}

/* ---- watches ---- */

static uint64_t key_hash(const struct fuse_server *s, struct sv key)
{
    return hash_bytes(key, s->seed);
}

/* Of the export; NULL: of any. */
static struct fuse_watch *find(const struct fuse_server *s, struct sv key,
                               const struct fuse_export *export)
{
    struct hash_entry *e = hash_first(&s->echo.watches, key_hash(s, key));

    for (; e; e = hash_next(e)) {
        struct fuse_watch *watch = CONTAINER_OF(e, struct fuse_watch, by_key);

        if (sv_eq((struct sv){ watch->key, watch->key_len }, key) &&
            (!export || watch->node->export == export))
            return watch;
    }
    return NULL;
}

/* Length of the key of a name in a directory, "" for that itself; 0: the file system has no
 * handles, or there is nothing. */
static size_t make_key(int dir_fd, const char *name, char out[KEY_LEN_MAX])
{
    union {
        struct file_handle handle;
        char room[sizeof(struct file_handle) + HANDLE_LEN_MAX];
    } u = { .handle.handle_bytes = HANDLE_LEN_MAX };
    size_t head = sizeof(u.handle.handle_bytes) + sizeof(u.handle.handle_type);
    struct statfs fs;
    int mount_id;

    if (fstatfs(dir_fd, &fs) < 0 ||
        name_to_handle_at(dir_fd, name, &u.handle, &mount_id, *name ? 0 : AT_EMPTY_PATH) < 0)
        return 0;
    memcpy(out, &fs.f_fsid, 8);
    memcpy(out + 8, &u.handle, head);
    memcpy(out + KEY_HEAD_LEN, u.handle.f_handle, u.handle.handle_bytes);
    return KEY_HEAD_LEN + u.handle.handle_bytes;
}

static void warn(struct fuse_server *s, const struct fuse_node *dir, int errnum)
{
    if (s->echo.has_warned)
        return;
    s->echo.has_warned = true;
    if (errnum == ENOSPC)
        log_warn("The guest knows more folders than can be watched: changes below others are not "
                 "told to it; raise the limit with \"sysctl fs.fanotify.max_user_marks=1000000\"");
    else
        log_warn("Changes in %s cannot be told to the guest, its file system cannot be watched: %s",
                 dir->export->name, strerror(errnum));
}

void fuse_watch_begin(struct fuse_server *s, struct fuse_node *dir)
{
    struct fuse_watch *watch;
    char key[KEY_LEN_MAX];
    size_t key_len;
    int fd;

    if (dir->watch || !s->echo.is_ready || !dir->export || !dir->export->options.tells_changes ||
        !S_ISDIR(dir->identity.type) || (fd = fuse_dir_fd(s, dir)) < 0)
        return;
    key_len = make_key(fd, "", key);
    if (key_len == 0 ||
        fanotify_mark(s->echo.fd, FAN_MARK_ADD | FAN_MARK_ONLYDIR, WATCHED, fd, ".") < 0) {
        warn(s, dir, errno);
        return;
    }
    watch = mem_alloc(sizeof(*watch) + key_len);
    watch->node = dir;
    watch->listed_ns = 0;
    watch->key_len = key_len;
    memcpy(watch->key, key, key_len);
    hash_add(&s->echo.watches, &watch->by_key, key_hash(s, (struct sv){ key, key_len }));
    dir->watch = watch;
}

static void forget(struct fuse_server *s, struct fuse_node *dir)
{
    hash_remove(&s->echo.watches, &dir->watch->by_key);
    free(dir->watch);
    dir->watch = NULL;
}

void fuse_watch_end(struct fuse_server *s, struct fuse_node *dir)
{
    auto_mem char *key = NULL;
    size_t key_len;
    int fd;

    if (!dir->watch)
        return;
    key = mem_dup(dir->watch->key, dir->watch->key_len);
    key_len = dir->watch->key_len;
    forget(s, dir);
    /* Another export may have it, too. A directory that is not found is gone, and its mark. */
    if (!find(s, (struct sv){ key, key_len }, NULL) && (fd = fuse_dir_fd(s, dir)) >= 0)
        (void)fanotify_mark(s->echo.fd, FAN_MARK_REMOVE, WATCHED, fd, ".");
}

/* Each node of the table in turn; the table may not change meanwhile. */
static struct hash_entry *next_entry(const struct hash *h, size_t *slot, struct hash_entry *e)
{
    e = e ? e->next : NULL;
    while (!e && *slot < h->n_slots)
        e = h->slots[(*slot)++];
    return e;
}

void fuse_watch_begin_all(struct fuse_server *s)
{
    size_t slot = 0;

    for (struct hash_entry *e = NULL; (e = next_entry(&s->by_id, &slot, e));)
        fuse_watch_begin(s, CONTAINER_OF(e, struct fuse_node, by_id));
}

void fuse_watch_end_all(struct fuse_server *s)
{
    size_t slot = 0;

    if (s->echo.fd < 0)
        return;
    (void)fanotify_mark(s->echo.fd, FAN_MARK_FLUSH, 0, AT_FDCWD, NULL);
    for (struct hash_entry *e = NULL; (e = next_entry(&s->by_id, &slot, e));) {
        struct fuse_node *node = CONTAINER_OF(e, struct fuse_node, by_id);

        if (node->watch)
            forget(s, node);
    }
}

void fuse_watch_end_export(struct fuse_server *s, const struct fuse_export *export)
{
    size_t slot = 0;

    if (!export->options.tells_changes)
        return;
    for (struct hash_entry *e = NULL; (e = next_entry(&s->by_id, &slot, e));) {
        struct fuse_node *node = CONTAINER_OF(e, struct fuse_node, by_id);

        if (node->export == export)
            fuse_watch_end(s, node);
    }
}

/* Our own changes are not told of: those that the guest makes by way of another export show late.
 */
static bool is_written_elsewhere(const struct fuse_server *s, const struct fuse_node *dir)
{
    list_for_each (export, &s->exports, struct fuse_export, link)
        if (export != dir->export && export->root_fd >= 0 && !export->options.read_only &&
            export->root->identity.dev == dir->identity.dev)
            return true;
    return false;
}

bool fuse_watch_tells_names(const struct fuse_server *s, const struct fuse_node *dir)
{
    return dir && dir->watch && dir->export->options.cache == FUSE_CACHE_AUTO &&
           !is_written_elsewhere(s, dir);
}

bool fuse_watch_tells_node(const struct fuse_server *s, const struct fuse_node *node,
                           const struct statx *stx)
{
    bool is_dir = S_ISDIR(node->identity.type);

    if (is_dir && !node->watch)
        return false;
    if (list_is_empty(&node->links))
        return node->export->root == node && fuse_watch_tells_names(s, node);
    /* A name of it may be in a directory that is not watched. */
    if (!is_dir && stx->stx_nlink != 1)
        return false;
    return fuse_watch_tells_names(s,
                                  CONTAINER_OF(node->links.next, struct fuse_link, of_node)->dir);
}

/* ---- events ---- */

/* Tells files of an export apart. */
static uint64_t object_of(const struct fuse_server *s, const struct fuse_export *export,
                          struct sv key)
{
    return key.n ? hash_u64((uintptr_t) export, key_hash(s, key)) : 0;
}

uint64_t fuse_watch_object(struct fuse_server *s, struct fuse_node *dir, const char *name)
{
    int dir_fd = fuse_dir_fd(s, dir);
    char key[KEY_LEN_MAX];
    size_t key_len = dir_fd >= 0 ? make_key(dir_fd, name, key) : 0;

    return object_of(s, dir->export, (struct sv){ key, key_len });
}

/* Where something happened. */
struct spot {
    struct sv key; /* of the directory */
    const char *name;
};

struct event {
    uint64_t mask;
    struct spot spot, to; /* to: of a move; without a key when it is not known */
    struct sv object;     /* the key of what it is about */
};

static bool take_spot(struct sv record, struct spot *out)
{
    struct sv key = sv_slice(record, sizeof(struct fanotify_event_info_header), record.n);
    uint32_t n_handle;

    if (key.n < KEY_HEAD_LEN)
        return false;
    memcpy(&n_handle, key.p + 8, sizeof(n_handle));
    if (n_handle > key.n - KEY_HEAD_LEN)
        return false;
    out->key = sv_slice(key, 0, KEY_HEAD_LEN + n_handle);
    out->name = key.p + out->key.n; /* terminated; of INFO_TARGET there is none */
    return true;
}

static struct event take_event(const struct fanotify_event_metadata *meta, struct sv records)
{
    struct event event = { .mask = meta->mask };
    struct fanotify_event_info_header head;
    struct spot spot;

    while (records.n >= sizeof(head)) {
        memcpy(&head, records.p, sizeof(head));
        if (head.len < sizeof(head) || head.len > records.n)
            break;
        if (take_spot(sv_slice(records, 0, head.len), &spot)) {
            if (head.info_type == INFO_NAME || head.info_type == INFO_OLD_NAME)
                event.spot = spot;
            else if (head.info_type == INFO_NEW_NAME)
                event.to = spot;
            else if (head.info_type == INFO_TARGET)
                event.object = spot.key;
        }
        records = sv_slice(records, head.len, records.n);
    }
    return event;
}

/* The directory of a place as the export has it, and the name there; events of a directory itself
 * have "." for one. 0: the guest does not know it. */
static uint64_t dir_of(const struct fuse_server *s, const struct fuse_export *export,
                       const struct spot *spot, struct sv *out_name)
{
    const struct fuse_watch *watch = spot->key.n ? find(s, spot->key, export) : NULL;
    const struct fuse_link *link;

    *out_name = sv_of(spot->name);
    if (!watch)
        return 0;
    if (!sv_eq(*out_name, SV(".")))
        return watch->node->id;
    if (list_is_empty(&watch->node->links)) {
        *out_name = SV("");
        return watch->node->id;
    }
    link = CONTAINER_OF(watch->node->links.next, struct fuse_link, of_node);
    *out_name = (struct sv){ link->name, link->name_len };
    return link->dir->id;
}

static void add(struct list *out, const struct fuse_change *from)
{
    struct fuse_change *change = fuse_change_new(from);

    list_push_back(out, &change->link);
}

static void take_move(struct fuse_server *s, const struct fuse_export *export,
                      const struct event *event, struct list *out)
{
    struct sv name, name2;
    uint64_t dir = dir_of(s, export, &event->spot, &name);
    uint64_t dir2 = dir_of(s, export, &event->to, &name2);
    /* From or to elsewhere it keeps its name, for want of a better one. */
    auto_mem char *from = sv_dup(dir ? name : name2);
    auto_mem char *to = sv_dup(dir2 ? name2 : name);

    if (dir || dir2)
        add(out, &(struct fuse_change){
                     .type = ECHO_MOVE,
                     .kind = event->mask & FAN_ONDIR ? ECHO_DIR : ECHO_FILE,
                     .dir = dir,
                     .dir2 = dir2,
                     .object = object_of(s, export, event->object),
                     .name = from,
                     .name2 = to,
                 });
}

/* In the order in which they can have happened to one file. */
static void take_others(struct fuse_server *s, const struct fuse_export *export,
                        const struct event *event, struct list *out)
{
    static const struct {
        uint64_t bit;
        enum echo_type type;
    } order[] = { { FAN_CREATE, ECHO_MAKE },
                  { FAN_ATTRIB, ECHO_ATTRIB },
                  { FAN_MODIFY, ECHO_MODIFY },
                  { FAN_CLOSE_WRITE, ECHO_CLOSE },
                  { FAN_DELETE, ECHO_REMOVE } };
    struct sv name;
    uint64_t dir = dir_of(s, export, &event->spot, &name);
    auto_mem char *copy = dir ? sv_dup(name) : NULL;

    for (size_t i = 0; i < COUNT(order) && dir; i++)
        if (event->mask & order[i].bit)
            add(out, &(struct fuse_change){
                         .type = order[i].type,
                         .kind = event->mask & FAN_ONDIR ? ECHO_DIR : ECHO_FILE,
                         .dir = dir,
                         .object = object_of(s, export, event->object),
                         .name = copy,
                     });
}

static void take(struct fuse_server *s, const struct fanotify_event_metadata *meta,
                 struct sv records, struct list *out)
{
    struct event event;

    if (meta->mask & FAN_Q_OVERFLOW) {
        log_debug("Too many changes at once: folders are compared");
        s->echo.has_lost = true;
        return;
    }
    if (meta->pid == s->echo.own_pid || !s->echo.is_ready)
        return;
    event = take_event(meta, records);
    list_for_each (export, &s->exports, struct fuse_export, link) {
        if (!export->options.tells_changes)
            continue;
        if (event.mask & FAN_RENAME)
            take_move(s, export, &event, out);
        else
            take_others(s, export, &event, out);
    }
}

/* The kernel aligns events to 4 bytes only. */
static void take_batch(struct fuse_server *s, struct sv batch, struct list *out)
{
    struct fanotify_event_metadata meta;

    while (batch.n >= sizeof(meta)) {
        memcpy(&meta, batch.p, sizeof(meta));
        if (meta.metadata_len < sizeof(meta) || meta.event_len < meta.metadata_len ||
            meta.event_len > batch.n)
            return;
        take(s, &meta, sv_slice(batch, meta.metadata_len, meta.event_len), out);
        batch = sv_slice(batch, meta.event_len, batch.n);
    }
}

static void read_all(struct fuse_server *s, struct list *out)
{
    char bytes[READ_LEN];

    for (unsigned i = 0; i < READS_MAX; i++) {
        ssize_t n = read(s->echo.fd, bytes, sizeof(bytes));

        if (n <= 0)
            return;
        take_batch(s, (struct sv){ bytes, (size_t)n }, out);
    }
}

void fuse_echo_read(struct fuse_server *s)
{
    struct list changes;

    list_init(&changes);
    fuse_server_tick(s);
    for (unsigned i = 0; i < TRIES_MAX; i++) {
        read_all(s, &changes);
        if (fuse_echo_unjoin(s, &changes))
            break;
    }
    list_for_each (change, &changes, struct fuse_change, link)
        fuse_echo_queue(s, change);
}
