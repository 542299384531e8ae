#include "lang/yaml/node.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdalign.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "lang/json/json.h"
#include "lang/yaml/node_priv.h"

#define CHUNK_SIZE ((size_t)16 * 1024)

struct yaml_chunk {
    struct yaml_chunk *next;
    size_t used, size;
    alignas(max_align_t) char bytes[];
};

void *yaml_memory(struct yaml_doc *doc, size_t size)
{
    struct yaml_chunk *chunk = doc->chunks;
    size_t need = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);

    if (!chunk || chunk->size - chunk->used < need) {
        size_t room = need > CHUNK_SIZE ? need : CHUNK_SIZE;

        chunk = mem_alloc(sizeof(*chunk) + room);
        chunk->size = room;
        chunk->next = doc->chunks;
        doc->chunks = chunk;
    }

    void *mem = chunk->bytes + chunk->used;

    chunk->used += need;
    return mem;
}

const char *yaml_dup_text(struct yaml_doc *doc, struct sv text)
{
    char *copy = yaml_memory(doc, text.n + 1);

    if (text.n > 0)
        memcpy(copy, text.p, text.n);
    return copy;
}

struct yaml_node *yaml_new_node(struct yaml_doc *doc, enum yaml_kind kind, enum yaml_tag tag)
{
    struct yaml_node *node = yaml_memory(doc, sizeof(*node));

    node->kind = kind;
    node->tag = tag;
    return node;
}

struct yaml_doc *yaml_doc_new(void)
{
    struct yaml_doc *doc = mem_new(struct yaml_doc);

    doc->root = yaml_new_null(doc);
    return doc;
}

void yaml_doc_free(struct yaml_doc *doc)
{
    if (!doc)
        return;
    while (doc->chunks) {
        struct yaml_chunk *next = doc->chunks->next;

        free(doc->chunks);
        doc->chunks = next;
    }
    free(doc);
}

static struct yaml_node *new_scalar(struct yaml_doc *doc, enum yaml_tag tag, struct sv text)
{
    struct yaml_node *node = yaml_new_node(doc, YAML_SCALAR, tag);

    node->text = (struct sv){ yaml_dup_text(doc, text), text.n };
    return node;
}

struct yaml_node *yaml_new_null(struct yaml_doc *doc)
{
    return new_scalar(doc, YAML_TAG_NULL, SV("null"));
}

struct yaml_node *yaml_new_bool(struct yaml_doc *doc, bool value)
{
    return new_scalar(doc, YAML_TAG_BOOL, value ? SV("true") : SV("false"));
}

struct yaml_node *yaml_new_int(struct yaml_doc *doc, int64_t value)
{
    char text[24];

    (void)snprintf(text, sizeof(text), "%" PRId64, value);
    return new_scalar(doc, YAML_TAG_INT, sv_of(text));
}

struct yaml_node *yaml_new_double(struct yaml_doc *doc, double value)
{
    auto_sb struct sb text = { 0 };

    if (isnan(value))
        sb_puts(&text, ".nan");
    else if (isinf(value))
        sb_puts(&text, value < 0 ? "-.inf" : ".inf");
    else
        json_put_double(&text, value);
    return new_scalar(doc, YAML_TAG_FLOAT, sb_view(&text));
}

struct yaml_node *yaml_new_str(struct yaml_doc *doc, struct sv text)
{
    return new_scalar(doc, YAML_TAG_STR, text);
}

struct yaml_node *yaml_new_plain(struct yaml_doc *doc, struct sv text)
{
    return new_scalar(doc, yaml_resolve_plain(text), text);
}

struct yaml_node *yaml_new_seq(struct yaml_doc *doc)
{
    return yaml_new_node(doc, YAML_SEQ, YAML_TAG_SEQ);
}

struct yaml_node *yaml_new_map(struct yaml_doc *doc)
{
    return yaml_new_node(doc, YAML_MAP, YAML_TAG_MAP);
}

