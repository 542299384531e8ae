/*
 * Steps by which a program confines itself for the rest of its life, to be taken after
 * userns_enter() and before it reads the first byte of a stranger.
 */
#ifndef SYS_CONFINE_H
#define SYS_CONFINE_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>

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
