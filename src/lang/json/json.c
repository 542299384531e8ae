#include "lang/json/json.h"

#include <string.h>

void json_auto(json_t **slot)
{
    json_decref(*slot);
}

json_t *json_parse(struct sv text, struct err **errp)
{
    json_error_t where;
    json_t *value = json_loadb(text.p ? text.p : "", text.n,
                               JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &where);

    if (!value)
        err_set(errp, ERR_INVALID, "line %d, column %d: invalid JSON: %s", where.line, where.column,
                where.text);
    return value;
}

static const char *type_name(json_type type)
{
    switch (type) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
        return "an integer";
    case JSON_REAL:
        return "a number";
    case JSON_TRUE:
    case JSON_FALSE:
        return "a boolean";
    case JSON_NULL:
        break;
    }
    return "null";
}

/* Yields the member, or NULL when it is absent or null; false when it has another type. */
static bool find_member(const json_t *obj, const char *key, json_type type, bool required,
                        json_t **out, struct err **errp)
{
    json_t *value = json_object_get(obj, key);

    *out = NULL;
    if (!value || json_is_null(value)) {
        if (required)
            return err_set(errp, ERR_INVALID, "key `%s` is missing", key);
        return true;
    }
    if (json_typeof(value) != type && !(type == JSON_TRUE && json_is_false(value)))
        return err_set(errp, ERR_INVALID, "key `%s` must be %s, not %s", key, type_name(type),
                       type_name(json_typeof(value)));
    *out = value;
    return true;
}

/* Defines json_get_NAME() and json_opt_NAME(); convert turns the member "value" into the result. */
#define DEFINE_GETTERS(name, json_kind, c_type, convert)                                     \
    bool json_get_##name(const json_t *obj, const char *key, c_type *out, struct err **errp) \
    {                                                                                        \
        json_t *value;                                                                       \
                                                                                             \
        if (!find_member(obj, key, json_kind, true, &value, errp))                           \
            return false;                                                                    \
        *out = convert(value);                                                               \
        return true;                                                                         \
    }                                                                                        \
    bool json_opt_##name(const json_t *obj, const char *key, c_type *out, struct err **errp) \
    {                                                                                        \
        json_t *value;                                                                       \
                                                                                             \
        if (!find_member(obj, key, json_kind, false, &value, errp))                          \
            return false;                                                                    \
        if (value)                                                                           \
            *out = convert(value);                                                           \
        return true;                                                                         \
    }

DEFINE_GETTERS(str, JSON_STRING, const char *, json_string_value)
DEFINE_GETTERS(bool, JSON_TRUE, bool, json_is_true)
DEFINE_GETTERS(i64, JSON_INTEGER, int64_t, json_integer_value)
DEFINE_GETTERS(object, JSON_OBJECT, json_t *, )
DEFINE_GETTERS(array, JSON_ARRAY, json_t *, )

static bool is_empty_object(const json_t *value)
{
    return json_is_object(value) && json_object_size(value) == 0;
}

void json_drop_empty_objects(json_t *value)
{
    if (json_is_array(value)) {
        for (size_t i = json_array_size(value); i-- > 0;) {
            json_t *element = json_array_get(value, i);

            json_drop_empty_objects(element);
            if (is_empty_object(element))
                (void)json_array_remove(value, i);
        }
    } else if (json_is_object(value)) {
        const char *key;
        json_t *member;
        void *next;

        json_object_foreach_safe(value, next, key, member)
        {
            json_drop_empty_objects(member);
            if (is_empty_object(member))
                (void)json_object_del(value, key);
        }
    }
}
