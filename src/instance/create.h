/*
 * Creates an instance from the text of its configuration.
 */
#ifndef INSTANCE_CREATE_H
#define INSTANCE_CREATE_H

#include <stdbool.h>

#include "base/err.h"
#include "model/store/store.h"
#include "svc/fetch/progress.h"

/* The name is free and valid, and its sockets will have paths that fit. */
bool create_check_name(const struct store *store, const char *name, struct err **errp) MUST_USE;
/* Loads and checks yaml as the configuration of the instance that name will be. path: where the text
 * came from, for messages. ERR_INVALID is about the text. Warnings go to progress. */
bool create_check_config(const struct store *store, const char *name, const char *path, struct sv yaml,
                         struct progress *progress, struct err **errp) MUST_USE;
/* Makes the directory, all or nothing, after both checks. */
bool create_instance(const struct store *store, const char *name, const char *path, struct sv yaml,
                     struct progress *progress, struct err **errp) MUST_USE;

#endif
