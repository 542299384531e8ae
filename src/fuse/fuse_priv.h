/*
 * Inside the file server: exports, nodes and their names, handles, and the call that is served.
 *
 * Functions return 0 or a negative errno, as the answer to the guest has it.
 */
#ifndef FUSE_FUSE_PRIV_H
#define FUSE_FUSE_PRIV_H

#include <sys/stat.h>

#include "base/hash.h"
#include "base/list.h"
#include "base/sb.h"
#include "base/vec.h"
#include "fuse/echo.h"
#include "wire/echo.h"
#include "wire/fuse.h"

struct fuse_export {
    struct list link;
    char *name;
    struct fuse_export_options options; /* name is the one above */
    int root_fd;                        /* -1: removed, its nodes are stale */
    bool is_detached;                   /* without a name: works until its nodes are forgotten */
    bool is_in_root;                    /* no submount: fuse_export_in_root() */
    bool is_denied;                     /* to the next who asks for its name */
    size_t n_nodes;                     /* the last one frees a removed or detached export */
    struct fuse_node *root;
};

/* Tells inodes apart, also when the host uses the number of a deleted one again. */
struct fuse_identity {
    uint64_t dev, ino, birth;
    mode_t type;
};

struct fuse_node {
    uint64_t id;
    struct hash_entry by_id, by_identity;
    struct fuse_export *export; /* NULL: the synthetic root */
    struct fuse_identity identity;
    uint64_t n_lookups;
    uint32_t n_children;      /* links whose directory this is */
    int dir_fd;               /* O_PATH, of a directory; -1 = not open */
    int64_t opened_ms;        /* when that was found by its name */
    struct list recent;       /* among the open directories */
    struct list links;        /* its names, the latest first */
    struct list handles;      /* open files and directories */
    struct fuse_watch *watch; /* of a directory; NULL = none */
    int64_t told_ns;          /* time of change that the guest was told last; 0 = never */
};

/* A name of a node. */
struct fuse_link {
    struct list of_node;
    struct hash_entry by_name;
    struct fuse_node *dir, *node;
    unsigned name_len;
    char name[]; /* terminated */
};

struct fuse_handle {
    uint64_t fh;
    struct list of_node;
    struct fuse_node *node;
    int fd;
    bool is_dir, is_writable;
    /* Of a directory: entries that were read but not yet passed on. */
    char *entries;
    size_t entries_len, entries_at;
    int64_t position; /* of the next entry in the buffer */
};

/* A directory whose changes are told of. Two exports may share one on the host. */
struct fuse_watch {
    struct hash_entry by_key;
    struct fuse_node *node;
    int64_t listed_ns; /* the change before the guest opened it to keep its list; 0 = none */
    size_t key_len;
    char key[]; /* file system and handle, as events have it */
};

/* A name that is known to have led to a node, until the event comes that says so: something has
 * shown the guest that it no longer does. */
struct fuse_ghost {
    struct list link; /* the oldest first */
    struct hash_entry by_name;
    uint64_t dir, node; /* ids; the node may be one that never was */
    size_t name_len;
    char name[];
};

/* A change on its way to the guest's agent. */
struct fuse_change {
    struct list link;
    enum echo_type type;
    enum echo_kind kind;
    uint8_t flags;
    bool is_done;
    uint64_t dir, dir2; /* node ids */
    uint64_t node;      /* what the name leads to, as the agent was told; 0 = not yet */
    uint64_t object;    /* tells what it is about from others; 0 = not known */
    char *name, *name2;
    struct fuse_change *before; /* that moved the same thing (unjoin.c) */
};

struct fuse_echo {
    int fd; /* fanotify; -1 = none */
    int32_t own_pid;
    struct hash watches, ghosts;
    struct list ghost_order;
    size_t n_ghosts;
    struct fuse_nonce nonce;
    bool has_agent, is_ready;
    bool is_busy, has_begun; /* with the armed changes; with the first of them */
    uint32_t agent_tid;      /* 0 = not known yet */
    struct list queue, armed;
    size_t n_queued;
    uint64_t limbo;  /* node id */
    uint64_t sought; /* node id of a directory (echo_way.c); 0 = none */
    bool has_lost;  /* events: folders are to be compared */
    bool has_warned;
};

