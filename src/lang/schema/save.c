/*
 * Struct to YAML and JSON. What is left out follows Go's "omitempty": members that are pointers in
 * Lima (FIELD_KEEP) are written whenever set, others when not zero.
 */
#include "lang/schema/schema_priv.h"

#include "base/base64.h"
#include "base/mem.h"
#include "base/quote.h"
#include "base/sb.h"
#include "lang/yaml/yaml_text.h"

static bool is_zero(const struct field *field, const void *member)
{
    switch (field->kind) {
    case FIELD_BOOL:
        return !((const struct opt_bool *)member)->v;
    case FIELD_INT:
        return ((const struct opt_int *)member)->v == 0;
    case FIELD_STR:
    case FIELD_IP:
        return **(char *const *)member == '\0';
    case FIELD_SIZE:
        return *((const struct opt_size *)member)->text == '\0';
    case FIELD_TREE:
        return ((const struct field_tree *)member)->doc->root->n == 0;
    default:
        return false;
    }
}

static bool is_saved(const struct field *field, const void *member)
{
    if (field->flags & FIELD_REQUIRED)
        return true;
    if (!field_is_set(field, member))
        return false;
    return (field->flags & FIELD_KEEP) || !is_zero(field, member);
}

static int compare_entries(const void *a, const void *b)
{
    const struct field_map_entry *const *x = a, *const *y = b;

    return strcmp((*x)->key, (*y)->key);
}

