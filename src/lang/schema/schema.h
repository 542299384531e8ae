/*
 * The engine behind the field tables of field.h: YAML tree to struct, defaults, merging, and back
 * to YAML or JSON. "object" is always the struct that the table describes; a zeroed one is empty.
 *
 *     struct mount_config mount = { 0 };
 *
 *     if (!schema_load(&mount_config_table, &mount, node, &unknown, errp))
 *         ...
 *     schema_fill(&mount_config_table, &mount);
 *     schema_done(&mount_config_table, &mount);
 */
#ifndef LANG_SCHEMA_SCHEMA_H
#define LANG_SCHEMA_SCHEMA_H

#include <jansson.h>

#include "base/err.h"
#include "lang/schema/field.h"
#include "lang/yaml/node.h"

/* Reads a mapping into a zeroed object by the rules of Lima (reference: config section 3): null
 * counts as absent, numbers and booleans become text where text is wanted. ERR_INVALID says "line
 * L, column C: mounts[1].location: what"; the object then holds what was read before. Keys that no
 * table knows are skipped and described in *unknown, which may be NULL. Merge keys must have been
 * applied. */
bool schema_load(const struct field_table *table, void *object, const struct yaml_node *node,
                 struct strv *unknown, struct err **errp) MUST_USE;

/* Releases everything and leaves the object zeroed. */
void schema_done(const struct field_table *table, void *object);

/* Merges high and low into own by each field's rule. high and low are used up and left zeroed. */
void schema_merge(const struct field_table *table, void *own, void *high, void *low);

/* Gives every unset scalar its preset, also in sub-objects and list entries, and computes sizes. */
void schema_fill(const struct field_table *table, void *object);
/* Is any field set? */
bool schema_has_any(const struct field_table *table, const void *object);

/* A mapping in doc with the keys in table order; what is unset or empty is left out. */
struct yaml_node *schema_to_yaml(const struct field_table *table, const void *object,
                                 struct yaml_doc *doc);
/* The same as JSON object, a new reference. Sub-objects are always there, empty if need be. */
json_t *schema_to_json(const struct field_table *table, const void *object);
/* The same as Go sees the struct of Lima: by Go names ("VMType"), every member there, null for
 * those that are nil pointers (reference: cli section 12.4). For templates. A new reference. */
json_t *schema_to_go(const struct field_table *table, const void *object);
/* Calls twin for each struct and list of structs in go, a tree of schema_to_go(), with what
 * schema_to_json() made of it in json. Lists that json leaves out are skipped. */
void schema_pair_go(const struct field_table *table, const json_t *go, json_t *json,
                    void (*twin)(void *ctx, const json_t *go, json_t *json), void *ctx);

#endif
