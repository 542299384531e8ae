/*
 * The command line of QEMU as a pure function: struct qemu_machine in, words out. input.h fills the
 * struct from an instance; tests/golden/argv fills it from a file.
 *
 * Descriptors that the process inherits have fixed numbers (QEMU_FD_*). An option of which QEMU
 * uses only one, when the user has put it into QEMU_SYSTEM_ARCH, is left out of ours.
 */
#ifndef DRIVER_QEMU_ARGV_H
#define DRIVER_QEMU_ARGV_H

#include <stdint.h>

#include "base/strv.h"
#include "driver/driver_type.h"
#include "driver/qemu/accel.h"
#include "driver/qemu/arch.h"
#include "driver/qemu/features.h"
#include "driver/qemu/firmware.h"

enum {
    QEMU_FD_QMP = 3,     /* listening, on DIR/qmp.sock */
    QEMU_FD_DEVICES = 4, /* connected to `devices`: streams */
    QEMU_FD_AGENT = 5,   /* listening, on DIR/ga.sock */
    QEMU_FD_FILES = 6,   /* connected to `devices`: files */
    QEMU_FD_BLOCK = 16,  /* the first of the block devices of the host */
};

/* Hot plug needs a port each. */
enum { QEMU_SPARE_ROOT_PORTS = 4 };

/* How a medium is attached. */
enum qemu_seed {
    QEMU_SEED_NONE,
    QEMU_SEED_CD,   /* for cloud-init, as Lima does */
    QEMU_SEED_DISK, /* for our own init, which has no driver for CDs */
};

struct qemu_disk {
    char *path;
    char *format; /* as QEMU spells it */
};

void qemu_disk_done(struct qemu_disk *disk);
#define auto_qemu_disk AUTO_CALL(qemu_disk_done)

/* A folder of the host that QEMU itself serves by 9p. */
struct qemu_share {
    char *path, *tag;
    const char *security_model; /* borrowed from the configuration */
    bool is_read_only;
};

/* A block device of the host. */
struct qemu_block {
    char *path, *serial;
    int fd; /* borrowed */
};

struct qemu_machine {
    const struct qemu_arch *arch;
    struct qemu_features features;
    enum qemu_accel accel;
    struct strv words; /* of struct qemu_exe */

    char *name; /* of the instance */
    char *dir;
    char *cpu; /* model and flags; NULL = the machine's own */
    unsigned n_cpus;
    uint64_t memory_mib;

    struct qemu_firmware firmware; /* no code = none; vars is the instance's own copy */
    bool has_kernel, has_initrd;   /* DIR/kernel, DIR/initrd */
    char *cmdline;                 /* of the kernel; NULL = none */

    struct qemu_disk disk;   /* the boot disk */
    bool has_iso;            /* DIR/iso is booted */
    enum qemu_seed seed;     /* DIR/cidata.iso */
    struct qemu_disk *disks; /* additional ones, n_disks */
    size_t n_disks;
    struct qemu_share *shares; /* n_shares */
    size_t n_shares;
    struct qemu_block *blocks; /* n_blocks */
    size_t n_blocks;

    char *mac;
    uint16_t ssh_port; /* 0 = none: it goes through vsock */
    enum driver_link_kind link;

    char *display;         /* value of -display */
    char *audio_device;    /* value of -audiodev up to the id; NULL = no sound */
    char *audio_interface; /* "hda" or "virtio" */
};

void qemu_argv_build(const struct qemu_machine *m, struct strv *out);
/* Has it a file system device? All mounts of the instance are on it, also those made later. */
bool qemu_machine_has_files(const struct qemu_machine *m);

/* Can the guest's memory be shared with `devices`? Not if the user's words set up the memory. */
bool qemu_can_share_memory(const struct qemu_arch *arch, const struct qemu_features *features,
                           const struct strv *words);
void qemu_machine_done(struct qemu_machine *m);
#define auto_qemu_machine AUTO_CALL(qemu_machine_done)

#endif
