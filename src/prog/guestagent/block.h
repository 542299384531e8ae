/*
 * Block devices by what is on them. A device is looked for once among those that exist and again at
 * each uevent of the kernel, until a deadline; nothing is polled.
 *
 * What identifies a device: "/dev/NAME", "LABEL=x", "UUID=x" (ext2, ext3, ext4, or the label of an
 * ISO 9660 image), or "SERIAL=x" (the serial of a virtio-blk disk).
 */
#ifndef PROG_GUESTAGENT_BLOCK_H
#define PROG_GUESTAGENT_BLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/sv.h"

enum { BLOCK_HEAD_SIZE = 34 * 1024 }; /* as much of a device as is looked at */

enum block_kind { BLOCK_UNKNOWN, BLOCK_EXT, BLOCK_ISO };

struct block_head {
    enum block_kind kind;
    char label[33];  /* "" when it has none */
    char uuid[37];   /* lower case; "" when it has none */
    bool has_errors; /* ext: the kernel noted an inconsistency */
};

/* Reads the beginning of a device. Pure. */
void block_parse(struct sv head, struct block_head *out);
/* Does a spec other than SERIAL= and /dev/ mean a device with this beginning? Pure. */
bool block_matches(const struct block_head *head, const char *spec);

/* The device of the first spec that exists; specs end with NULL, *out_path is owned. ERR_TIMEOUT
 * when none appears within timeout_ms; ERR_UNSUPPORTED for a spec that is none of the above. */
bool block_wait(const char *const *specs, int timeout_ms, char **out_path,
                struct err **errp) MUST_USE;

/* Where the kernel tells of block devices; a test has another folder. */
#define BLOCK_SYS_DIR "/sys/class/block"
/* The serial of a virtio-blk disk, owned; NULL = none. */
char *block_serial(const char *sys_dir, const char *name);
/* A non-blocking descriptor that is readable when devices have come or gone; -1 = there is none.
 * What it has to say is dropped: who wants to know looks at what there is. */
int block_open_uevents(void);
void block_drop_uevents(int fd);

/* Is the ext file system on this device marked as faulty? */
bool block_has_errors(const char *path);

#endif
