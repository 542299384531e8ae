/*
 * From text to a resolved configuration (reference: config sections 2, 3, 6, 8, 21, 22).
 *
 * An instance's lima.yaml lies between override.yaml (above) and default.yaml (below), which are
 * read once into a struct config_env:
 *
 *     struct config_env env;                 gathered once: model/store/store.h
 *     auto_config struct instance_config config = { 0 };
 *
 *     if (!config_load(&config, &env, &input, &warnings, errp) ||
 *         !config_check(&config, &env, errp))
 *         return false;
 *
 * Nothing here logs; warnings are collected for the program to print.
 */
#ifndef MODEL_CONFIG_CONFIG_H
#define MODEL_CONFIG_CONFIG_H

#include <jansson.h>

#include "base/log.h"
#include "base/sb.h"
#include "base/sv.h"
#include "model/config/host_facts.h"
#include "model/config/instance.h"
#include "model/config/networks_yaml.h"

/* A parsed file above or below lima.yaml. */
struct config_layer {
    char *path;
    struct yaml_doc *doc; /* NULL = there is no such file */
};

struct config_env {
    struct host_facts host;
    char *lima_home;
    struct config_layer defaults;  /* _config/default.yaml */
    struct config_layer overrides; /* _config/override.yaml */
    char *networks_path;
    char *networks_text; /* of networks.yaml, parsed when needed; NULL = there is no such file */
};

enum config_layer_kind { CONFIG_LAYER_DEFAULTS, CONFIG_LAYER_OVERRIDES };
/* Parses the text of default.yaml or override.yaml into env. */
bool config_env_add_layer(struct config_env *env, enum config_layer_kind kind, const char *path,
                          struct sv text, struct err **errp) MUST_USE;
void config_env_done(struct config_env *env);

/* What is to be loaded; all borrowed. */
struct config_input {
    const char *name; /* of the instance; may be one that does not exist yet */
    const char *dir;  /* its directory; need not exist */
    const char *path; /* of lima.yaml or the template, for messages */
    struct sv text;
    /* Version that created an instance which has run: content of lima-version, "" when it has none.
     * NULL = a new instance. */
    const char *version;
};

struct config_warning {
    char *text;
    char *comment, *error; /* fields of the log line; NULL = none */
};
/* The fields of the warning's log line, borrowed from it; returns how many there are. */
size_t config_warning_fields(const struct config_warning *warning, struct log_field out[2]);
struct config_warnings {
    struct config_warning *v;
    size_t n, cap;
};
void config_warnings_done(struct config_warnings *warnings);
#define auto_config_warnings AUTO_CALL(config_warnings_done)

/* Merges, fills in all defaults, expands templates, resolves the driver and what follows from it.
 * warnings may be NULL. ERR_INVALID names file, line, column and key. */
bool config_load(struct instance_config *out, const struct config_env *env,
                 const struct config_input *in, struct config_warnings *warnings,
                 struct err **errp) MUST_USE;
/* The same without the last step, as "--fill" prints it: vmType and mountType stay unset. */
bool config_fill(struct instance_config *out, const struct config_env *env,
                 const struct config_input *in, struct config_warnings *warnings,
                 struct err **errp) MUST_USE;

/* All checks of section 22 on a loaded configuration. The text of the error has one line for each
 * failure, in the order of that section. */
bool config_check(const struct instance_config *config, const struct config_env *env,
                  struct err **errp) MUST_USE;
/* What a person who creates or edits an instance should know; experimental settings and such. */
void config_check_warn(const struct instance_config *config, const struct config_env *env,
                       struct config_warnings *warnings);
/* Settings that this version accepts but does not carry out, and whose silent absence would
 * mislead: one line each, "networks[0].lima: ...". */
void config_unserved(const struct instance_config *config, struct strv *out);

/* As YAML, in the order and notation of Lima ("--fill"). */
void config_to_yaml(const struct instance_config *config, struct sb *out);
/* As JSON value ("list --json", "info"); a new reference. Empty objects are kept. */
json_t *config_to_json(const struct instance_config *config);

/* Is the version that created the instance (see config_input) older than major.minor.patch? */
bool config_version_is_older(const char *version, const char *than);
/* "lima-" and the name with dots and underscores replaced: the guest's host name. Owned. */
char *config_hostname(const char *instance_name);
/* ERR_INVALID: nothing may be mounted there in the guest: /etc, /proc/x, its home, ... The text
 * begins with field. */
bool config_check_mount_point(const struct instance_config *config, const char *field,
                              const char *mount_point, struct err **errp) MUST_USE;
/* 16 hex digits behind "lima-": tag of a 9p or virtiofs mount. Owned. */
char *config_mount_tag(const struct mount_config *mount);
/* What the guest mounts of an export of that name: it, or the file in it if location is one. Owned. */
char *config_mount_source(const char *export_name, const char *location);
/* MAC address of the primary interface. Owned. */
char *config_primary_mac(const struct host_facts *host, const char *instance_dir);
/* That of networks[index] when it has none of its own; yaml_path is DIR/lima.yaml. Owned. */
char *config_network_mac(const struct host_facts *host, const char *yaml_path, size_t index);

#endif
