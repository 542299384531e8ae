#include "lang/schema/schema_priv.h"

#include "base/mem.h"

/* Moves *from to *to, whose old content is released. */
static void take(const struct field *field, void *to, void *from)
{
    field_done(field, to);
    memcpy(to, from, field_size(field));
    memset(from, 0, field_size(field));
}

/* Moves the entries of *from behind those of *to. */
static void list_extend(const struct field *field, void *to, void *from)
{
    struct field_list a = field_list_get(to), b = field_list_get(from);

    if (b.n == 0)
        return;
    a.v = mem_resize(a.v, a.n + b.n, field->sub->size);
    memcpy(a.v + a.n * field->sub->size, b.v, b.n * field->sub->size);
    a.n += b.n;
    a.cap = a.n;
    free(b.v);
    field_list_put(to, a);
    field_list_put(from, (struct field_list){ 0 });
}

static void strs_extend(struct strv *to, const struct strv *from, bool unique)
{
    for (size_t i = 0; i < from->n; i++)
        if (!unique || !strv_has(to, from->v[i]))
            strv_push(to, from->v[i]);
}

/* own becomes first, then second, then third; own is one of them. */
static void concat(const struct field *field, void *own, void *first, void *second, void *third)
{
    bool unique = field->merge == MERGE_UNION;

    if (field->kind == FIELD_LIST) {
        struct field_list all = { 0 };

        list_extend(field, &all, first);
        list_extend(field, &all, second);
        list_extend(field, &all, third);
        field_list_put(own, all);
    } else {
        struct strv all = { 0 };

        strs_extend(&all, first, unique);
        strs_extend(&all, second, unique);
        strs_extend(&all, third, unique);
        strv_done(own);
        *(struct strv *)own = all;
    }
}

static void map_union(struct field_map *own, const struct field_map *high,
                      const struct field_map *low)
{
    for (size_t i = 0; i < low->n; i++)
        if (!field_map_get(own, low->v[i].key))
            field_map_set(own, low->v[i].key, low->v[i].value);
    for (size_t i = 0; i < high->n; i++)
        field_map_set(own, high->v[i].key, high->v[i].value);
}

static void tree_add(struct field_tree *own, const struct field_tree *other, bool replace)
{
    if (!other->doc)
        return;
    if (!own->doc) {
        own->doc = yaml_doc_new();
        own->doc->root = yaml_new_map(own->doc);
    }
    for (size_t i = 0; i < other->doc->root->n; i++) {
        const struct yaml_entry *entry = &other->doc->root->entries[i];

        if (entry->key->kind == YAML_SCALAR &&
            (replace || !yaml_find(own->doc->root, entry->key->text)))
            yaml_set(own->doc, own->doc->root, entry->key->text, yaml_copy(own->doc, entry->value));
    }
}

static void unite(const struct field *field, void *own, void *high, void *low)
{
    if (field->kind == FIELD_MAP) {
        map_union(own, high, low);
    } else if (field->kind == FIELD_TREE) {
        tree_add(own, low, false);
        tree_add(own, high, true);
    } else {
        concat(field, own, low, own, high);
    }
}

static void field_merge_into(const struct field *field, void *own, void *high, void *low)
{
    switch (field->merge) {
    case MERGE_FILL:
        if (field->kind == FIELD_SUB)
            schema_merge(field->sub, own, high, low);
        else if (field_is_set(field, high))
            take(field, own, high);
        else if (!field_is_set(field, own))
            take(field, own, low);
        break;
    case MERGE_APPEND:
        concat(field, own, high, own, low);
        break;
    case MERGE_STACK:
        concat(field, own, low, own, high);
        break;
    case MERGE_UNION:
        unite(field, own, high, low);
        break;
    case MERGE_OWN:
        break;
    }
}

void schema_merge(const struct field_table *table, void *own, void *high, void *low)
{
    for (size_t i = 0; i < table->n_rows; i++) {
        const struct field *field = &table->rows[i];

        field_merge_into(field, field_member(field, own), field_member(field, high),
                         field_member(field, low));
    }
    schema_done(table, high);
    schema_done(table, low);
}
