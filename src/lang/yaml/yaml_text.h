/*
 * YAML text to tree and back. Comments, blank lines, key order and quoting survive the round trip;
 * indentation and the distance of comments are made uniform, as Lima's formatter does (reference:
 * cli section 13.2, config section 7.7).
 */
#ifndef LANG_YAML_YAML_TEXT_H
#define LANG_YAML_YAML_TEXT_H

#include <jansson.h>

#include "lang/yaml/node.h"

/* Texts from users and the net: larger, deeper or more blown-up ones are refused. */
#define YAML_MAX_BYTES ((size_t)4 << 20)
#define YAML_MAX_DEPTH 100u
#define YAML_MAX_NODES ((size_t)200000) /* after aliases are expanded */

/* Reads the first document of a stream. Repeated keys are errors. ERR_INVALID says "line L, column
 * C: what"; wrap it with the name of the file. NULL on error. */
struct yaml_doc *yaml_load(struct sv text, struct err **errp) MUST_USE;
/* The same without comments, in less time: for texts that are read and not written back. */
struct yaml_doc *yaml_load_values(struct sv text, struct err **errp) MUST_USE;

/* Appends the document, comments included, with exactly one line end at its end (an empty document
 * gives nothing); two blanks a level, dashes below their key. */
void yaml_emit(struct sb *out, const struct yaml_doc *doc);
/* Appends one node as a document of its own, without its head and foot comments. */
void yaml_emit_node(struct sb *out, const struct yaml_node *node);
char *yaml_text(const struct yaml_doc *doc); /* owned */

/* The tree as JSON value; keys become strings, merge keys are not resolved. New reference. */
json_t *yaml_to_json(const struct yaml_node *node);
/* A new document, or a node in doc, with the content of value. */
struct yaml_doc *yaml_from_json(const json_t *value);
struct yaml_node *yaml_node_from_json(struct yaml_doc *doc, const json_t *value);

#endif
