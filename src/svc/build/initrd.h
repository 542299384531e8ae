/*
 * The initramfs of an instance: the archive of modules (build.h) followed by one with the guest agent as
 * /init. Archives may follow each other, so a new guest agent needs no new build.
 */
#ifndef SVC_BUILD_INITRD_H
#define SVC_BUILD_INITRD_H

#include <stdbool.h>

#include "base/err.h"

/* Replaces out_path atomically. modules_fd is read from its start. */
bool initrd_pack(int modules_fd, const char *agent_path, const char *out_path,
                 struct err **errp) MUST_USE;

/* Exchanges the guest agent in an initramfs made by initrd_pack(); writes nothing when it is the same
 * already. */
bool initrd_update(const char *path, const char *agent_path, struct err **errp) MUST_USE;

#endif
