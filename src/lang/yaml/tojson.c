#include <math.h>

#include "base/mem.h"
#include "lang/yaml/yaml_text.h"

static json_t *string_of(struct sv text)
{
    json_t *value = json_stringn(text.p ? text.p : "", text.n);

    return value ? value : json_string(""); /* NULL: not UTF-8 */
}

static json_t *scalar_to_json(const struct yaml_node *node)
{
    int64_t integer;
    double number;
    bool flag;

    switch (node->tag) {
    case YAML_TAG_NULL:
        return json_null();
    case YAML_TAG_BOOL:
        if (yaml_as_bool(node, &flag))
            return json_boolean(flag);
        break;
    case YAML_TAG_INT:
    case YAML_TAG_FLOAT:
        if (node->tag == YAML_TAG_INT && yaml_as_int(node, &integer))
            return json_integer(integer);
        if (yaml_as_double(node, &number) && isfinite(number))
            return json_real(number);
        break;
    default:
        break;
    }
    return string_of(node->text);
}

/* JSON has no collections as keys: their YAML text stands in. */
static void put_complex_key(struct sb *out, const struct yaml_node *key)
{
    yaml_emit_node(out, key);
    if (out->n > 0 && out->p[out->n - 1] == '\n')
        sb_truncate(out, out->n - 1);
}

json_t *yaml_to_json(const struct yaml_node *node)
{
    json_t *value;

    if (node->kind == YAML_SCALAR)
        return scalar_to_json(node);
    value = node->kind == YAML_SEQ ? json_array() : json_object();
    for (size_t i = 0; i < node->n; i++) {
        const struct yaml_entry *entry = &node->entries[i];

        if (!entry->key) {
            json_array_append_new(value, yaml_to_json(entry->value));
            continue;
        }

        auto_sb struct sb key = { 0 };

        if (entry->key->kind == YAML_SCALAR)
            sb_put(&key, entry->key->text);
        else
            put_complex_key(&key, entry->key);
        json_object_set_new(value, sb_str(&key), yaml_to_json(entry->value));
    }
    return value;
}

struct yaml_node *yaml_node_from_json(struct yaml_doc *doc, const json_t *value)
{
    struct yaml_node *node;
    const char *key;
    json_t *member;
    size_t i;

    switch (value ? json_typeof(value) : JSON_NULL) {
    case JSON_OBJECT:
        node = yaml_new_map(doc);
        json_object_foreach((json_t *)value, key, member) yaml_append_pair(
            doc, node, yaml_new_str(doc, sv_of(key)), yaml_node_from_json(doc, member));
        return node;
    case JSON_ARRAY:
        node = yaml_new_seq(doc);
        json_array_foreach(value, i, member)
            yaml_append(doc, node, yaml_node_from_json(doc, member));
        return node;
    case JSON_STRING:
        return yaml_new_str(doc,
                            (struct sv){ json_string_value(value), json_string_length(value) });
    case JSON_INTEGER:
        return yaml_new_int(doc, json_integer_value(value));
    case JSON_REAL:
        return yaml_new_double(doc, json_real_value(value));
    case JSON_TRUE:
    case JSON_FALSE:
        return yaml_new_bool(doc, json_is_true(value));
    case JSON_NULL:
        break;
    }
    return yaml_new_null(doc);
}

struct yaml_doc *yaml_from_json(const json_t *value)
{
    struct yaml_doc *doc = yaml_doc_new();

    doc->root = yaml_node_from_json(doc, value);
    return doc;
}