struct fuse_server {
    struct fuse_echo echo;
    struct list exports;
    size_t n_exports, n_detached; /* with a name, and without */
    struct fuse_node root;
    uint64_t seed, next_id, next_fh;
    struct hash by_id, by_identity, by_name;
    struct list open_dirs; /* the most recently used first */
    size_t n_open_dirs;
    size_t n_nodes_peak;               /* since memory was given back */
    VEC(struct fuse_handle *) handles; /* slot of fh % HANDLE_SLOTS; NULL = free */
    size_t n_handles, first_free;
    uint32_t minor; /* of the guest; 0 = no INIT yet */
    int doomed_fd;  /* O_PATH, of a file whose name was removed; negative = none */
    int64_t now_ms; /* when the request came: one time for all of it */
    struct sb request, reply;
};

/* The request that is served. */
struct fuse_call {
    struct fuse_server *server;
    struct fuse_request req;
    struct fuse_node *node; /* of the header's node id; NULL for operations on the root */
    struct iovec *in;       /* data of WRITE */
    unsigned n_in;
    struct iovec *out; /* space behind the answer's header */
    unsigned n_out;
    size_t out_len;
    size_t in_place; /* bytes of the answer that are in out already, instead of server->reply */
};

/* ---- nodes (node.c) ---- */

void fuse_nodes_init(struct fuse_server *s);
/* Frees all nodes but the root and those of exports, and all handles. */
void fuse_nodes_clear(struct fuse_server *s);
struct fuse_node *fuse_node_find(struct fuse_server *s, uint64_t id); /* NULL: unknown */
/* The node of what statx said about name in dir; made when it is new, and the name is noted. NULL:
 * there are too many nodes. Lookups are not counted. */
struct fuse_node *fuse_node_enter(struct fuse_server *s, struct fuse_node *dir, struct sv name,
                                  const struct statx *stx);
/* A node without a name. */
struct fuse_node *fuse_node_new(struct fuse_server *s, struct fuse_export *export,
                                const struct statx *stx);
/* Frees the node if nothing refers to it any more, then its directories likewise. */
void fuse_node_settle(struct fuse_server *s, struct fuse_node *node);
void fuse_node_forget(struct fuse_server *s, uint64_t id, uint64_t n_lookups);
struct fuse_link *fuse_link_find(struct fuse_server *s, const struct fuse_node *dir,
                                 struct sv name); /* NULL: no node is known there */
/* The host's doing: the name leads elsewhere, or nowhere. */
void fuse_link_lost(struct fuse_server *s, struct fuse_node *dir, struct sv name);
/* The name is gone. */
void fuse_link_drop(struct fuse_server *s, struct fuse_node *dir, struct sv name);
/* The name moved, over what was known at the target. exchange: the two changed places. */
void fuse_link_move(struct fuse_server *s, struct fuse_node *dir, struct sv name,
                    struct fuse_node *dir2, struct sv name2, bool exchange);
bool fuse_node_is(const struct fuse_node *node, const struct statx *stx);
/* Is it an entry of the synthetic root? */
bool fuse_export_has_name(const struct fuse_export *export);
struct fuse_export *fuse_export_find(const struct fuse_server *s, struct sv name); /* NULL: none */
/* The export that is no submount, but lies in the file system of the root; NULL = none. Before each
 * write() to a submount Linux asks for the attribute security.capability; elsewhere it remembers
 * that there is none. So that is the first export that can be written to. It is alone there, as
 * the root itself is shown to nobody, and so has a device number of its own like the others. Its
 * successor comes when the guest has forgotten all that was in it.
 *
 * What Linux keeps of a submount it drops when that is unmounted. Of this export it is asked to
 * (GUEST_FS_DROP_PREFIX); what was in use then goes with its last user, but only if the name is not
 * to be believed any more. So it cannot be one whose names may be believed for long. */
