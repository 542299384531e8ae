/*
 * Shared by the sources of this folder.
 */
#ifndef SVC_CIDATA_CIDATA_PRIV_H
#define SVC_CIDATA_CIDATA_PRIV_H

#include "base/sb.h"
#include "svc/cidata/cidata.h"

/* Where the per-boot hook lies in guests with cloud-init, and where it mounts the seed. */
#define CIDATA_HOOK_PATH "/var/lib/cloud/scripts/per-boot/00-lima.boot.sh"

/* Scripts and helpers of data/cidata, embedded at build time; ends with a path of NULL. */
struct cidata_embedded {
    const char *path;
    const unsigned char *data;
    size_t size;
};
extern const struct cidata_embedded cidata_embedded[];

/* user-data and network-config (user_data.c). */
void cidata_put_user_data(struct sb *out, const struct cidata_input *in, bool with_hook);
void cidata_put_network_config(struct sb *out, const struct cidata_input *in);

#endif
