/*
 * Field tables: a key of a YAML file is declared once, in an X-macro row. The row yields the member
 * of the C struct and the table entry, from which schema.h loads, fills, merges and saves.
 *
 *     #define VNC_FIELDS(F) \
 *         F(STR, display, "display", NULL, MERGE_FILL, FIELD_KEEP, CHECK_ANY, "Where VNC listens.")
 *     struct vnc_config { VNC_FIELDS(FIELD_MEMBER) };
 *
 *     #define FIELD_OWNER vnc_config
 *     static const struct field vnc_rows[] = { VNC_FIELDS(FIELD_ROW) };
 *     #undef FIELD_OWNER
 *     const struct field_table vnc_config_table = FIELD_TABLE("VNCOptions", vnc_config, vnc_rows);
 *
 * Columns: kind, member, key, argument, merge, flags, check, help. The argument of a scalar is its
 * default as text (NULL = none, or one that depends on the host: model/config/defaults.c); that of
 * SUB, REF and LIST is the struct they hold. Rows stand in the order in which keys are written.
 *
 * A zeroed struct has nothing set. All memory of a struct belongs to it; schema_done() releases it.
 */
#ifndef LANG_SCHEMA_FIELD_H
#define LANG_SCHEMA_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strv.h"
#include "base/vec.h"

struct opt_bool {
    bool set; /* by the user, or filled in */
    bool v;
};

struct opt_int {
    bool set;
    int64_t v;
};

/* A size as the user wrote it, "4GiB". schema_load() accepts any text; bytes is filled in by
 * schema_fill() and 0 when text is NULL or no size. */
struct opt_size {
    char *text;
    uint64_t bytes;
};

/* Two ports; unset when both are 0. */
struct field_pair {
    int64_t v[2];
};

struct field_map_entry {
    char *key, *value; /* never NULL */
};

/* Names and texts; keys are unique, in the order of the file. */
struct field_map {
    struct field_map_entry *v;
    size_t n, cap;
};

/* A free-form mapping whose first-level keys each belong to somebody else (a driver, an OS). */
struct field_tree {
    struct yaml_doc *doc; /* NULL when unset; else its root is a mapping */
};

enum field_kind {
    FIELD_BOOL,
    FIELD_INT,
    FIELD_STR,  /* char *, NULL when unset */
    FIELD_SIZE, /* struct opt_size */
    FIELD_IP,   /* char *, canonical text of an IPv4 or IPv6 address */
    FIELD_PAIR,
    FIELD_STRS, /* struct strv */
    FIELD_IPS,  /* struct strv of canonical addresses */
    FIELD_MAP,
    FIELD_TREE,
    FIELD_SUB,  /* struct, always there */
    FIELD_REF,  /* pointer to struct, NULL when unset */
    FIELD_LIST, /* VEC of structs */
    FIELD_KIND_COUNT,
};

/* How three files, "high" over "own" over "low", become one. */
enum field_merge {
    MERGE_FILL,   /* the highest that has it; SUB: key by key */
    MERGE_APPEND, /* lists: high, own, low */
    MERGE_STACK,  /* lists: low, own, high; the caller combines entries of equal key */
    MERGE_UNION,  /* maps and trees by key, the higher wins; STRS: low, own, high without repeats */
    MERGE_OWN,    /* only the own one counts */
};

enum field_flag {
    FIELD_KEEP = 1u << 0,     /* false, 0 and "" are values: saved when set */
    FIELD_REQUIRED = 1u << 1, /* always saved */
    FIELD_NULLABLE = 1u << 2, /* the JSON schema allows null */
    FIELD_ONE = 1u << 3,      /* LIST: a single string stands for a list of one */
};

enum field_check_kind {
    FIELD_CHECK_ANY,
    FIELD_CHECK_RANGE, /* integers, refused while loading */
    FIELD_CHECK_WORDS, /* for the JSON schema; the config's own checks name the key */
};