struct fuse_export *fuse_export_in_root(const struct fuse_server *s);
/* A node less; frees the export if it was removed or detached and this was the last. */
void fuse_export_unref(struct fuse_server *s, struct fuse_export *export);

/* ---- where nodes are (place.c) ---- */

/* A node found again on the host. Either name in dir_fd ("." for the top of an export), or fd, an
 * open file without a name. Valid until two other directories are asked for. */
struct fuse_place {
    int dir_fd, fd;
    const char *name;
    struct statx stx;
};

/* An O_PATH descriptor of the directory, borrowed; or a negative errno. */
int fuse_dir_fd(struct fuse_server *s, struct fuse_node *dir);
void fuse_dir_close(struct fuse_server *s, struct fuse_node *dir);
int fuse_place_find(struct fuse_server *s, struct fuse_node *node, struct fuse_place *out);
/* Opens the node; the descriptor is the caller's. O_NOFOLLOW, O_CLOEXEC and O_NONBLOCK are added.
 */
int fuse_place_open(const struct fuse_place *place, int flags);
int fuse_statx(int dir_fd, const char *name, struct statx *out);
/* openat2() that stays below dir_fd and follows no link. */
int fuse_open_beneath(int dir_fd, const char *name, int flags, mode_t mode);

/* ---- attributes (attr.c) ---- */

/* For the place of node; dir is the one it was found in, or NULL. */
void fuse_attr_fill(struct fuse_attr *out, const struct fuse_node *node,
                    const struct fuse_place *place, const struct fuse_node *dir);
void fuse_attr_reply(struct fuse_call *call, const struct fuse_place *place);
int64_t fuse_attr_changed_ns(const struct statx *stx);
/* Fills an entry and counts the lookup. */
void fuse_entry_fill(struct fuse_server *s, struct fuse_entry_out *out, struct fuse_node *node,
                     const struct fuse_place *place, const struct fuse_node *dir);
int fuse_attr_change(struct fuse_call *call, struct fuse_place *place);
/* Notes the owner of something the guest has just made. */
void fuse_attr_created(struct fuse_call *call, const struct fuse_place *place);
/* The mode bits that may reach the host: a file of the host's user that sets its user or group id
 * would lend his rights to others there. */
mode_t fuse_attr_host_mode(mode_t mode, bool is_dir);
/* Is it our own attribute, hidden from the guest? */
bool fuse_attr_is_owner_xattr(const char *name);

/* ---- handles (handle.c) ---- */

/* NULL: there are too many; take_fd is closed then. */
struct fuse_handle *fuse_handle_new(struct fuse_server *s, struct fuse_node *node, int take_fd,
                                    bool is_dir, bool is_writable);
/* NULL unless fh is an open handle of the node. */
struct fuse_handle *fuse_handle_find(struct fuse_server *s, uint64_t fh,
                                     const struct fuse_node *node);
/* Answers with a new handle of the call's node. */
int fuse_handle_reply(struct fuse_call *call, int take_fd, bool is_dir, bool is_writable);
/* FOPEN_ flags of the answer to opening it. */
uint32_t fuse_open_flags(const struct fuse_server *s, const struct fuse_handle *handle);
void fuse_handle_close(struct fuse_server *s, struct fuse_handle *handle);
/* The same without settling the node. */
void fuse_handle_free(struct fuse_server *s, struct fuse_handle *handle);

/* ---- watching (watch.c) ---- */

/* Watches the directory if its changes are to be told. */
void fuse_watch_begin(struct fuse_server *s, struct fuse_node *dir);
void fuse_watch_end(struct fuse_server *s, struct fuse_node *dir);
/* Of all directories; those that are known already. */
void fuse_watch_end_all(struct fuse_server *s);
void fuse_watch_begin_all(struct fuse_server *s);
void fuse_watch_end_export(struct fuse_server *s, const struct fuse_export *export);
/* What a change of name in dir is about, as its object; 0 when there is nothing. */
uint64_t fuse_watch_object(struct fuse_server *s, struct fuse_node *dir, const char *name);
/* Is the guest told of changes to names in dir (NULL: unknown), and to what node has? */
bool fuse_watch_tells_names(const struct fuse_server *s, const struct fuse_node *dir);
bool fuse_watch_tells_node(const struct fuse_server *s, const struct fuse_node *node,
                           const struct statx *stx);

