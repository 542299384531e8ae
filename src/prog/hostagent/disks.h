/*
 * Disks of the running instance that come and go: block devices of the host, image files, and disks
 * below _disks. What there is, the driver tells; this is who may use what, and the locks of the
 * latter, which stay with the instance until it gives a disk back or ends (setup_unlock_disks()).
 *
 *     open -> ... -> stop -> the driver is closed -> close
 */
#ifndef PROG_HOSTAGENT_DISKS_H
#define PROG_HOSTAGENT_DISKS_H

#include "driver/hot_disk.h"
#include "model/config/instance.h"
#include "model/store/store.h"
#include "prog/hostagent/guest_ssh.h"

struct disks;
struct uv_loop_s;

struct disks_params {
    struct uv_loop_s *loop;
    struct driver *driver;
    const struct store *store; /* this and the following are borrowed */
    const struct instance_config *config;
    const char *dir; /* of the instance */
    struct guest_ssh ssh;
};

enum disk_kind { DISK_MANAGED, DISK_IMAGE, DISK_BLOCK_DEVICE, DISK_KIND_COUNT };
extern const char *const disk_kind_names[DISK_KIND_COUNT]; /* as the API has them */

/* A disk, for those who ask. Borrowed. */
struct disk_info {
    enum disk_kind kind;
    const char *name;   /* MANAGED; else NULL */
    const char *path;   /* links followed */
    const char *serial; /* the guest has it as /dev/disk/by-id/virtio-SERIAL */
    bool is_hot;
};

/* err is NULL on success, else borrowed; info is NULL then. */
typedef void (*disk_done_fn)(void *arg, const struct disk_info *info, const struct err *err);
typedef void (*disk_list_fn)(void *arg, const struct disk_info *disks, size_t n,
                             const struct err *err);

struct disks *disks_open(const struct disks_params *params);
/* The guest has booted: before, it may miss that a disk is to be taken away, and QEMU before 8.1
 * asks only once. Detaching is ERR_BUSY until then. */
void disks_guest_ready(struct disks *d);
/* Whoever waits is told ERR_CANCELED, now; nothing may be asked any more. NULL is allowed. */
void disks_stop(struct disks *d);
void disks_close(struct disks *d); /* NULL is allowed */

/* what is an absolute path or the name of a disk below _disks. on_done is called once, maybe at
 * once. Errors as of driver/hot_disk.h and block_device_open(); ERR_BUSY when another instance has
 * the disk. */
void disks_attach(struct disks *d, const char *what, disk_done_fn on_done, void *arg);
/* ERR_BUSY when the guest uses it, or cannot be asked; not when that is forced. */
void disks_detach(struct disks *d, const char *what, bool force, disk_done_fn on_done, void *arg);
void disks_list(struct disks *d, disk_list_fn on_list, void *arg);

#endif