/* The entries of a map in the order of their keys; owned array of borrowed entries. */
static const struct field_map_entry **sorted_entries(const struct field_map *map)
{
    const struct field_map_entry **sorted = mem_array(map->n, sizeof(struct field_map_entry *));

    for (size_t i = 0; i < map->n; i++)
        sorted[i] = &map->v[i];
    if (map->n > 1)
        qsort(sorted, map->n, sizeof(*sorted), compare_entries);
    return sorted;
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A copy with the members of all objects sorted by key. New reference. */
static json_t *json_sorted(const json_t *value)
{
    if (json_is_array(value)) {
        json_t *out = json_array();

        for (size_t i = 0; i < json_array_size(value); i++)
            json_array_append_new(out, json_sorted(json_array_get(value, i)));
        return out;
    }
    if (json_is_object(value)) {
        json_t *out = json_object();
        const char **keys = mem_array(json_object_size(value), sizeof(char *));
        size_t n = 0;
        void *it;

        for (it = json_object_iter((json_t *)value); it;
             it = json_object_iter_next((json_t *)value, it))
            keys[n++] = json_object_iter_key(it);
        qsort(keys, n, sizeof(*keys), compare_keys);
        for (size_t i = 0; i < n; i++)
            json_object_set_new_nocheck(out, keys[i], json_sorted(json_object_get(value, keys[i])));
        free(keys);
        return out;
    }
    return json_deep_copy(value);
}

static json_t *tree_to_json(const struct field_tree *tree)
{
    json_t *plain = yaml_to_json(tree->doc->root), *sorted = json_sorted(plain);

    json_decref(plain);
    return sorted;
}

/* What is no UTF-8 came from !!binary and becomes that again. */
static struct yaml_node *text_to_yaml(struct yaml_doc *doc, const char *text)
{
    auto_sb struct sb coded = { 0 };
    struct yaml_node *node;

    if (utf8_is_valid(sv_of(text)))
        return yaml_new_str(doc, sv_of(text));
    base64_encode(&coded, sv_of(text));
    node = yaml_new_str(doc, sb_view(&coded));
    node->tag = YAML_TAG_BINARY;
    node->custom_tag = "!!binary";
    return node;
}

static struct yaml_node *strs_to_yaml(const struct strv *strs, struct yaml_doc *doc)
{
    struct yaml_node *seq = yaml_new_seq(doc);

    for (size_t i = 0; i < strs->n; i++)
        yaml_append(doc, seq, text_to_yaml(doc, strs->v[i]));
    return seq;
}

static struct yaml_node *map_to_yaml(const struct field_map *map, struct yaml_doc *doc)
{
    struct yaml_node *out = yaml_new_map(doc);
    const struct field_map_entry **sorted = sorted_entries(map);

    for (size_t i = 0; i < map->n; i++)
        yaml_append_pair(doc, out, text_to_yaml(doc, sorted[i]->key),
                         text_to_yaml(doc, sorted[i]->value));
    free(sorted);
    return out;
}

static struct yaml_node *tree_to_yaml(const struct field_tree *tree, struct yaml_doc *doc)
{
    json_t *sorted = tree_to_json(tree);
    struct yaml_node *node = yaml_node_from_json(doc, sorted);

    json_decref(sorted);
    return node;
}

static struct yaml_node *list_to_yaml(const struct field *field, const void *member,
                                      struct yaml_doc *doc)
{
    struct yaml_node *seq = yaml_new_seq(doc);
    struct field_list list = field_list_get(member);

    for (size_t i = 0; i < list.n; i++)
        yaml_append(doc, seq, schema_to_yaml(field->sub, field_list_at(field, list, i), doc));
    return seq;
}

static struct yaml_node *pair_to_yaml(const struct field_pair *pair, struct yaml_doc *doc)
{
    struct yaml_node *seq = yaml_new_seq(doc);

    yaml_append(doc, seq, yaml_new_int(doc, pair->v[0]));
    yaml_append(doc, seq, yaml_new_int(doc, pair->v[1]));
    return seq;
}

static struct yaml_node *field_to_yaml(const struct field *field, const void *member,
                                       struct yaml_doc *doc)
{
    switch (field->kind) {
    case FIELD_BOOL:
        return yaml_new_bool(doc, ((const struct opt_bool *)member)->v);
    case FIELD_INT:
        return yaml_new_int(doc, ((const struct opt_int *)member)->v);
    case FIELD_STR:
    case FIELD_IP:
        return text_to_yaml(doc, *(char *const *)member);
    case FIELD_SIZE:
        return text_to_yaml(doc, ((const struct opt_size *)member)->text);
    case FIELD_PAIR:
        return pair_to_yaml(member, doc);
    case FIELD_STRS:
    case FIELD_IPS:
        return strs_to_yaml(member, doc);
    case FIELD_MAP:
        return map_to_yaml(member, doc);
    case FIELD_TREE:
        return tree_to_yaml(member, doc);
    case FIELD_SUB:
        return schema_to_yaml(field->sub, member, doc);
    case FIELD_REF:
        return schema_to_yaml(field->sub, field_ref_get(member), doc);
    case FIELD_LIST:
        return list_to_yaml(field, member, doc);
    case FIELD_KIND_COUNT:
        break;
    }
    return yaml_new_null(doc);
}

struct yaml_node *schema_to_yaml(const struct field_table *table, const void *object,
                                 struct yaml_doc *doc)
{
    struct yaml_node *map = yaml_new_map(doc);

    for (size_t i = 0; i < table->n_rows; i++) {
        const struct field *field = &table->rows[i];
        const void *member = field_member_const(field, object);
        struct yaml_node *value;

        if (!is_saved(field, member))
            continue;
        value = field_to_yaml(field, member, doc);
        if (field->kind == FIELD_SUB && value->n == 0)
            continue; /* set to nothing but zeros */
        yaml_append_pair(doc, map, text_to_yaml(doc, field->key), value);
    }
    return map;
}

/* Bytes that are no UTF-8 (from !!binary) are kept; the printer deals with them. */
static json_t *text_to_json(const char *text)
{
    return json_string_nocheck(text ? text : "");
}

static json_t *strs_to_json(const struct strv *strs)
{
    json_t *out = json_array();

    for (size_t i = 0; i < strs->n; i++)
        json_array_append_new(out, text_to_json(strs->v[i]));
    return out;
}

static json_t *map_to_json(const struct field_map *map)
{
    json_t *out = json_object();
    const struct field_map_entry **sorted = sorted_entries(map);

    for (size_t i = 0; i < map->n; i++)
        json_object_set_new_nocheck(out, sorted[i]->key, text_to_json(sorted[i]->value));
    free(sorted);
    return out;
}

static json_t *list_to_json(const struct field *field, const void *member)
{
    json_t *out = json_array();
    struct field_list list = field_list_get(member);

    for (size_t i = 0; i < list.n; i++)
        json_array_append_new(out, schema_to_json(field->sub, field_list_at(field, list, i)));
    return out;
}

static json_t *pair_to_json(const struct field_pair *pair)
{
    json_t *out = json_array();

    json_array_append_new(out, json_integer(pair->v[0]));
    json_array_append_new(out, json_integer(pair->v[1]));
    return out;
}

json_t *field_to_json(const struct field *field, const void *member)
{
    switch (field->kind) {
    case FIELD_BOOL:
        return json_boolean(((const struct opt_bool *)member)->v);
    case FIELD_INT:
        return json_integer(((const struct opt_int *)member)->v);
    case FIELD_STR:
    case FIELD_IP:
        return text_to_json(*(char *const *)member);
    case FIELD_SIZE:
        return text_to_json(((const struct opt_size *)member)->text);
    case FIELD_PAIR:
        return pair_to_json(member);
    case FIELD_STRS:
    case FIELD_IPS:
        return strs_to_json(member);
    case FIELD_MAP:
        return map_to_json(member);
    case FIELD_TREE:
        return tree_to_json(member);
    case FIELD_SUB:
        return schema_to_json(field->sub, member);
    case FIELD_REF:
        return schema_to_json(field->sub, field_ref_get(member));
    case FIELD_LIST:
        return list_to_json(field, member);
    case FIELD_KIND_COUNT:
        break;
    }
    return json_null();
}

json_t *schema_to_json(const struct field_table *table, const void *object)
{
    json_t *out = json_object();

    for (size_t i = 0; i < table->n_rows; i++) {
        const struct field *field = &table->rows[i];
        const void *member = field_member_const(field, object);

        if (field->kind == FIELD_SUB || is_saved(field, member))
            json_object_set_new_nocheck(out, field->key, field_to_json(field, member));
    }
    return out;
}
