/*
 * The system calls that `devices` may make once it runs: an allow-list, as a table in seccomp.c.
 * Other calls fail with EPERM; calls of a foreign architecture kill the process.
 */
#ifndef PROG_DEVICES_SECCOMP_H
#define PROG_DEVICES_SECCOMP_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "sys/confine.h"

/* Most instructions that the table may need. */
#define SECCOMP_PROGRAM_MAX SYSCALL_FILTER_MAX

/* The program of the filter; returns the number of instructions. Pure. */
size_t seccomp_build(struct sock_filter out[SECCOMP_PROGRAM_MAX]);
/* For all threads, for ever. Needs no_new_privs. */
bool seccomp_enter(struct err **errp) MUST_USE;

#endif
