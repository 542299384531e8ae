/*
 * How scalars are written; shared by the two halves of the emitter.
 */
#ifndef LANG_YAML_EMIT_PRIV_H
#define LANG_YAML_EMIT_PRIV_H

#include "lang/yaml/node.h"

/* Where a scalar stands. */
enum yaml_place {
    YAML_PLACE_BLOCK, /* value in a block collection: anything goes */
    YAML_PLACE_FLOW,  /* inside [ ] or { } */
    YAML_PLACE_KEY,   /* key of a block mapping: one line */
};

/* The style a scalar can really have there: its own when possible. */
enum yaml_style yaml_choose_style(const struct yaml_node *node, enum yaml_place place);
/* Appends a scalar whose chosen style is plain or quoted. */
void yaml_put_inline(struct sb *out, const struct yaml_node *node, enum yaml_place place);

struct yaml_block {
    struct sv lines;      /* each ended by LF, blank lines empty */
    char header[4];       /* "|", "|-", "|2+", ... */
    unsigned blank_lines; /* to be added at the end */
};

/* Literal and folded scalars in parts. lines is borrowed from node, or put into *store. */
struct yaml_block yaml_block_of(const struct yaml_node *node, enum yaml_style style,
                                struct sb *store);

#endif
