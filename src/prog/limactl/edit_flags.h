/*
 * Options that change a configuration (reference: cli section 4.3): --cpus, --mount, --set, ... Each
 * yields one expression; they are joined in the order of the reference, not of the command line.
 */
#ifndef PROG_LIMACTL_EDIT_FLAGS_H
#define PROG_LIMACTL_EDIT_FLAGS_H

#include "prog/limactl/args.h"

/* On create, start, edit, clone, rename, restart. */
struct edit_opts {
    struct arg_int cpus;
    struct arg_list dns;
    struct arg_float memory;
    struct arg_list mount, mount_only;
    struct arg_bool mount_none;
    struct arg_str mount_type, vm_type;
    struct arg_bool mount_inotify, mount_writable;
    struct arg_list network, block_device;
    struct arg_bool nested_virt, rosetta;
    struct arg_list set, param;
    struct arg_bool video;
    struct arg_u16 ssh_port;
    struct arg_float disk;
    struct arg_str shell;
};
#define N_EDIT_OPTS 20
extern const struct opt edit_opt_rows[N_EDIT_OPTS];

/* On create and start only. */
struct create_opts {
    struct arg_str name;
    struct arg_bool list_templates, list_drivers;
    struct arg_str audio_device, audio_interface, image_variant, arch, containerd;
    struct arg_bool plain;
    struct arg_list port_forward;
};
#define N_CREATE_OPTS 10
extern const struct opt create_opt_rows[N_CREATE_OPTS];

struct edit_context {
    const char *cwd, *home;    /* for relative and "~" paths of --mount */
    const struct strv *params; /* names that the template defines; NULL = none */
    const char *existing;      /* name of the existing instance; options for new ones are ignored */
};

/* Is any option given? */
bool edit_flags_given(const struct edit_opts *edit);

/* The expression, "" when no option was given; owned. create may be NULL. Warnings go to the log. */
bool edit_flags_expression(const struct edit_opts *edit, const struct create_opts *create,
                           const struct edit_context *context, char **out,
                           struct err **errp) MUST_USE;

#endif
