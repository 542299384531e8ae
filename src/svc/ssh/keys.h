/*
 * The key pair that opens every instance: CONFIG_DIR/user and user.pub (ed25519, no passphrase),
 * made once on demand by ssh-keygen.
 */
#ifndef SVC_SSH_KEYS_H
#define SVC_SSH_KEYS_H

#include <stdbool.h>

#include "base/err.h"
#include "base/strv.h"

/* Makes config_dir (0700) and the pair when they are missing. Two programs doing so at once wait
 * for each other. */
bool ssh_keys_ensure(const char *config_dir, struct err **errp) MUST_USE;

/* Private keys for ssh, appended: ours, then with home given (not NULL) each ~/.ssh/X whose X.pub
 * exists too, in byte order. ERR_NOT_FOUND when ours is missing. */
bool ssh_keys_identities(const char *config_dir, const char *home, struct strv *out,
                         struct err **errp) MUST_USE;
/* Public keys for the guest, one line each, appended: ours, then with home given each ~/.ssh/X.pub.
 * Files that do not look like one key are left out. */
bool ssh_keys_public(const char *config_dir, const char *home, struct strv *out,
                     struct err **errp) MUST_USE;

#endif
