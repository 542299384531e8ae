/*
 * A FUSE file server over exported directories, for the virtio-fs device.
 *
 * The root that the guest mounts is synthetic: a directory with one entry for each export. An
 * export is a descriptor of a detached mount (made by `exporter`), under which every path is
 * resolved; the server needs no /proc and no path of its own. Exports come and go at any time: a
 * removed one answers ESTALE, a detached one serves what the guest holds of it until that is
 * forgotten.
 *
 * A node is what the guest holds a number of. It is remembered by its names and its identity on the
 * host (device, inode, birth time), not by a descriptor: nothing but directories in use and open
 * files cost one. A name that leads to something else in the meantime is ESTALE, upon which the
 * guest looks it up again. Numbers of nodes and handles are checked against tables, always.
 *
 * Who may do what is decided by the guest's kernel from the mapped owner and mode ("default
 * permissions"); on the host everything happens as the user of this process. Ids are swapped: the
 * host user's files belong to the guest's user. Locks are kept by the guest's kernel.
 *
 * Threads: none; a server belongs to one thread, whose working directory it changes.
 */
#ifndef FUSE_SERVER_H
#define FUSE_SERVER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "base/err.h"

#define FUSE_EXPORTS_MAX   1024
/* Detached ones. */
#define FUSE_DETACHED_MAX  256
#define FUSE_NODES_MAX     (4u << 20)
#define FUSE_HANDLES_MAX   65536
/* Directories that are kept open. */
#define FUSE_DIRS_OPEN_MAX 128
/* Most bytes of one READ, WRITE or READDIR. */
#define FUSE_TRANSFER_MAX  ((uint32_t)1 << 20)

/* Most bytes of one COPY_FILE_RANGE: others wait for it. */
#define FUSE_COPY_MAX ((size_t)16 << 20)

/* How long the guest may believe what it knows. */
enum fuse_cache {
    FUSE_CACHE_AUTO,   /* one second; data until size or time of change differ */
    FUSE_CACHE_ALWAYS, /* for ever: nobody else changes the files, or the guest is told */
    FUSE_CACHE_NEVER,  /* not at all */
    FUSE_CACHE_COUNT,
};
extern const char *const fuse_cache_names[FUSE_CACHE_COUNT];

struct fuse_export_options {
    const char *name; /* the entry below the root; copied */
    bool read_only;
    bool owners_kept;   /* chown is remembered in an extended attribute, else refused */
    bool tells_changes; /* of others to an agent in the guest: fuse/echo.h */
    enum fuse_cache cache;
    uid_t host_uid, guest_uid;
    gid_t host_gid, guest_gid;
};

struct fuse_server;

struct fuse_server *fuse_server_new(void);
void fuse_server_free(struct fuse_server *s);
AUTO_DECLARE(struct fuse_server, fuse_server);
#define auto_fuse_server AUTO_CALL(fuse_server_auto)

/* Exports the directory take_root_fd (O_PATH is enough). ERR_EXISTS, ERR_INVALID. */
bool fuse_server_add(struct fuse_server *s, const struct fuse_export_options *options,
                     int take_root_fd, struct err **errp) MUST_USE;
/* ERR_NOT_FOUND. Open files of the export are closed. */
bool fuse_server_remove(struct fuse_server *s, const char *name, struct err **errp) MUST_USE;
/* The same, but open files stay, and whatever else the guest knows of the export: only its name is
 * free at once, and changes are not told any more. It is removed when the guest has forgotten all
 * of it; at once if there are too many that wait for that. */
bool fuse_server_detach(struct fuse_server *s, const char *name, struct err **errp) MUST_USE;

/*
 * Serves one request: reads it from in and writes the answer to out, both of them memory of the
 * guest, which may change at any time. Returns the length of the answer; 0 when there is none.
 * Never blocks but for disks. False in *out_ok: not a request, the queue is broken.
 */
uint32_t fuse_server_run(struct fuse_server *s, const struct iovec *in, unsigned n_in,
                         const struct iovec *out, unsigned n_out, bool *out_ok);
/* To be called when the guest has been told of the answer: does what it need not wait for, such as
 * freeing what a removed file held. The next request finds it done in any case. */
void fuse_server_finish(struct fuse_server *s);
/* The guest's driver went away: forgets all nodes and handles. Exports stay. */
void fuse_server_reset(struct fuse_server *s);

struct fuse_server_counts {
    size_t exports, detached, nodes, handles, dirs_open;
};
struct fuse_server_counts fuse_server_counts(const struct fuse_server *s);

#endif
