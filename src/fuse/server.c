#include "fuse/server.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "fuse/fuse_priv.h"

#define REPLY_HEAD_LEN sizeof(struct fuse_out_header)

/* Fewer nodes are not worth a look at their memory. */
enum { TRIM_NODES_MIN = 2048 };

struct fuse_server *fuse_server_new(void)
{
    struct fuse_server *s = mem_new(struct fuse_server);

    s->doomed_fd = -1;
    list_init(&s->exports);
    fuse_nodes_init(s);
    fuse_echo_init(s);
    return s;
}

struct fuse_export *fuse_export_find(const struct fuse_server *s, struct sv name)
{
    list_for_each (export, &s->exports, struct fuse_export, link)
        if (fuse_export_has_name(export) && sv_eq(sv_of(export->name), name))
            return export;
    return NULL;
}

static struct fuse_export *must_find_export(struct fuse_server *s, const char *name,
                                            struct err **errp)
{
    struct fuse_export *export = fuse_export_find(s, sv_of(name));

    if (!export)
        (void)err_set(errp, ERR_NOT_FOUND, "there is no export %s", name);
    return export;
}

static bool check_export(struct fuse_server *s, const struct fuse_export_options *options,
                         const struct statx *stx, struct err **errp)
{
    struct sv name = sv_of(options->name);

    if (!S_ISDIR(stx->stx_mode))
        return err_set(errp, ERR_INVALID, "only directories can be exported");
    if (name.n == 0 || name.n > 255 || memchr(name.p, '/', name.n) || sv_eq(name, SV(".")) ||
        sv_eq(name, SV("..")))
        return err_set(errp, ERR_INVALID, "%s is no name for an export", options->name);
    if (s->n_exports >= FUSE_EXPORTS_MAX)
        return err_set(errp, ERR_BUSY, "there are %d exports already", FUSE_EXPORTS_MAX);
    if (fuse_export_find(s, name))
        return err_set(errp, ERR_EXISTS, "there is an export %s already", options->name);
    return true;
}

struct fuse_export *fuse_export_in_root(const struct fuse_server *s)
{
    list_for_each (export, &s->exports, struct fuse_export, link)
        if (export->is_in_root)
            return export;
    return NULL;
}

static bool may_be_in_root(const struct fuse_export_options *options)
{
    return !options->read_only && !options->tells_changes && options->cache != FUSE_CACHE_ALWAYS;
}

bool fuse_server_add(struct fuse_server *s, const struct fuse_export_options *options,
                     int take_root_fd, struct err **errp)
{
    auto_fd int fd = take_root_fd;
    struct fuse_export *export;
    struct statx stx;
    int rc = fuse_statx(fd, "", &stx);

    if (rc < 0)
        return err_set_os(errp, -rc, "cannot examine the directory to export");
    if (!check_export(s, options, &stx, errp))
        return false;
    export = mem_new(struct fuse_export);
    export->options = *options;
    export->name = mem_strdup(options->name);
    export->options.name = export->name;
    export->root_fd = fd;
    export->is_in_root = may_be_in_root(options) && !fuse_export_in_root(s);
    fd = -1;
    list_push_back(&s->exports, &export->link);
    s->n_exports++;
    export->root = fuse_node_new(s, export, &stx);
    return true;
}

/* Open files end with the export; nodes stay for as long as the guest knows them. */
static void withdraw(struct fuse_server *s, struct fuse_export *export)
{
    s->n_exports--;
    fuse_watch_end_export(s, export);
    close(export->root_fd);
    export->root_fd = -1;
    export->n_nodes++; /* keeps it while nodes are settled */
    for (size_t i = 0; i < s->handles.n; i++)
        if (s->handles.v[i] && s->handles.v[i]->node->export == export)
            fuse_handle_close(s, s->handles.v[i]);
    if (export->root)
        fuse_node_settle(s, export->root);
    fuse_export_unref(s, export);
}

bool fuse_server_remove(struct fuse_server *s, const char *name, struct err **errp)
{
    struct fuse_export *export = must_find_export(s, name, errp);

    if (export)
        withdraw(s, export);
    return export != NULL;
}

/* The last node ends it; that may be its root, now. */
static void detach(struct fuse_server *s, struct fuse_export *export)
{
    s->n_exports--;
    s->n_detached++;
    fuse_watch_end_export(s, export);
    export->options.tells_changes = false; /* what is found yet is not watched */
    export->is_detached = true;
    fuse_node_settle(s, export->root);
}

