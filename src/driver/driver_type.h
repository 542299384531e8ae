/*
 * Driver types: what a program may know of a virtual machine back end, and do for it, while no
 * virtual machine runs. limactl needs this half only; it is free of the event loop. driver.h is the
 * other half: a virtual machine on a loop, used by the host agent.
 *
 * A driver is a folder below driver/ and one word in the list in meson.build, from which the
 * registry is generated. It offers a const "struct driver_type NAME_driver_type" (here) and a const
 * "struct driver_ops NAME_driver_ops" (driver_ops.h). Nothing above driver/ names a driver; facts
 * and capability bits decide.
 *
 * Order of calls in limactl:
 *
 *     driver_type_find -> driver_type_probe -> driver_type_check_config -> (download of "image")
 *                      -> driver_type_create_disk -> (host agent starts)
 *     ...              -> driver_type_remove (the caller deletes the instance directory)
 */
#ifndef DRIVER_DRIVER_TYPE_H
#define DRIVER_DRIVER_TYPE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/log.h"
#include "base/strv.h"

struct field_table;
struct instance_config;

/* What a driver may or may not be able to do. */
enum driver_cap {
    DRIVER_CAP_ADOPT = 1u << 0,        /* driver_adopt(): the machine outlives the host agent */
    DRIVER_CAP_FOREIGN_ARCH = 1u << 1, /* runs guests of other architectures than the host's */
    DRIVER_CAP_DIRECT_BOOT = 1u << 2,  /* boots "kernel" and "initrd" of the instance directory */
    DRIVER_CAP_BLOCK_DEVICES = 1u << 3, /* attaches block devices of the host */
    DRIVER_CAP_HOT_DISK = 1u << 4,      /* driver_attach_disk() and its kin (hot_disk.h) */
    DRIVER_CAP_HOT_SHARE = 1u << 5,     /* driver_attach_share() and its kin (hot_share.h) */
};

/* How the host agent and the guest agent find each other. */
enum driver_link_kind {
    DRIVER_LINK_NONE,    /* no guest agent */
    DRIVER_LINK_DEVICES, /* path: devices.sock, served by the devices program (vsock) */
    DRIVER_LINK_SERIAL,  /* path: Unix socket that is the other end of the virtio-serial port */
    DRIVER_LINK_SSH,     /* path: where ssh forwards the agent's Unix socket to */
    DRIVER_LINK_COUNT,
};
extern const char *const driver_link_names[DRIVER_LINK_COUNT];

struct driver_facts {
    const char *const *mount_types;     /* NULL-terminated, the default first */
    const char *const *image_formats;   /* NULL-terminated: used without conversion */
    const enum driver_link_kind *links; /* n_links kinds, preferred first */
    size_t n_links;
    /* The default network as the guest sees it; NULL when the driver has none of its own. */
    const char *guest_address, *gateway_address, *dns_address;
    bool static_ssh_port; /* the driver decides the port of ssh, the host agent allocates none */
    bool skip_socket_forwarding; /* no forwards of Unix sockets */
    bool no_cloud_init;          /* the seed is a directory, not a medium */
};

/* Told about steps worth a line in the program's log. */
typedef void (*driver_note_fn)(void *arg, enum log_level level, const char *text);

/* An instance as drivers see it. Everything is borrowed. */
struct driver_instance {
    const struct instance_config *config; /* resolved: no defaults are missing */
    const char *name;
    const char *dir;        /* absolute */
    const char *cache_dir;  /* where verdicts about the host are remembered; NULL = nowhere */
    driver_note_fn on_note; /* may be NULL */
    void *note_arg;
};

/* One line of what a driver found on this host, for "limactl info" and "limactl doctor". */
enum driver_finding_level { DRIVER_FINDING_OK, DRIVER_FINDING_NOTE, DRIVER_FINDING_FAIL };

struct driver_finding {
    enum driver_finding_level level;
    char *key;    /* "accelerator" */
    char *value;  /* "tcg" */
    char *text;   /* why, one sentence; may be NULL */
    char *remedy; /* the one command or step that mends it; may be NULL */
};

struct driver_findings {
    struct driver_finding *v;
    size_t n, cap;
};
/* Adds a finding; text and remedy may be NULL. All strings are copied. */
void driver_findings_add(struct driver_findings *f, enum driver_finding_level level,
                         const char *key, const char *value, const char *text, const char *remedy);
void driver_findings_done(struct driver_findings *f);
#define auto_driver_findings AUTO_CALL(driver_findings_done)

struct driver_type {
    const char *name;     /* value of vmType */
    const char *pid_name; /* pid file in the instance directory; the machine keeps it locked */
    unsigned caps;        /* enum driver_cap */
    const struct driver_facts *facts;
    const struct field_table *options; /* keys below vmOpts.NAME; NULL = none */
    bool is_for_tests;    /* works when it is asked for, and is not offered */

    /* Can this host run it for guests of the architecture? NULL = always. */
    bool (*probe)(const char *arch, struct err **errp);
    /* Can it run this instance? Costly checks are allowed, their results are cached. */
    bool (*check_config)(const struct driver_instance *inst, struct err **errp);
    /* Makes "disk" (and "iso") of "image", and grows "disk" to the configured size. An existing
     * disk of the configured size is left alone. */
    bool (*create_disk)(const struct driver_instance *inst, struct err **errp);
    /* Removes what the driver made outside the instance directory. NULL = nothing. */
    bool (*remove)(const struct driver_instance *inst, struct err **errp);
    /* Reports what the driver needs of the host and what is there. NULL = nothing to say. */
    void (*examine)(const char *arch, const char *cache_dir, struct driver_findings *out);
};

/* All drivers of this build, in order of preference. */
extern const struct driver_type *const driver_types[];
extern const size_t n_driver_types;

/* Appends the names of the drivers that users are offered, in order of preference. */
void driver_type_names(struct strv *out);
/* ERR_NOT_FOUND; the hint names those that are offered. The result is static. */
const struct driver_type *driver_type_find(const char *name, struct err **errp);

bool driver_type_probe(const struct driver_type *type, const char *arch,
                       struct err **errp) MUST_USE;
bool driver_type_check_config(const struct driver_type *type, const struct driver_instance *inst,
                              struct err **errp) MUST_USE;
bool driver_type_create_disk(const struct driver_type *type, const struct driver_instance *inst,
                             struct err **errp) MUST_USE;
bool driver_type_remove(const struct driver_type *type, const struct driver_instance *inst,
                        struct err **errp) MUST_USE;
void driver_type_examine(const struct driver_type *type, const char *arch, const char *cache_dir,
                         struct driver_findings *out);
/* Is mount_type one of the driver's? */
bool driver_type_has_mount_type(const struct driver_type *type, const char *mount_type);

/* For drivers: one line to the program's log, if it wants them. */
void driver_note(const struct driver_instance *inst, enum log_level level, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

#endif
