#include "prog/exporter/serve.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "prog/exporter/export.h"
#include "prog/exporter/server_root.h"
#include "svc/sftp/server.h"
#include "sys/confine.h"
#include "sys/proc.h"
#include "sys/userns.h"

enum { NAMESPACES = CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC };

/* Of our own server. */
static const struct syscall_rule allowed[] = {
    { __NR_read, SYSCALL_ANY },
    { __NR_write, SYSCALL_ANY },
    { __NR_writev, SYSCALL_ANY },
    { __NR_close, SYSCALL_ANY },
    { __NR_fcntl, SYSCALL_ANY },
    { __NR_fstat, SYSCALL_ANY },
    { __NR_newfstatat, SYSCALL_ANY },
    /* files: the root is empty, so they reach nothing but the folder */
    { __NR_openat2, SYSCALL_ANY },
    { __NR_fstatfs, SYSCALL_ANY },
    { __NR_getdents64, SYSCALL_ANY },
    { __NR_lseek, SYSCALL_ANY },
    { __NR_readlinkat, SYSCALL_ANY },
    { __NR_pread64, SYSCALL_ANY },
    { __NR_pwrite64, SYSCALL_ANY },
    { __NR_ftruncate, SYSCALL_ANY },
    { __NR_fsync, SYSCALL_ANY },
    { __NR_mkdirat, SYSCALL_ANY },
    { __NR_symlinkat, SYSCALL_ANY },
    { __NR_linkat, SYSCALL_ANY },
    { __NR_unlinkat, SYSCALL_ANY },
#ifdef __NR_renameat
    { __NR_renameat, SYSCALL_ANY },
#endif
    { __NR_renameat2, SYSCALL_ANY },
    { __NR_fchmod, SYSCALL_ANY },
    { __NR_fchmodat, SYSCALL_ANY },
    { NR_FCHMODAT2, SYSCALL_ANY },
    { __NR_fchownat, SYSCALL_ANY },
    { __NR_utimensat, SYSCALL_ANY },
    SYSCALL_RULES_ALWAYS,
};

/* What OpenSSH's server has no use for, and others could be harmed with. */
static const struct syscall_rule denied[] = {
    { __NR_socket, SYSCALL_ANY },
    { __NR_socketpair, SYSCALL_ANY },
    { __NR_kill, SYSCALL_ANY },
    { __NR_tkill, SYSCALL_ANY },
    { __NR_pidfd_open, SYSCALL_ANY },
    { __NR_pidfd_send_signal, SYSCALL_ANY },
    { __NR_pidfd_getfd, SYSCALL_ANY },
    { __NR_rt_sigqueueinfo, SYSCALL_ANY },
    { __NR_rt_tgsigqueueinfo, SYSCALL_ANY },
    { __NR_setpriority, SYSCALL_ANY },
    { __NR_ptrace, SYSCALL_ANY },
    { __NR_process_vm_readv, SYSCALL_ANY },
    { __NR_process_vm_writev, SYSCALL_ANY },
    { __NR_prlimit64, SYSCALL_ANY },
    { __NR_unshare, SYSCALL_ANY },
    { __NR_setns, SYSCALL_ANY },
    { __NR_mount, SYSCALL_ANY },
    { __NR_umount2, SYSCALL_ANY },
    { __NR_fsopen, SYSCALL_ANY },
    { __NR_open_tree, SYSCALL_ANY },
    { __NR_move_mount, SYSCALL_ANY },
    { __NR_pivot_root, SYSCALL_ANY },
    { __NR_chroot, SYSCALL_ANY },
    { __NR_bpf, SYSCALL_ANY },
    { __NR_perf_event_open, SYSCALL_ANY },
    { __NR_userfaultfd, SYSCALL_ANY },
    { __NR_io_uring_setup, SYSCALL_ANY },
    { __NR_keyctl, SYSCALL_ANY },
    { __NR_add_key, SYSCALL_ANY },
    { __NR_request_key, SYSCALL_ANY },
};

static bool serve_ourselves(const struct exporter_options *o, int folder_fd, struct err **errp)
{
    struct sock_filter program[SYSCALL_FILTER_MAX];
    struct sftp_server *s;
    bool ok;

    if (!confine_to_empty_root(errp) || !confine_rights(errp) ||
        !confine_calls(program, syscall_filter_allow(allowed, COUNT(allowed), program), errp))
        return false;
    s = sftp_server_new(&(struct sftp_server_options){
        .root_fd = folder_fd, .location = o->path, .follow_links = o->follow_links });
    ok = sftp_session(s, STDIN_FILENO, STDOUT_FILENO, errp);
    sftp_server_free(s);
    return ok;
}

/* The directory that the server starts in has signs to be filled in there; a percent sign is not
 * one. */
static char *escape(const char *path)
{
    auto_sb struct sb out = { 0 };

    for (; *path; path++) {
        sb_putc(&out, *path);
        if (*path == '%')
            sb_putc(&out, '%');
    }
    return sb_steal(&out);
}

static bool become_server(const struct exporter_options *o, int folder_fd, struct err **errp)
{
    auto_mem char *dir = escape(o->path);
    struct sock_filter program[SYSCALL_FILTER_MAX];
    auto_cmd struct cmd cmd = { .flags = CMD_CLEAR_ENV };

    strv_push_list(&cmd.argv, o->server, "-e", "-d", dir, NULL);
    if (o->read_only)
        strv_push(&cmd.argv, "-R");
    return server_root_enter(o->path, folder_fd, o->server, errp) && confine_rights(errp) &&
           confine_calls(program, syscall_filter_deny(denied, COUNT(denied), program), errp) &&
           cmd_exec(&cmd, errp);
}

static void raise_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

bool serve_folder(const struct exporter_options *o, struct err **errp)
{
    const uid_t uid = o->id ? o->id : geteuid();
    const gid_t gid = o->id ? o->id : getegid();
    auto_fd int folder_fd = -1;

    (void)signal(SIGPIPE, o->server ? SIG_DFL : SIG_IGN);
    (void)umask(0); /* the guest's kernel applies that of the program there */
    raise_limit();
    if (!userns_enter_as(uid, gid, NAMESPACES, errp) ||
        !export_folder(o->path, o->read_only, &folder_fd, errp))
        return false;
    return o->server ? become_server(o, folder_fd, errp) : serve_ourselves(o, folder_fd, errp);
}