bool fuse_server_detach(struct fuse_server *s, const char *name, struct err **errp)
{
    struct fuse_export *export = must_find_export(s, name, errp);

    if (!export)
        return false;
    if (s->n_detached < FUSE_DETACHED_MAX)
        detach(s, export);
    else
        withdraw(s, export);
    return true;
}

/* A walk through a large tree makes many nodes. When the guest has forgotten most of them, their
 * memory goes back to the host, which malloc would not give by itself. */
static void trim_memory(struct fuse_server *s)
{
    size_t n = s->by_id.n;

    if (n > s->n_nodes_peak)
        s->n_nodes_peak = n;
    if (s->n_nodes_peak < TRIM_NODES_MIN || n > s->n_nodes_peak / 4)
        return;
    (void)malloc_trim(0);
    s->n_nodes_peak = n;
}

void fuse_server_finish(struct fuse_server *s)
{
    if (s->doomed_fd >= 0)
        (void)close(s->doomed_fd);
    s->doomed_fd = -1;
    trim_memory(s);
}

void fuse_server_reset(struct fuse_server *s)
{
    fuse_echo_end(s);
    fuse_nodes_clear(s);
    s->minor = 0;
}

void fuse_server_free(struct fuse_server *s)
{
    if (!s)
        return;
    fuse_server_finish(s);
    fuse_echo_free(s);
    fuse_nodes_clear(s);
    list_for_each (export, &s->exports, struct fuse_export, link)
        withdraw(s, export);
    hash_done(&s->by_id);
    hash_done(&s->by_identity);
    hash_done(&s->by_name);
    vec_done(&s->handles);
    sb_done(&s->request);
    sb_done(&s->reply);
    free(s);
}

struct fuse_server_counts fuse_server_counts(const struct fuse_server *s)
{
    return (struct fuse_server_counts){ .exports = s->n_exports,
                                        .detached = s->n_detached,
                                        .nodes = s->by_id.n,
                                        .handles = s->n_handles,
                                        .dirs_open = s->n_open_dirs };
}

void fuse_reply(struct fuse_call *call, const void *mem, size_t n)
{
    sb_put_mem(&call->server->reply, mem, n);
}

/* ---- the greeting ---- */

static int do_init(struct fuse_call *call)
{
    const struct fuse_init_in *in = &call->req.arg.init;
    /* Locks are not among them: the guest keeps its own. Nor is the write-back cache, under which
     * the guest would decide on sizes and times. */
    uint32_t wanted = FUSE_ASYNC_READ | FUSE_ATOMIC_O_TRUNC | FUSE_BIG_WRITES |
                      FUSE_EXPORT_SUPPORT | FUSE_AUTO_INVAL_DATA | FUSE_DO_READDIRPLUS |
                      FUSE_READDIRPLUS_AUTO | FUSE_PARALLEL_DIROPS | FUSE_HANDLE_KILLPRIV_V2 |
                      FUSE_MAX_PAGES | FUSE_SUBMOUNTS;
    struct fuse_init_out out = {
        .major = FUSE_KERNEL_VERSION,
        .minor = FUSE_KERNEL_MINOR_VERSION,
        .max_readahead = in->max_readahead,
        .flags = in->flags & wanted,
        .max_background = 64,
        .congestion_threshold = 48,
        .max_write = FUSE_TRANSFER_MAX,
        .time_gran = 1,
        .max_pages = FUSE_TRANSFER_MAX / 4096,
    };

    if (in->major > FUSE_KERNEL_VERSION) {
        /* The guest repeats it with our version. */
        out = (struct fuse_init_out){ .major = FUSE_KERNEL_VERSION,
                                      .minor = FUSE_KERNEL_MINOR_VERSION };
    } else if (in->major < FUSE_KERNEL_VERSION || in->minor < FUSE_MINOR_MIN) {
        return -EPROTO;
    } else {
        fuse_server_reset(call->server);
        call->server->minor = in->minor;
    }
    fuse_reply(call, &out, sizeof(out));
    return 0;
}

static int do_destroy(struct fuse_call *call)
{
    fuse_server_reset(call->server);
    return 0;
}

static int do_forget(struct fuse_call *call)
{
    fuse_node_forget(call->server, call->req.head.nodeid, call->req.arg.forget.nlookup);
    return 0;
}

