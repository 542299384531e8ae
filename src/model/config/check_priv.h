/*
 * The parts of config_check(), one file per group of keys, called in the order of reference config
 * section 22. Each adds its messages; all are reported together.
 */
#ifndef MODEL_CONFIG_CHECK_PRIV_H
#define MODEL_CONFIG_CHECK_PRIV_H

#include "model/config/config.h"

struct checker {
    const struct instance_config *config;
    const struct config_env *env;
    struct strv messages;
};

void check_fail(struct checker *c, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* The text of err behind ": "; takes it. */
void check_fail_err(struct checker *c, struct err *take_err, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
/* Port check P of the reference: 1 to 65535, not 22. */
void check_port(struct checker *c, const char *field, int64_t port);
bool check_is_word(const char *text, const char *const *words);
void check_arch(struct checker *c, const char *arch);

void check_guest(struct checker *c);    /* check.c */
void check_images(struct checker *c);   /* check_files.c */
void check_archives(struct checker *c); /* check_files.c */
void check_mounts(struct checker *c);   /* check_mount.c */
void check_mount_type(struct checker *c);
/* False: nothing after it is to be checked. */
bool check_provision(struct checker *c); /* check_script.c */
void check_probes(struct checker *c);
void check_forwards(struct checker *c);     /* check_forward.c */
void check_copy_to_host(struct checker *c); /* check_forward.c */
void check_networks(struct checker *c);     /* check_network.c */

#endif
