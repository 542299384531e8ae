#include "lang/schema/schema_priv.h"

#include "base/mem.h"

void field_map_set(struct field_map *map, const char *key, const char *value)
{
    struct field_map_entry *entry;

    for (size_t i = 0; i < map->n; i++)
        if (strcmp(map->v[i].key, key) == 0) {
            mem_replace(&map->v[i].value, mem_strdup(value));
            return;
        }
    entry = vec_push(map);
    entry->key = mem_strdup(key);
    entry->value = mem_strdup(value);
}

const char *field_map_get(const struct field_map *map, const char *key)
{
    for (size_t i = 0; i < map->n; i++)
        if (strcmp(map->v[i].key, key) == 0)
            return map->v[i].value;
    return NULL;
}

struct yaml_node *field_tree_get(const struct field_tree *tree, const char *key)
{
    return tree->doc ? yaml_get(tree->doc->root, key) : NULL;
}

size_t field_size(const struct field *field)
{
    switch (field->kind) {
    case FIELD_BOOL:
        return sizeof(struct opt_bool);
    case FIELD_INT:
        return sizeof(struct opt_int);
    case FIELD_STR:
    case FIELD_IP:
        return sizeof(char *);
    case FIELD_SIZE:
        return sizeof(struct opt_size);
    case FIELD_PAIR:
        return sizeof(struct field_pair);
    case FIELD_STRS:
    case FIELD_IPS:
        return sizeof(struct strv);
    case FIELD_MAP:
        return sizeof(struct field_map);
    case FIELD_TREE:
        return sizeof(struct field_tree);
    case FIELD_SUB:
        return field->sub->size;
    case FIELD_REF:
        return sizeof(void *);
    case FIELD_LIST:
        return sizeof(struct field_list);
    case FIELD_KIND_COUNT:
        break;
    }
    return 0;
}

bool field_is_set(const struct field *field, const void *member)
{
    switch (field->kind) {
    case FIELD_BOOL:
        return ((const struct opt_bool *)member)->set;
    case FIELD_INT:
        return ((const struct opt_int *)member)->set;
    case FIELD_STR:
    case FIELD_IP:
        return *(char *const *)member != NULL;
    case FIELD_SIZE:
        return ((const struct opt_size *)member)->text != NULL;
    case FIELD_PAIR:
        return ((const struct field_pair *)member)->v[0] != 0 ||
               ((const struct field_pair *)member)->v[1] != 0;
    case FIELD_STRS:
    case FIELD_IPS:
        return ((const struct strv *)member)->n > 0;
    case FIELD_MAP:
        return ((const struct field_map *)member)->n > 0;
    case FIELD_TREE:
        return ((const struct field_tree *)member)->doc != NULL;
    case FIELD_SUB:
        return schema_has_any(field->sub, member);
    case FIELD_REF:
        return field_ref_get(member) != NULL;
    case FIELD_LIST:
        return field_list_get(member).n > 0;
    case FIELD_KIND_COUNT:
        break;
    }
    return false;
}

static void map_free_entries(struct field_map *map)
{
    for (size_t i = 0; i < map->n; i++) {
        free(map->v[i].key);
        free(map->v[i].value);
    }
    free(map->v);
}

static void list_free_entries(const struct field *field, struct field_list list)
{
    for (size_t i = 0; i < list.n; i++)
        schema_done(field->sub, field_list_at(field, list, i));
    free(list.v);
}

void field_done(const struct field *field, void *member)
{
    switch (field->kind) {
    case FIELD_STR:
    case FIELD_IP:
        free(*(char **)member);
        break;
    case FIELD_SIZE:
        free(((struct opt_size *)member)->text);
        break;
    case FIELD_STRS:
    case FIELD_IPS:
        strv_done(member);
        break;
    case FIELD_MAP:
        map_free_entries(member);
        break;
    case FIELD_TREE:
        yaml_doc_free(((struct field_tree *)member)->doc);
        break;
    case FIELD_SUB:
        schema_done(field->sub, member);
        break;
    case FIELD_REF: {
        void *ref = field_ref_get(member);

        if (ref)
            schema_done(field->sub, ref);
        free(ref);
        break;
    }
    case FIELD_LIST:
        list_free_entries(field, field_list_get(member));
        break;
    case FIELD_BOOL:
    case FIELD_INT:
    case FIELD_PAIR:
    case FIELD_KIND_COUNT:
        break;
    }
    memset(member, 0, field_size(field));
}

bool schema_has_any(const struct field_table *table, const void *object)
{
    for (size_t i = 0; i < table->n_rows; i++)
        if (field_is_set(&table->rows[i], field_member_const(&table->rows[i], object)))
            return true;
    return false;
}

void schema_done(const struct field_table *table, void *object)
{
    for (size_t i = 0; i < table->n_rows; i++)
        field_done(&table->rows[i], field_member(&table->rows[i], object));
}