/* ---- changes (echo.c, compare.c, unjoin.c, ghost.c) ---- */

void fuse_echo_init(struct fuse_server *s);
void fuse_echo_free(struct fuse_server *s);
/* The export's name, while its changes are told. */
const char *fuse_echo_export_of(struct fuse_server *s, uint64_t dir);
/* Puts the change into the queue, or joins it with what waits there. */
void fuse_echo_queue(struct fuse_server *s, struct fuse_change *take_change);
/* A copy that is in no list. */
struct fuse_change *fuse_change_new(const struct fuse_change *from);
void fuse_change_free(struct fuse_change *change);
/* Puts in again what is missing among changes, all that were read at once. False: more has happened
 * meanwhile, which tells what. */
bool fuse_echo_unjoin(struct fuse_server *s, struct list *changes);
/* Queues what differs from what the guest was told. */
void fuse_echo_compare(struct fuse_server *s);
enum echo_kind fuse_echo_kind(mode_t mode);

/* Notes that dir's name no longer leads to the node, before its event has come. */
void fuse_ghost_add(struct fuse_server *s, const struct fuse_node *dir, struct sv name,
                    uint64_t node);
uint64_t fuse_ghost_find(const struct fuse_server *s, uint64_t dir, struct sv name); /* 0 = none */
void fuse_ghost_drop(struct fuse_server *s, uint64_t dir, struct sv name);
void fuse_ghosts_clear(struct fuse_server *s);

/* ---- the agent's requests (echo_answer.c, echo_way.c) ---- */

/* The file handle of what is opened for the agent, and not on the host. */
#define FUSE_ECHO_HANDLE UINT64_MAX

bool fuse_echo_is_agent(const struct fuse_call *call);
/* True when the request is part of a change that the agent repeats, or forbidden to it; *out_rc is
 * the answer then. */
bool fuse_echo_answer(struct fuse_call *call, int *out_rc);
/* The answer to a lookup: the node as it was under a name that is to go, or that is gone. kind: of
 * one that never was. */
void fuse_echo_reply_held(struct fuse_call *call, uint64_t id, enum echo_kind kind);
/* False: the request is not about the way to a directory, or is answered as for everybody. */
bool fuse_echo_find_way(struct fuse_call *call);

/* ---- answers (server.c) ---- */

void fuse_reply(struct fuse_call *call, const void *mem, size_t n);
/* Adds a directory to the answer of READDIR or READDIRPLUS, whose node the guest is to look up.
 * next: the position behind it. False: there is no room. */
bool fuse_dirent_put(struct fuse_call *call, struct sv name, uint64_t ino, uint64_t next) MUST_USE;
/* Drops the first n bytes; the array changes. */
void fuse_iov_skip(struct iovec **iov, unsigned *n_iov, size_t n);
/* Notes what time it is. */
void fuse_server_tick(struct fuse_server *s);

typedef int fuse_op_fn(struct fuse_call *call);

fuse_op_fn fuse_do_lookup, fuse_do_getattr, fuse_do_setattr, fuse_do_readlink, fuse_do_statfs;
fuse_op_fn fuse_do_symlink, fuse_do_mknod, fuse_do_mkdir, fuse_do_unlink, fuse_do_rmdir,
    fuse_do_rename, fuse_do_link, fuse_do_create, fuse_do_tmpfile;
fuse_op_fn fuse_do_open, fuse_do_read, fuse_do_write, fuse_do_release, fuse_do_fsync,
    fuse_do_fallocate, fuse_do_lseek, fuse_do_copy_file_range, fuse_do_syncfs;
fuse_op_fn fuse_do_opendir, fuse_do_readdir;
fuse_op_fn fuse_do_setxattr, fuse_do_getxattr, fuse_do_listxattr, fuse_do_removexattr;

#endif