struct field_check {
    enum field_check_kind kind;
    int64_t min, max;
    const char *const *words; /* NULL-terminated */
};
#define CHECK_ANY                   \
    {                               \
        FIELD_CHECK_ANY, 0, 0, NULL \
    }
#define CHECK_RANGE(min_, max_)             \
    {                                       \
        FIELD_CHECK_RANGE, min_, max_, NULL \
    }
#define CHECK_WORDS(words_)             \
    {                                   \
        FIELD_CHECK_WORDS, 0, 0, words_ \
    }

struct field_table;

struct field {
    const char *key; /* spelling in YAML and JSON */
    enum field_kind kind;
    size_t offset; /* of the member in the owning struct */
    const char *preset;
    const struct field_table *sub; /* SUB, REF, LIST */
    enum field_merge merge;
    unsigned flags; /* enum field_flag */
    struct field_check check;
    const char *help; /* one or two sentences */
};

struct field_table {
    const char *name; /* in the JSON schema */
    size_t size;      /* of the struct */
    const struct field *rows;
    size_t n_rows;
    const char *shorthand; /* the key that a string in place of the mapping sets; may be NULL */
};
#define FIELD_TABLE(name_, owner, rows_)                       \
    {                                                          \
        name_, sizeof(struct owner), rows_, COUNT(rows_), NULL \
    }
#define FIELD_TABLE_SHORT(name_, owner, rows_, key)           \
    {                                                         \
        name_, sizeof(struct owner), rows_, COUNT(rows_), key \
    }

#define FIELD_C_BOOL(id, arg)                                       struct opt_bool id;
#define FIELD_C_INT(id, arg)                                        struct opt_int id;
#define FIELD_C_STR(id, arg)                                        char *id;
#define FIELD_C_SIZE(id, arg)                                       struct opt_size id;
#define FIELD_C_IP(id, arg)                                         char *id;
#define FIELD_C_PAIR(id, arg)                                       struct field_pair id;
#define FIELD_C_STRS(id, arg)                                       struct strv id;
#define FIELD_C_IPS(id, arg)                                        struct strv id;
#define FIELD_C_MAP(id, arg)                                        struct field_map id;
#define FIELD_C_TREE(id, arg)                                       struct field_tree id;
#define FIELD_C_SUB(id, arg)                                        struct arg id;
#define FIELD_C_REF(id, arg)                                        struct arg *id;
#define FIELD_C_LIST(id, arg)                                       VEC(struct arg) id;
#define FIELD_MEMBER(kind, id, key, arg, merge, flags, check, help) FIELD_C_##kind(id, arg)

#define FIELD_P_BOOL(arg) .preset = arg
#define FIELD_P_INT(arg)  .preset = arg
#define FIELD_P_STR(arg)  .preset = arg
#define FIELD_P_SIZE(arg) .preset = arg
#define FIELD_P_IP(arg)   .preset = arg
#define FIELD_P_PAIR(arg) .preset = arg
#define FIELD_P_STRS(arg) .preset = arg
#define FIELD_P_IPS(arg)  .preset = arg
#define FIELD_P_MAP(arg)  .preset = arg
#define FIELD_P_TREE(arg) .preset = arg
#define FIELD_P_SUB(arg)  .sub = &arg##_table
#define FIELD_P_REF(arg)  .sub = &arg##_table
#define FIELD_P_LIST(arg) .sub = &arg##_table
#define FIELD_ROW(kind_, id, key_, arg, merge_, flags_, check_, help_) \
    { .key = key_,                                                     \
      .kind = FIELD_##kind_,                                           \
      .offset = offsetof(struct FIELD_OWNER, id),                      \
      FIELD_P_##kind_(arg),                                            \
      .merge = merge_,                                                 \
      .flags = flags_,                                                 \
      .check = check_,                                                 \
      .help = help_ },

const char *field_map_get(const struct field_map *map, const char *key); /* borrowed, NULL absent */
void field_map_set(struct field_map *map, const char *key, const char *value);
/* What belongs to key ("qemu"); borrowed, NULL when absent. */
struct yaml_node *field_tree_get(const struct field_tree *tree, const char *key);

#endif
