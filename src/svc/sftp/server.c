#include "svc/sftp/server.h"

#include <assert.h>
#include <errno.h>

#include "base/log.h"
#include "base/path.h"
#include "svc/sftp/sftp_priv.h"

/* INIT is not among them: its reply has no id. */
static int (*const operations[])(struct sftp_call *call) = {
    [SFTP_OPEN] = sftp_do_open,           [SFTP_CLOSE] = sftp_do_close,
    [SFTP_READ] = sftp_do_read,           [SFTP_WRITE] = sftp_do_write,
    [SFTP_LSTAT] = sftp_do_lstat,         [SFTP_FSTAT] = sftp_do_fstat,
    [SFTP_SETSTAT] = sftp_do_setstat,     [SFTP_FSETSTAT] = sftp_do_fsetstat,
    [SFTP_OPENDIR] = sftp_do_opendir,     [SFTP_READDIR] = sftp_do_readdir,
    [SFTP_REMOVE] = sftp_do_remove,       [SFTP_MKDIR] = sftp_do_mkdir,
    [SFTP_RMDIR] = sftp_do_rmdir,         [SFTP_REALPATH] = sftp_do_realpath,
    [SFTP_STAT] = sftp_do_stat,           [SFTP_RENAME] = sftp_do_rename,
    [SFTP_READLINK] = sftp_do_readlink,   [SFTP_SYMLINK] = sftp_do_symlink,
    [SFTP_POSIX_RENAME] = sftp_do_rename, [SFTP_STATVFS] = sftp_do_statvfs,
    [SFTP_FSTATVFS] = sftp_do_fstatvfs,   [SFTP_HARDLINK] = sftp_do_hardlink,
    [SFTP_FSYNC] = sftp_do_fsync,         [SFTP_LSETSTAT] = sftp_do_setstat,
    [SFTP_LIMITS] = sftp_do_limits,
};
static_assert(COUNT(operations) == SFTP_OP_COUNT, "operations must have every operation");

/* As OpenSSH's server has them: sshfs turns them back. A read-only mount is a matter of rights. */
enum sftp_status sftp_status_of(int errnum)
{
    switch (errnum) {
    case 0:
        return SFTP_OK;
    case ENOENT:
    case ENOTDIR:
    case EBADF:
    case ELOOP:
        return SFTP_NO_SUCH_FILE;
    case EPERM:
    case EACCES:
    case EROFS:
        return SFTP_PERMISSION_DENIED;
    case ENAMETOOLONG:
    case EINVAL:
        return SFTP_BAD_MESSAGE;
    case ENOSYS:
    case EOPNOTSUPP:
        return SFTP_UNSUPPORTED;
    default:
        return SFTP_FAILURE;
    }
}

static void serve(struct sftp_server *s, const struct sftp_request *req, struct sb *out)
{
    struct sftp_call call = { .server = s, .req = req, .out = out };
    size_t at = out->n;
    int rc = operations[req->op](&call);

    if (rc < 0) {
        log_debug("sftp: %s %.*s: %s", sftp_op_name(req->op), SV_ARG(req->path), strerror(-rc));
        sb_truncate(out, at);
    }
    if (out->n == at)
        sftp_put_status(out, req->id, sftp_status_of(-rc));
}

bool sftp_server_take(struct sftp_server *s, struct sv packet, struct sb *out, struct err **errp)
{
    auto_err struct err *err = NULL;
    struct sftp_request req;

    if (sftp_decode(&req, packet, &err)) {
        if (req.op == SFTP_INIT)
            sftp_put_version(out);
        else
            serve(s, &req, out);
        return true;
    }
    if (err_kind(err) == ERR_PROTOCOL)
        return err_propagate(errp, MOVE(err));
    sftp_put_status(out, req.id,
                    err_kind(err) == ERR_UNSUPPORTED ? SFTP_UNSUPPORTED : SFTP_BAD_MESSAGE);
    return true;
}

struct sftp_server *sftp_server_new(const struct sftp_server_options *options)
{
    struct sftp_server *s = mem_new(struct sftp_server);

    s->root_fd = options->root_fd;
    s->location = path_clean(options->location);
    s->follow_links = options->follow_links;
    return s;
}

void sftp_server_free(struct sftp_server *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->handles.n; i++)
        (void)sftp_handle_close(&s->handles.v[i]);
    vec_done(&s->handles);
    free(s->location);
    free(s);
}
