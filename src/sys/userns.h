/*
 * User namespaces, for programs that confine themselves without being root.
 */
#ifndef SYS_USERNS_H
#define SYS_USERNS_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

/* Enters a new user namespace, in which only the own ids exist, with their own numbers, and new
 * namespaces of the kinds in more (CLONE_NEW...). The process has all capabilities there and must
 * have one thread only. Where this is forbidden the error has a hint. */
bool userns_enter(int more, struct err **errp) MUST_USE;
/* The same with other numbers for the own ids: what is this user's outside belongs to them inside. */
bool userns_enter_as(uid_t inner_uid, gid_t inner_gid, int more, struct err **errp) MUST_USE;

#endif