static void append_entry(struct yaml_doc *doc, struct yaml_node *node, struct yaml_node *key,
                         struct yaml_node *value)
{
    if (node->n == node->cap) {
        size_t cap = node->cap ? node->cap * 2 : 4;
        struct yaml_entry *entries = yaml_memory(doc, cap * sizeof(*entries));

        if (node->n > 0)
            memcpy(entries, node->entries, node->n * sizeof(*entries));
        node->entries = entries;
        node->cap = cap;
    }
    node->entries[node->n++] = (struct yaml_entry){ key, value };
}

void yaml_append_pair(struct yaml_doc *doc, struct yaml_node *map, struct yaml_node *key,
                      struct yaml_node *value)
{
    assert(map->kind == YAML_MAP);
    append_entry(doc, map, key, value);
}

void yaml_append(struct yaml_doc *doc, struct yaml_node *seq, struct yaml_node *value)
{
    assert(seq->kind == YAML_SEQ);
    append_entry(doc, seq, NULL, value);
}

static const char *dup_optional(struct yaml_doc *doc, const char *text)
{
    return text ? yaml_dup_text(doc, sv_of(text)) : NULL;
}

static struct sv dup_view(struct yaml_doc *doc, struct sv v)
{
    return (struct sv){ v.p ? yaml_dup_text(doc, v) : NULL, v.n };
}

static struct yaml_node *copy_node(struct yaml_doc *doc, const struct yaml_node *node, bool bare)
{
    struct yaml_node *copy = yaml_new_node(doc, node->kind, node->tag);

    copy->style = node->style;
    copy->multiline = node->multiline;
    copy->custom_tag = dup_optional(doc, node->custom_tag);
    copy->text = dup_view(doc, node->text);
    copy->raw = dup_view(doc, node->raw);
    if (!bare) {
        copy->start = node->start;
        copy->end = node->end;
        copy->anchor = dup_optional(doc, node->anchor);
        copy->alias = dup_optional(doc, node->alias);
        copy->head = dup_optional(doc, node->head);
        copy->line = dup_optional(doc, node->line);
        copy->foot = dup_optional(doc, node->foot);
    }
    for (size_t i = 0; i < node->n; i++) {
        const struct yaml_entry *entry = &node->entries[i];

        append_entry(doc, copy, entry->key ? copy_node(doc, entry->key, bare) : NULL,
                     copy_node(doc, entry->value, bare));
    }
    return copy;
}

struct yaml_node *yaml_copy(struct yaml_doc *doc, const struct yaml_node *node)
{
    return copy_node(doc, node, false);
}

struct yaml_node *yaml_copy_bare(struct yaml_doc *doc, const struct yaml_node *node)
{
    return copy_node(doc, node, true);
}

struct yaml_entry *yaml_find(const struct yaml_node *map, struct sv key)
{
    if (map->kind != YAML_MAP)
        return NULL;
    for (size_t i = 0; i < map->n; i++) {
        const struct yaml_node *found = map->entries[i].key;

        if (found->kind == YAML_SCALAR && sv_eq(found->text, key))
            return &map->entries[i];
    }
    return NULL;
}

struct yaml_node *yaml_get(const struct yaml_node *map, const char *key)
{
    struct yaml_entry *entry = yaml_find(map, sv_of(key));

    return entry ? entry->value : NULL;
}

void yaml_set(struct yaml_doc *doc, struct yaml_node *map, struct sv key, struct yaml_node *value)
{
    struct yaml_entry *entry = yaml_find(map, key);

    if (entry)
        yaml_assign(entry->value, value);
    else
        yaml_append_pair(doc, map, yaml_new_str(doc, key), value);
}

void yaml_remove(struct yaml_node *node, size_t i)
{
    assert(i < node->n);
    memmove(&node->entries[i], &node->entries[i + 1], (node->n - i - 1) * sizeof(*node->entries));
    node->n--;
}

static bool is_string(const struct yaml_node *node)
{
    return node->kind == YAML_SCALAR && node->tag == YAML_TAG_STR;
}

