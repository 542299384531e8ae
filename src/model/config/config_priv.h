/*
 * The steps of config_fill() and config_load(), for the files of this folder.
 */
#ifndef MODEL_CONFIG_CONFIG_PRIV_H
#define MODEL_CONFIG_CONFIG_PRIV_H

#include "model/config/config.h"

/* One load under way; everything is borrowed. */
struct config_job {
    struct instance_config *config;
    const struct config_env *env;
    const struct config_input *in;
    struct config_warnings *warnings; /* may be NULL */
    const struct field_map *params;   /* those of lima.yaml alone: templates see no others */
};

void config_warn(struct config_warnings *warnings, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* With the fields "comment" and "error" of the log line; comment may be NULL. */
void config_warn_error(struct config_warnings *warnings, const char *comment, const char *error,
                       const char *fmt, ...) PRINTF_LIKE(4, 5);

/* defaults.c: what the tables cannot know. */
void config_default_guest(struct config_job *job);     /* os, arch, user; before any expansion */
void config_default_resources(struct config_job *job); /* cpus, memory, disk, images, ... */
void config_default_lists(struct config_job *job);     /* provision, probes, forwards, networks */
void config_apply_plain(struct config_job *job);       /* last */

/* combine.c: entries of equal key in stacked lists. */
void config_combine_mounts(struct config_job *job);
void config_combine_networks(struct config_job *job);

/* expand.c: templates (reference: config section 8). */
void config_expand_home(struct config_job *job);
void config_expand_mounts(struct config_job *job);
void config_expand_scripts(struct config_job *job);

/* param.c */
bool config_check_params_used(const struct instance_config *config, struct err **errp);

/* resolve.c: the driver, and what follows from it. */
bool config_resolve(struct config_job *job, struct err **errp) MUST_USE;

#endif