static int do_batch_forget(struct fuse_call *call)
{
    struct sv items = call->req.data;
    struct fuse_forget_one one;

    for (; items.n >= sizeof(one); items = sv_slice(items, sizeof(one), items.n)) {
        memcpy(&one, items.p, sizeof(one));
        fuse_node_forget(call->server, one.nodeid, one.nlookup);
    }
    return 0;
}

/* ---- dispatch ---- */

/* What is missing is answered with ENOSYS, whereupon the guest does without: ACCESS (it asks its
 * own kernel), FLUSH (writes are not delayed).
 */
static fuse_op_fn *const operations[] = {
    [FUSE_LOOKUP] = fuse_do_lookup,
    [FUSE_FORGET] = do_forget,
    [FUSE_GETATTR] = fuse_do_getattr,
    [FUSE_SETATTR] = fuse_do_setattr,
    [FUSE_READLINK] = fuse_do_readlink,
    [FUSE_SYMLINK] = fuse_do_symlink,
    [FUSE_MKNOD] = fuse_do_mknod,
    [FUSE_MKDIR] = fuse_do_mkdir,
    [FUSE_UNLINK] = fuse_do_unlink,
    [FUSE_RMDIR] = fuse_do_rmdir,
    [FUSE_RENAME] = fuse_do_rename,
    [FUSE_LINK] = fuse_do_link,
    [FUSE_OPEN] = fuse_do_open,
    [FUSE_READ] = fuse_do_read,
    [FUSE_WRITE] = fuse_do_write,
    [FUSE_STATFS] = fuse_do_statfs,
    [FUSE_RELEASE] = fuse_do_release,
    [FUSE_FSYNC] = fuse_do_fsync,
    [FUSE_SETXATTR] = fuse_do_setxattr,
    [FUSE_GETXATTR] = fuse_do_getxattr,
    [FUSE_LISTXATTR] = fuse_do_listxattr,
    [FUSE_REMOVEXATTR] = fuse_do_removexattr,
    [FUSE_INIT] = do_init,
    [FUSE_OPENDIR] = fuse_do_opendir,
    [FUSE_READDIR] = fuse_do_readdir,
    [FUSE_RELEASEDIR] = fuse_do_release,
    [FUSE_FSYNCDIR] = fuse_do_fsync,
    [FUSE_CREATE] = fuse_do_create,
    [FUSE_DESTROY] = do_destroy,
    [FUSE_BATCH_FORGET] = do_batch_forget,
    [FUSE_FALLOCATE] = fuse_do_fallocate,
    [FUSE_READDIRPLUS] = fuse_do_readdir,
    [FUSE_RENAME2] = fuse_do_rename,
    [FUSE_LSEEK] = fuse_do_lseek,
    [FUSE_COPY_FILE_RANGE] = fuse_do_copy_file_range,
    [FUSE_SYNCFS] = fuse_do_syncfs,
    [FUSE_TMPFILE] = fuse_do_tmpfile,
};

/* Who may be asked for what, before the operation looks at its arguments. */
static int check(struct fuse_call *call)
{
    const struct fuse_op_info *op = call->req.op;
    const struct fuse_node *node;

    if (!call->server->minor && call->req.head.opcode != FUSE_INIT)
        return -EIO;
    if (op->flags & (FUSE_OP_ON_ROOT | FUSE_OP_NO_REPLY))
        return 0;
    node = call->node = fuse_node_find(call->server, call->req.head.nodeid);
    if (!node || (node->export && node->export->root_fd < 0))
        return -ESTALE;
    if ((op->flags & FUSE_OP_CHANGES) && (!node->export || node->export->options.read_only))
        return -EROFS;
    return 0;
}