void yaml_assign(struct yaml_node *node, struct yaml_node *value)
{
    bool keep_style = value->style == YAML_STYLE_AUTO && is_string(node) && is_string(value) &&
                      (node->style == YAML_STYLE_SINGLE || node->style == YAML_STYLE_DOUBLE);
    struct yaml_node old = *node;

    if (node == value)
        return;
    *node = *value;
    node->start = old.start;
    node->end = old.end;
    node->head = old.head;
    node->line = old.line ? old.line : value->line;
    node->foot = old.foot;
    node->anchor = old.anchor ? old.anchor : value->anchor;
    if (keep_style)
        node->style = old.style;
}

bool yaml_equal(const struct yaml_node *a, const struct yaml_node *b)
{
    if (a->kind != b->kind || a->n != b->n)
        return false;
    if (a->kind == YAML_SCALAR)
        return a->tag == b->tag && (a->tag == YAML_TAG_NULL || sv_eq(a->text, b->text));
    for (size_t i = 0; i < a->n; i++) {
        if (a->kind == YAML_SEQ) {
            if (!yaml_equal(a->entries[i].value, b->entries[i].value))
                return false;
            continue;
        }

        const struct yaml_node *key = a->entries[i].key;
        const struct yaml_entry *other = NULL;

        for (size_t k = 0; k < b->n && !other; k++) {
            size_t at = (i + k) % b->n; /* equal maps mostly have equal order */

            if (yaml_equal(key, b->entries[at].key))
                other = &b->entries[at];
        }
        if (!other || !yaml_equal(a->entries[i].value, other->value))
            return false;
    }
    return true;
}

static bool is_merge_key(const struct yaml_node *key)
{
    return key->kind == YAML_SCALAR && key->style == YAML_STYLE_PLAIN && sv_eq(key->text, SV("<<"));
}

/* Moves the pairs of from whose keys are not among taken into map. */
static void move_missing_pairs(struct yaml_doc *doc, struct yaml_node *map, struct map *taken,
                               const struct yaml_node *from)
{
    for (size_t i = 0; i < from->n; i++) {
        const struct yaml_entry *pair = &from->entries[i];

        if (pair->key->kind == YAML_SCALAR) {
            if (map_has(taken, pair->key->text.p))
                continue;
            map_set(taken, pair->key->text.p, pair->key);
        }
        yaml_append_pair(doc, map, pair->key, pair->value);
    }
}

static bool merge_into(struct yaml_doc *doc, struct yaml_node *map, size_t i, struct err **errp)
{
    auto_map struct map taken = { 0 };
    struct yaml_entry merge = map->entries[i];
    struct yaml_entry single = { NULL, merge.value };
    bool is_list = merge.value->kind == YAML_SEQ;
    const struct yaml_entry *sources = is_list ? merge.value->entries : &single;
    size_t n_sources = is_list ? merge.value->n : 1;

    yaml_remove(map, i);
    for (size_t k = 0; k < map->n; k++)
        if (map->entries[k].key->kind == YAML_SCALAR)
            map_set(&taken, map->entries[k].key->text.p, map->entries[k].key);
    for (size_t k = 0; k < n_sources; k++) {
        if (sources[k].value->kind != YAML_MAP)
            return err_set(errp, ERR_INVALID, "line %u, column %u: `<<` must name a mapping",
                           merge.key->start.line, merge.key->start.column);
        move_missing_pairs(doc, map, &taken, sources[k].value);
    }
    return true;
}

static bool apply_merge_keys(struct yaml_doc *doc, struct yaml_node *node, struct err **errp)
{
    for (size_t i = 0; i < node->n; i++)
        if (!apply_merge_keys(doc, node->entries[i].value, errp))
            return false;
    for (size_t i = 0; node->kind == YAML_MAP && i < node->n; i++)
        if (is_merge_key(node->entries[i].key))
            return merge_into(doc, node, i, errp); /* the loader refuses a second one */
    return true;
}

bool yaml_apply_merge_keys(struct yaml_doc *doc, struct err **errp)
{
    return apply_merge_keys(doc, doc->root, errp);
}
