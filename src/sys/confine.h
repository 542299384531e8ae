/*
 * Steps by which a program confines itself for the rest of its life, to be taken after
 * userns_enter() and before it reads the first byte of a stranger.
 */
#ifndef SYS_CONFINE_H
#define SYS_CONFINE_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/syscall.h>

#include "base/err.h"

/* In a mount namespace of which this process is the master: the root becomes an empty, read-only
 * file system. What descriptors lead to stays. */
bool confine_to_empty_root(struct err **errp) MUST_USE;
/* Drops all capabilities for good and forbids new privileges. */
bool confine_rights(struct err **errp) MUST_USE;

enum syscall_check {
    SYSCALL_ANY,
    SYSCALL_UNIX_ONLY, /* the first argument is AF_UNIX */
    SYSCALL_NO_EXEC,   /* the third argument has no PROT_EXEC */
};

struct syscall_rule {
    int number;
    enum syscall_check check;
};

/* Since Linux 6.6, with one number everywhere; older headers lack it. */
#define NR_FCHMODAT2 452

/* For the tables of our own programs: what each needs, whatever it does. */
/* clang-format off */
#define SYSCALL_RULES_ALWAYS                                               \
    { __NR_mmap, SYSCALL_NO_EXEC }, { __NR_mprotect, SYSCALL_NO_EXEC },    \
    { __NR_munmap, SYSCALL_ANY }, { __NR_mremap, SYSCALL_ANY },            \
    { __NR_madvise, SYSCALL_ANY }, { __NR_brk, SYSCALL_ANY },              \
    { __NR_futex, SYSCALL_ANY }, { __NR_clock_gettime, SYSCALL_ANY },      \
    { __NR_getrandom, SYSCALL_ANY }, { __NR_getpid, SYSCALL_ANY },         \
    { __NR_gettid, SYSCALL_ANY }, { __NR_tgkill, SYSCALL_ANY },            \
    { __NR_rt_sigaction, SYSCALL_ANY }, { __NR_rt_sigprocmask, SYSCALL_ANY }, \
    { __NR_rt_sigreturn, SYSCALL_ANY }, { __NR_restart_syscall, SYSCALL_ANY }, \
    { __NR_sigaltstack, SYSCALL_ANY }, /* sanitizers, in the end */        \
    { __NR_exit, SYSCALL_ANY }, { __NR_exit_group, SYSCALL_ANY }
/* clang-format on */

/* Most instructions that a table may need: five for a rule and some. */
#define SYSCALL_FILTER_MAX 640

/* A filter that lets pass what the table has. Other calls fail with EPERM; calls of a foreign
 * architecture kill the process. Returns the number of instructions. Pure. */
size_t syscall_filter_allow(const struct syscall_rule *rules, size_t n,
                            struct sock_filter out[SYSCALL_FILTER_MAX]);
/* The reverse: what the table has fails with EPERM, whatever its checks. For programs that are not
 * ours, which nobody can list the calls of. */
size_t syscall_filter_deny(const struct syscall_rule *rules, size_t n,
                           struct sock_filter out[SYSCALL_FILTER_MAX]);
/* For all threads, for ever. Needs confine_rights(). The program is borrowed for the call. */
bool confine_calls(struct sock_filter *program, size_t n, struct err **errp) MUST_USE;

#endif
