/*
 * Inside the SFTP server. Functions return 0 or a negative errno, which becomes the status of the
 * reply (sftp_status_of()).
 */
#ifndef SVC_SFTP_SFTP_PRIV_H
#define SVC_SFTP_SFTP_PRIV_H

#include <dirent.h>
#include <sys/stat.h>

#include "base/vec.h"
#include "svc/sftp/server.h"
#include "wire/sftp.h"

enum { SFTP_HANDLES_MAX = 4096 };

/* An open file or directory; neither: the place is free. */
struct sftp_handle {
    uint32_t generation; /* counts up with each use of the place: old handles stay unknown */
    int fd;              /* of a file; -1 */
    DIR *dir;            /* NULL */
};

struct sftp_server {
    int root_fd; /* borrowed */
    char *location;
    bool follow_links;
    VEC(struct sftp_handle) handles;
};

struct sftp_call {
    struct sftp_server *server;
    const struct sftp_request *req;
    struct sb *out; /* nothing put there means: done, status OK */
};

enum sftp_status sftp_status_of(int errnum);

/* ---- places (place.c) ---- */

/* A name in a directory of the folder. */
struct sftp_place {
    int dir_fd; /* owned */
    char *name; /* owned; "." for the folder itself */
};
#define SFTP_PLACE_NONE ((struct sftp_place){ .dir_fd = -1 })
void sftp_place_done(struct sftp_place *place);
#define auto_sftp_place AUTO_CALL(sftp_place_done)

/* The path from the host's root, cleaned, or NULL when it is not in the folder. Owned. */
char *sftp_path_absolute(const struct sftp_server *s, struct sv path);
int sftp_place_find(const struct sftp_server *s, struct sv path, struct sftp_place *out);
/* Opens what the path leads to, never through its last link unless the server follows links. A
 * descriptor or a negative errno. */
int sftp_open(const struct sftp_server *s, struct sv path, int flags, mode_t mode);
/* The same with O_PATH: a link is opened itself, unless follow. */
int sftp_open_node(const struct sftp_server *s, struct sv path, bool follow);

/* ---- handles (handle.c) ---- */

int sftp_handle_reply(struct sftp_call *call, int take_fd, DIR *take_dir);
/* NULL: unknown. Of the request. */
struct sftp_handle *sftp_handle_find(struct sftp_call *call);
/* Its descriptor, or -EBADF. */
int sftp_handle_fd(struct sftp_call *call);
int sftp_handle_close(struct sftp_handle *handle);

/* ---- operations ---- */

/* What the host gets of a mode: no bits that set ids on files. */
mode_t sftp_host_mode(mode_t mode, bool is_dir);
void sftp_attrs_of(const struct stat *st, struct sftp_attrs *out);

int sftp_do_open(struct sftp_call *call);
int sftp_do_close(struct sftp_call *call);
int sftp_do_read(struct sftp_call *call);
int sftp_do_write(struct sftp_call *call);
int sftp_do_fsync(struct sftp_call *call);
int sftp_do_limits(struct sftp_call *call);

int sftp_do_lstat(struct sftp_call *call);
int sftp_do_stat(struct sftp_call *call);
int sftp_do_fstat(struct sftp_call *call);
int sftp_do_setstat(struct sftp_call *call);
int sftp_do_fsetstat(struct sftp_call *call);
int sftp_do_statvfs(struct sftp_call *call);
int sftp_do_fstatvfs(struct sftp_call *call);

int sftp_do_opendir(struct sftp_call *call);
int sftp_do_readdir(struct sftp_call *call);

int sftp_do_remove(struct sftp_call *call);
int sftp_do_mkdir(struct sftp_call *call);
int sftp_do_rmdir(struct sftp_call *call);
int sftp_do_realpath(struct sftp_call *call);
int sftp_do_rename(struct sftp_call *call);
int sftp_do_readlink(struct sftp_call *call);
int sftp_do_symlink(struct sftp_call *call);
int sftp_do_hardlink(struct sftp_call *call);

#endif
