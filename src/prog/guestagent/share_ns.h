/*
 * A mount namespace of the guest agent's own. At first there is nothing in it but an empty file
 * system, which only root may look into. A file in the guest holds it (mount_namespaces(7)),
 * whichever process made it.
 *
 * Not for programs with threads: the process goes there and comes back, and is in the root
 * directory then.
 */
#ifndef PROG_GUESTAGENT_SHARE_NS_H
#define PROG_GUESTAGENT_SHARE_NS_H

#include <stdbool.h>

#include "base/auto.h"
#include "base/err.h"

/* Of the guest; what only the guest agent needs is below it. */
#define SHARE_PRIVATE_DIR "/run/lima-mounts"

/* A descriptor of the namespace; -1: there is none. */
int share_ns_find(void);
/* Makes it, and the file that holds it. */
bool share_ns_make(int *out_fd, struct err **errp) MUST_USE;

struct share_visit {
    int home_fd;    /* the namespace of the guest */
    int process_fd; /* the process's directory in /proc, also where there is no /proc */
};
#define SHARE_VISIT_NONE ((struct share_visit){ -1, -1 })
void share_visit_done(struct share_visit *v);
#define auto_share_visit AUTO_CALL(share_visit_done)

/* Takes the process there. Nothing happens when ns_fd is -1. */
bool share_ns_go(int ns_fd, struct share_visit *v, struct err **errp) MUST_USE;
/* And back, if it went. If that fails the process ends. */
void share_ns_come_back(const struct share_visit *v);

#endif
