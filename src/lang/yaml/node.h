/*
 * YAML document tree: kinds, values, source positions and comments.
 *
 * A document owns all of its nodes and their texts; nothing is released before yaml_doc_free(). A
 * node belongs to one document and has at most one parent: copy it (yaml_copy) to use it twice.
 * Members are for reading; change a tree through the functions below, so that lookups stay right.
 *
 * An alias is expanded when loaded: the node is a copy of what the anchor names and remembers the
 * name in "alias". Merge keys ("<<") stay as written; yaml_apply_merge_keys() resolves them.
 *
 *     struct yaml_node *cpus = yaml_get(doc->root, "cpus");
 *     int64_t n;
 *     if (cpus && !yaml_as_int(cpus, &n))
 *         return err_set(errp, ERR_INVALID, "line %u: ...", cpus->start.line);
 */
#ifndef LANG_YAML_NODE_H
#define LANG_YAML_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/sb.h"
#include "base/sv.h"

enum yaml_kind { YAML_SCALAR, YAML_SEQ, YAML_MAP };

/* What a scalar is by the core schema of YAML 1.2; "0644" counts as an octal integer and "_" may
 * group digits, as in Lima. An explicit tag (!!str, !!binary, ...) wins. */
enum yaml_tag {
    YAML_TAG_NULL,
    YAML_TAG_BOOL,
    YAML_TAG_INT,
    YAML_TAG_FLOAT,
    YAML_TAG_STR,
    YAML_TAG_BINARY,
    YAML_TAG_SEQ,
    YAML_TAG_MAP,
    YAML_TAG_COUNT,
};

enum yaml_style {
    YAML_STYLE_AUTO, /* the emitter chooses */
    YAML_STYLE_PLAIN,
    YAML_STYLE_SINGLE,
    YAML_STYLE_DOUBLE,
    YAML_STYLE_LITERAL, /* | */
    YAML_STYLE_FOLDED,  /* > */
    YAML_STYLE_FLOW,    /* [a, b], {a: b}; AUTO means block */
};

/* A place in the source text; lines and columns count from 1, columns in code points. All zero in
 * nodes that were not loaded from text. */
struct yaml_mark {
    unsigned line, column;
    size_t offset; /* bytes */
};

struct yaml_node;

struct yaml_entry {
    struct yaml_node *key;   /* NULL in sequences */
    struct yaml_node *value; /* never NULL */
};

struct yaml_node {
    enum yaml_kind kind;
    enum yaml_tag tag;
    enum yaml_style style;
    bool multiline; /* a flow collection that spans lines */
    struct yaml_mark start, end;

    struct sv text;             /* scalars: the value, terminated, may hold NUL bytes */
    struct yaml_entry *entries; /* collections */
    size_t n, cap;

    const char *custom_tag; /* as written ("!x", "!!str"), NULL when there is none */
    const char *anchor;     /* NULL when there is none */
    const char *alias;      /* the anchor this node was copied from, else NULL */

    struct sv raw; /* folded scalars: the lines as written without their indentation */

    /* Comments; NULL when there is none. head and foot are whole lines; each ends with LF and is
     * empty or has a '#', with blanks before it when it is indented deeper than its node. line has
     * no LF. In mappings head and foot belong to the key. */
    const char *head; /* lines above */
    const char *line; /* behind it on its last line, or behind "key:" of a block */
    const char *foot; /* lines below that are indented like this node */
};

struct yaml_doc {
    struct yaml_node *root; /* never NULL; a null scalar when the text is empty */
    const char *head;       /* comment lines above, up to a blank line; NULL when there are none */
    const char *tail;       /* comment lines below */
    struct yaml_chunk *chunks; /* the memory of everything; internal */
};

struct yaml_doc *yaml_doc_new(void); /* root is null */
void yaml_doc_free(struct yaml_doc *doc);
AUTO_DECLARE(struct yaml_doc, yaml_doc);
#define auto_yaml_doc AUTO_CALL(yaml_doc_auto)

/* New nodes without parent. */
struct yaml_node *yaml_new_null(struct yaml_doc *doc);
struct yaml_node *yaml_new_bool(struct yaml_doc *doc, bool value);
struct yaml_node *yaml_new_int(struct yaml_doc *doc, int64_t value);
struct yaml_node *yaml_new_double(struct yaml_doc *doc, double value);
struct yaml_node *yaml_new_str(struct yaml_doc *doc, struct sv text);
/* A plain scalar whose tag is resolved from its text: "1" is an integer. */
struct yaml_node *yaml_new_plain(struct yaml_doc *doc, struct sv text);
struct yaml_node *yaml_new_seq(struct yaml_doc *doc);
struct yaml_node *yaml_new_map(struct yaml_doc *doc);
/* Deep copy into doc, comments included; node may belong to another document. */
struct yaml_node *yaml_copy(struct yaml_doc *doc, const struct yaml_node *node);
/* A terminated copy of text that lives as long as doc. */
const char *yaml_dup_text(struct yaml_doc *doc, struct sv text);

/* Mappings. Lookups compare the text of scalar keys. */
struct yaml_node *yaml_get(const struct yaml_node *map,
                           const char *key); /* NULL when absent or no map */
struct yaml_entry *yaml_find(const struct yaml_node *map, struct sv key); /* NULL when absent */
/* Replaces the value of a key or appends the pair. The comments of an old value are kept. */
void yaml_set(struct yaml_doc *doc, struct yaml_node *map, struct sv key, struct yaml_node *value);
/* Appends without looking for the key. */
void yaml_append_pair(struct yaml_doc *doc, struct yaml_node *map, struct yaml_node *key,
                      struct yaml_node *value);

/* Sequences. */
void yaml_append(struct yaml_doc *doc, struct yaml_node *seq, struct yaml_node *value);

/* Removes entry i of a sequence or mapping, with its comments. */
void yaml_remove(struct yaml_node *node, size_t i);
/* Makes *node a copy of what value is (kind, tag, text, entries) but keeps its place and comments;
 * the style of an old scalar is kept when both are strings. value is used up. */
void yaml_assign(struct yaml_node *node, struct yaml_node *value);

/* Scalars: each returns false, and leaves *out alone, when the value is no such thing. Strings that
 * read as a number count ("2"), fractions are cut off. */
bool yaml_is_null(const struct yaml_node *node);
bool yaml_as_bool(const struct yaml_node *node, bool *out);
bool yaml_as_int(const struct yaml_node *node, int64_t *out);
bool yaml_as_double(const struct yaml_node *node, double *out);
/* The text a scalar has in a string field: strings as they are, numbers through their value (0644
 * is "420", 1.10 is "1.1"), !!binary decoded. False for null, collections and bad base64. */
bool yaml_as_text(const struct yaml_node *node, char **out);

/* "!!null" "!!bool" "!!int" "!!float" "!!str" "!!binary" "!!seq" "!!map" */
const char *yaml_tag_name(enum yaml_tag tag);
/* The tag a plain scalar with this text has. */
enum yaml_tag yaml_resolve_plain(struct sv text);
/* Same kind and value; comments, styles and the order of keys do not count. */
bool yaml_equal(const struct yaml_node *a, const struct yaml_node *b);

/* Replaces merge keys by the pairs they stand for, in the whole tree. ERR_INVALID names the line of
 * one that does not name a mapping. */
bool yaml_apply_merge_keys(struct yaml_doc *doc, struct err **errp) MUST_USE;

#endif
