#include "prog/devices/seccomp.h"

#include <assert.h>
#include <sys/syscall.h>

#include "sys/confine.h"

static const struct syscall_rule allowed[] = {
/* the loop */
#ifdef __NR_epoll_wait
    { __NR_epoll_wait, SYSCALL_ANY },
#endif
    { __NR_epoll_pwait, SYSCALL_ANY },
    { __NR_epoll_ctl, SYSCALL_ANY },
    /* streams and queues */
    { __NR_recvmsg, SYSCALL_ANY },
    { __NR_sendmsg, SYSCALL_ANY },
    { __NR_recvfrom, SYSCALL_ANY },
    { __NR_sendto, SYSCALL_ANY },
    { __NR_read, SYSCALL_ANY },
    { __NR_write, SYSCALL_ANY },
    { __NR_shutdown, SYSCALL_ANY },
    { __NR_setsockopt, SYSCALL_ANY },
    { __NR_getsockopt, SYSCALL_ANY },
    { __NR_accept4, SYSCALL_ANY },
    { __NR_socketpair, SYSCALL_UNIX_ONLY },
    { __NR_close, SYSCALL_ANY },
    { __NR_fcntl, SYSCALL_ANY },
    { __NR_fstat, SYSCALL_ANY },
    { __NR_newfstatat, SYSCALL_ANY }, /* fstat() of the C library */
    /* files: the root is empty, so they reach nothing but what descriptors of exports lead to */
    { __NR_openat2, SYSCALL_ANY },
    { __NR_statx, SYSCALL_ANY },
    { __NR_fstatfs, SYSCALL_ANY },
    { __NR_getdents64, SYSCALL_ANY },
    { __NR_readlinkat, SYSCALL_ANY },
    { __NR_lseek, SYSCALL_ANY },
    { __NR_preadv, SYSCALL_ANY },
    { __NR_pwritev, SYSCALL_ANY },
    { __NR_pwritev2, SYSCALL_ANY },
    { __NR_copy_file_range, SYSCALL_ANY },
    { __NR_ftruncate, SYSCALL_ANY },
    { __NR_fallocate, SYSCALL_ANY },
    { __NR_fsync, SYSCALL_ANY },
    { __NR_fdatasync, SYSCALL_ANY },
    { __NR_syncfs, SYSCALL_ANY },
    { __NR_mknodat, SYSCALL_ANY },
    { __NR_mkdirat, SYSCALL_ANY },
    { __NR_symlinkat, SYSCALL_ANY },
    { __NR_linkat, SYSCALL_ANY },
    { __NR_unlinkat, SYSCALL_ANY },
#ifdef __NR_renameat
    { __NR_renameat, SYSCALL_ANY }, /* renameat2() of the C library without flags */
#endif
    { __NR_renameat2, SYSCALL_ANY },
    { __NR_fchmod, SYSCALL_ANY },
    { __NR_fchmodat, SYSCALL_ANY },
    { NR_FCHMODAT2, SYSCALL_ANY },
    { __NR_fchown, SYSCALL_ANY },
    { __NR_fchownat, SYSCALL_ANY },
    { __NR_utimensat, SYSCALL_ANY },
    { __NR_fanotify_mark, SYSCALL_ANY },
    { __NR_name_to_handle_at, SYSCALL_ANY },
    { __NR_fchdir, SYSCALL_ANY },
    { __NR_fsetxattr, SYSCALL_ANY },
    { __NR_lsetxattr, SYSCALL_ANY },
    { __NR_fgetxattr, SYSCALL_ANY },
    { __NR_lgetxattr, SYSCALL_ANY },
    { __NR_flistxattr, SYSCALL_ANY },
    { __NR_llistxattr, SYSCALL_ANY },
    { __NR_fremovexattr, SYSCALL_ANY },
    { __NR_lremovexattr, SYSCALL_ANY },
    { __NR_writev, SYSCALL_ANY },
    { __NR_sched_yield, SYSCALL_ANY },
    { __NR_geteuid, SYSCALL_ANY },
    { __NR_getegid, SYSCALL_ANY },
    SYSCALL_RULES_ALWAYS,
};

size_t seccomp_build(struct sock_filter out[SECCOMP_PROGRAM_MAX])
{
    static_assert(COUNT(allowed) * 5 + 8 <= SECCOMP_PROGRAM_MAX, "room for the program");

    return syscall_filter_allow(allowed, COUNT(allowed), out);
}

bool seccomp_enter(struct err **errp)
{
    struct sock_filter program[SECCOMP_PROGRAM_MAX];

    return confine_calls(program, seccomp_build(program), errp);
}
