/*
 * Shared by the sources of this folder: memory of documents and comment attachment.
 */
#ifndef LANG_YAML_NODE_PRIV_H
#define LANG_YAML_NODE_PRIV_H

#include "lang/yaml/node.h"

/* Zeroed memory that lives as long as doc. */
void *yaml_memory(struct yaml_doc *doc, size_t size);
struct yaml_node *yaml_new_node(struct yaml_doc *doc, enum yaml_kind kind, enum yaml_tag tag);
/* Like yaml_copy() but leaves comments and anchors out. */
struct yaml_node *yaml_copy_bare(struct yaml_doc *doc, const struct yaml_node *node);

/* Finds the comments and blank lines of text, from byte offset start on, and hangs them onto the
 * nodes, whose marks must be those of text. */
void yaml_attach_comments(struct yaml_doc *doc, struct sv text, size_t start);

/* The length of the line break at byte offset at, 0 when there is none: LF, CR LF, CR, and what
 * libyaml counts besides (NEL, LS, PS). */
size_t yaml_break_at(struct sv text, size_t at);

#endif
