/*
 * Instance directories: names, limits, creation (reference: config sections 14.2 to 14.4).
 */
#ifndef MODEL_STORE_INST_DIR_H
#define MODEL_STORE_INST_DIR_H

#include "model/store/store.h"

/* An identifier (model/config/identifier.h) that does not end like a YAML file. */
bool inst_name_check(const char *name, struct err **errp) MUST_USE;
bool inst_name_is_valid(const char *name);
/* "lima-" and the name with dots and underscores replaced. Owned. */
char *inst_hostname(const char *name);

char *inst_dir(const struct store *store, const char *name);                         /* owned */
char *inst_path(const struct store *store, const char *name, const char *file_name); /* owned */
/* Is there a directory of that name with a lima.yaml? */
bool inst_exists(const struct store *store, const char *name);
/* Names of all instance directories in byte order. A home that does not exist has none. */
bool inst_list(const struct store *store, struct strv *out, struct err **errp) MUST_USE;

/* Would the sockets of this instance have paths that the system can bind? */
bool inst_dir_check_length(const struct store *store, const char *name, struct err **errp) MUST_USE;
/* Creates the directory (0700) with lima.yaml and lima-version, all or nothing. ERR_EXISTS. */
bool inst_dir_create(const struct store *store, const char *name, struct sv yaml,
                     struct err **errp) MUST_USE;
/* Has it ever been started? */
bool inst_dir_was_used(const char *dir);
/* Content of lima-version, "" when it has none. Owned. */
char *inst_dir_version(const char *dir);
/* The same for an instance that has been used, else NULL: see struct config_input. Owned. */
char *inst_dir_creator(const char *dir);
bool inst_dir_is_protected(const char *dir);

#endif