void fuse_server_tick(struct fuse_server *s)
{
    struct timespec now = { 0 };

    (void)clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    s->now_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int run(struct fuse_call *call)
{
    uint32_t opcode = call->req.head.opcode;
    int rc;

    fuse_server_tick(call->server);
    if (fuse_echo_is_agent(call) && fuse_echo_answer(call, &rc))
        return rc;
    rc = check(call);
    if (rc < 0)
        return rc;
    if (opcode >= COUNT(operations) || !operations[opcode])
        return -ENOSYS;
    /* The node stays, whatever the operation finds to be gone. */
    if (call->node)
        call->node->n_lookups++;
    rc = operations[opcode](call);
    if (call->node)
        fuse_node_forget(call->server, call->req.head.nodeid, 1);
    return rc;
}

/* ---- guest memory ---- */

static size_t total_of(const struct iovec *iov, unsigned n)
{
    size_t total = 0;

    for (unsigned i = 0; i < n; i++)
        total += iov[i].iov_len;
    return total;
}

void fuse_iov_skip(struct iovec **iov, unsigned *n_iov, size_t n)
{
    for (; *n_iov > 0 && n >= (*iov)->iov_len; (*iov)++, (*n_iov)--)
        n -= (*iov)->iov_len;
    if (*n_iov > 0) {
        (*iov)->iov_base = (char *)(*iov)->iov_base + n;
        (*iov)->iov_len -= n;
    }
}

static void gather(struct sb *out, const struct iovec *iov, unsigned n_iov, size_t n)
{
    sb_truncate(out, 0);
    for (unsigned i = 0; i < n_iov && n > 0; i++) {
        size_t part = iov[i].iov_len < n ? iov[i].iov_len : n;

        sb_put_mem(out, iov[i].iov_base, part);
        n -= part;
    }
}

static void scatter(const struct iovec *iov, unsigned n_iov, struct sv bytes)
{
    for (unsigned i = 0; i < n_iov && bytes.n > 0; i++) {
        size_t part = iov[i].iov_len < bytes.n ? iov[i].iov_len : bytes.n;

        memcpy(iov[i].iov_base, bytes.p, part);
        bytes = sv_slice(bytes, part, bytes.n);
    }
}

static uint32_t answer(struct fuse_call *call, const struct iovec *out, unsigned n_out, int rc)
{
    struct sb *reply = &call->server->reply;
    struct fuse_out_header head = { .unique = call->req.head.unique, .error = rc };

    if (call->req.op && (call->req.op->flags & FUSE_OP_NO_REPLY))
        return 0;
    if (total_of(out, n_out) < sizeof(head))
        return 0;
    if (rc == 0 && call->in_place == 0 && reply->n > call->out_len)
        head.error = rc = -EIO; /* the guest left too little room */
    head.len = (uint32_t)(sizeof(head) + (rc < 0 ? 0 : call->in_place ? call->in_place : reply->n));
    scatter(out, n_out, (struct sv){ (char *)&head, sizeof(head) });
    if (rc == 0 && call->in_place == 0)
        scatter(call->out, call->n_out, sb_view(reply));
    return head.len;
}

/* Copies out what is decoded: everything, but of WRITE, whose data stays in place, the head. */
static struct sv take_request(struct fuse_server *s, const struct iovec *in, unsigned n_in,
                              size_t total)
{
    struct fuse_in_header head = { 0 };

    gather(&s->request, in, n_in, FUSE_WRITE_HEAD_LEN);
    if (s->request.n >= sizeof(head))
        memcpy(&head, s->request.p, sizeof(head));
    if (head.opcode != FUSE_WRITE && total > FUSE_WRITE_HEAD_LEN && total <= FUSE_REQUEST_LEN_MAX)
        gather(&s->request, in, n_in, total);
    return sb_view(&s->request);
}

uint32_t fuse_server_run(struct fuse_server *s, const struct iovec *in, unsigned n_in,
                         const struct iovec *out, unsigned n_out, bool *out_ok)
{
    struct iovec *in_copy = mem_dup(in, n_in * sizeof(*in));
    struct iovec *out_copy = mem_dup(out, n_out * sizeof(*out));
    struct fuse_call call = {
        .server = s, .in = in_copy, .n_in = n_in, .out = out_copy, .n_out = n_out
    };
    size_t total = total_of(in, n_in);
    struct sv bytes = take_request(s, in, n_in, total);
    auto_err struct err *err = NULL;
    uint32_t n_written = 0;
    int rc;

    fuse_server_finish(s);
    sb_truncate(&s->reply, 0);
    fuse_iov_skip(&call.in, &call.n_in, FUSE_WRITE_HEAD_LEN);
    fuse_iov_skip(&call.out, &call.n_out, REPLY_HEAD_LEN);
    call.out_len = total_of(call.out, call.n_out);
    *out_ok = true;
    if (fuse_decode(&call.req, bytes, total, &err))
        rc = run(&call);
    else
        rc = err_kind(err) == ERR_UNSUPPORTED ? -ENOSYS : -EINVAL;
    if (err && err_kind(err) == ERR_PROTOCOL)
        *out_ok = false;
    else
        n_written = answer(&call, out, n_out, rc);
    free(in_copy);
    free(out_copy);
    return n_written;
}
