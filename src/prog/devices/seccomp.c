#include "prog/devices/seccomp.h"

#include <assert.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define OUR_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OUR_ARCH AUDIT_ARCH_AARCH64
#else
#error "name the audit architecture of this processor"
#endif

/* Since Linux 6.6, with one number everywhere; older headers lack it. */
#define NR_FCHMODAT2 452
/* Numbers of the x32 ABI, which shares the architecture of x86_64. */
#define X32_BIT 0x40000000

enum check {
    ANY,
    UNIX_ONLY, /* the first argument is AF_UNIX */
    NO_EXEC,   /* the third argument has no PROT_EXEC */
};

static const struct {
    int number;
    enum check check;
} allowed[] = {
    /* the loop */
#ifdef __NR_epoll_wait
    { __NR_epoll_wait, ANY },
#endif
    { __NR_epoll_pwait, ANY },
    { __NR_epoll_ctl, ANY },
    /* streams and queues */
    { __NR_recvmsg, ANY },
    { __NR_sendmsg, ANY },
    { __NR_recvfrom, ANY },
    { __NR_sendto, ANY },
    { __NR_read, ANY },
    { __NR_write, ANY },
    { __NR_shutdown, ANY },
    { __NR_setsockopt, ANY },
    { __NR_getsockopt, ANY },
    { __NR_accept4, ANY },
    { __NR_socketpair, UNIX_ONLY },
    { __NR_close, ANY },
    { __NR_fcntl, ANY },
    { __NR_fstat, ANY },
    { __NR_newfstatat, ANY }, /* fstat() of the C library */
    /* files: the root is empty, so they reach nothing but what descriptors of exports lead to */
    { __NR_openat2, ANY },
    { __NR_statx, ANY },
    { __NR_fstatfs, ANY },
    { __NR_getdents64, ANY },
    { __NR_readlinkat, ANY },
    { __NR_lseek, ANY },
    { __NR_preadv, ANY },
    { __NR_pwritev, ANY },
    { __NR_pwritev2, ANY },
    { __NR_copy_file_range, ANY },
    { __NR_ftruncate, ANY },
    { __NR_fallocate, ANY },
    { __NR_fsync, ANY },
    { __NR_fdatasync, ANY },
    { __NR_syncfs, ANY },
    { __NR_mknodat, ANY },
    { __NR_mkdirat, ANY },
    { __NR_symlinkat, ANY },
    { __NR_linkat, ANY },
    { __NR_unlinkat, ANY },
#ifdef __NR_renameat
    { __NR_renameat, ANY }, /* renameat2() of the C library without flags */
#endif
    { __NR_renameat2, ANY },
    { __NR_fchmod, ANY },
    { __NR_fchmodat, ANY },
    { NR_FCHMODAT2, ANY },
    { __NR_fchown, ANY },
    { __NR_fchownat, ANY },
    { __NR_utimensat, ANY },
    { __NR_fchdir, ANY },
    { __NR_fsetxattr, ANY },
    { __NR_lsetxattr, ANY },
    { __NR_fgetxattr, ANY },
    { __NR_lgetxattr, ANY },
    { __NR_flistxattr, ANY },
    { __NR_llistxattr, ANY },
    { __NR_fremovexattr, ANY },
    { __NR_lremovexattr, ANY },
    /* memory */
    { __NR_mmap, NO_EXEC },
    { __NR_mprotect, NO_EXEC },
    { __NR_munmap, ANY },
    { __NR_mremap, ANY },
    { __NR_madvise, ANY },
    { __NR_brk, ANY },
    /* the C library, and ending */
    { __NR_futex, ANY },
    { __NR_clock_gettime, ANY },
    { __NR_getrandom, ANY },
    { __NR_writev, ANY },
    { __NR_geteuid, ANY },
    { __NR_getegid, ANY },
    { __NR_getpid, ANY },
    { __NR_gettid, ANY },
    { __NR_tgkill, ANY },
    { __NR_rt_sigaction, ANY },
    { __NR_rt_sigprocmask, ANY },
    { __NR_rt_sigreturn, ANY },
    { __NR_sigaltstack, ANY }, /* sanitizers, when a process ends */
    { __NR_restart_syscall, ANY },
    { __NR_exit, ANY },
    { __NR_exit_group, ANY },
};

#define LOAD(member) \
    ((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, member)))
/* A test of the loaded word, and how many instructions to skip in either case. */
#define TEST(op, k, if_true, if_false) \
    ((struct sock_filter)BPF_JUMP(BPF_JMP | (op) | BPF_K, (k), (if_true), (if_false)))
#define RETURN(k) ((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, (k)))
#define REFUSE RETURN(SECCOMP_RET_ERRNO | EPERM)

size_t seccomp_build(struct sock_filter out[SECCOMP_PROGRAM_MAX])
{
    static_assert(COUNT(allowed) * 5 + 8 <= SECCOMP_PROGRAM_MAX, "room for the program");
    size_t n = 0;

    out[n++] = LOAD(arch);
    out[n++] = TEST(BPF_JEQ, OUR_ARCH, 1, 0);
    out[n++] = RETURN(SECCOMP_RET_KILL_PROCESS);
    out[n++] = LOAD(nr);
    out[n++] = TEST(BPF_JGE, X32_BIT, 0, 1);
    out[n++] = RETURN(SECCOMP_RET_KILL_PROCESS);
    for (size_t i = 0; i < COUNT(allowed); i++) {
        unsigned number = (unsigned)allowed[i].number;

        if (allowed[i].check == ANY) {
            out[n++] = TEST(BPF_JEQ, number, 0, 1);
            out[n++] = RETURN(SECCOMP_RET_ALLOW);
            continue;
        }
        /* The low word of the argument is enough: the kernel takes an int or flags. */
        out[n++] = TEST(BPF_JEQ, number, 0, 4);
        out[n++] = allowed[i].check == UNIX_ONLY ? LOAD(args[0]) : LOAD(args[2]);
        out[n++] = allowed[i].check == UNIX_ONLY ? TEST(BPF_JEQ, AF_UNIX, 0, 1)
                                                 : TEST(BPF_JSET, PROT_EXEC, 1, 0);
        out[n++] = RETURN(SECCOMP_RET_ALLOW);
        out[n++] = REFUSE;
    }
    out[n++] = REFUSE;
    return n;
}

bool seccomp_enter(struct err **errp)
{
    struct sock_filter program[SECCOMP_PROGRAM_MAX];
    struct sock_fprog filter = { .len = (unsigned short)seccomp_build(program), .filter = program };

    if (syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &filter) != 0)
        return err_set_os(errp, errno, "cannot install the system call filter");
    return true;
}
