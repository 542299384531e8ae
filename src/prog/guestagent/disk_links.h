/*
 * Names of disks that do not depend on the order in which they came, /dev/disk/by-id/virtio-SERIAL:
 * where udev does not make them (build:micro), the agent does.
 */
#ifndef PROG_GUESTAGENT_DISK_LINKS_H
#define PROG_GUESTAGENT_DISK_LINKS_H

#include "base/err.h"
#include "sys/evloop.h"

struct disk_links;

/* NULL where udev does it, or nothing tells of disks. */
struct disk_links *disk_links_new(struct evloop *loop);
void disk_links_free(struct disk_links *l); /* NULL is allowed */

/* Makes the links in dir agree with the disks of sys_dir (BLOCK_SYS_DIR): those that are missing or
 * lead elsewhere are made, those of disks that are gone removed. Other names are left alone. */
bool disk_links_sync(const char *sys_dir, const char *dir, struct err **errp) MUST_USE;

#endif
