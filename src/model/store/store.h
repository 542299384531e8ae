/*
 * $LIMA_HOME, opened: where everything lies, and what all instances have in common (host facts,
 * default.yaml, override.yaml, networks.yaml). A program opens it once (reference: config section
 * 14.1).
 */
#ifndef MODEL_STORE_STORE_H
#define MODEL_STORE_STORE_H

#include "base/err.h"
#include "model/config/config.h"

struct store {
    char *home; /* absolute, links resolved; need not exist yet */
    struct config_env env;
};

/* Path of $LIMA_HOME, else ~/.lima; absolute, links resolved if it exists. Owned. */
bool store_home(char **out_home, struct err **errp) MUST_USE;
/* Reads what is there; a home that does not exist is an empty one. ERR_INVALID names the file. */
bool store_open(struct store *out, struct err **errp) MUST_USE;
void store_done(struct store *store);
#define auto_store AUTO_CALL(store_done)

/* Creates the home (0700) and _config below it where they are missing. */
bool store_make_home(const struct store *store, struct err **errp) MUST_USE;
char *store_path(const struct store *store, const char *name);        /* HOME/name, owned */
char *store_config_path(const struct store *store, const char *name); /* HOME/_config/name, owned */
/* $XDG_CACHE_HOME/lima, else ~/.cache/lima. Owned; need not exist. */
char *store_cache_dir(const struct store *store);

#endif
