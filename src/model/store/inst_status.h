/*
 * struct instance: what "limactl list" knows of an instance. Nothing is believed from a pid file
 * alone: processes are proven to live and the host agent must answer (reference: runtime section 6,
 * cli section 6.3).
 *
 *     auto_instance struct instance inst = { 0 };
 *
 *     if (!instance_inspect(&inst, &store, "default", errp))
 *         return false;
 */
#ifndef MODEL_STORE_INST_STATUS_H
#define MODEL_STORE_INST_STATUS_H

#include <sys/types.h>

#include "model/store/store.h"

enum inst_status {
    INST_UNKNOWN, /* lima.yaml cannot be used */
    INST_RUNNING,
    INST_STOPPED,
    INST_BROKEN,
    INST_STATUS_COUNT,
};
/* "" "Running" "Stopped" "Broken" */
extern const char *const inst_status_names[INST_STATUS_COUNT];

struct instance {
    char *name;
    char *hostname; /* "" when there is no lima.yaml */
    enum inst_status status;
    char *dir;
    bool has_config;
    struct instance_config config;    /* resolved, when has_config */
    char *message;                    /* expanded; NULL = none */
    uint16_t ssh_local_port;          /* 0 = unknown */
    char *ssh_address;                /* NULL = unknown */
    pid_t host_agent_pid, driver_pid; /* 0 = not running */
    struct strv errors;       /* it cannot be used as it is */
    struct strv agent_errors; /* it can, but its host agent reports what does not work */
    bool is_protected;
    char *lima_version;            /* content of the file, may be "" */
    char *auto_started_identifier; /* NULL = none */
};

/* ERR_NOT_FOUND when there is no directory or no lima.yaml in it: "open PATH: no such file or
 * directory". Everything else that is wrong is in out->errors. */
bool instance_inspect(struct instance *out, const struct store *store, const char *name,
                      struct err **errp) MUST_USE;
/* The same for a listing: a directory without lima.yaml is Broken, with its error. */
void instance_inspect_any(struct instance *out, const struct store *store, const char *name);
void instance_done(struct instance *inst);
#define auto_instance AUTO_CALL(instance_done)

/* The object of cli section 6.5 with all keys, empty objects kept. A new reference. */
json_t *instance_to_json(const struct instance *inst, const struct store *store);

#endif
