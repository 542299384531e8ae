/*
 * JSON values are jansson's json_t. This header adds what jansson leaves out: reading members with
 * errors that name the key, and printing exactly as Go's encoding/json does, because readers of our
 * output (reference: cli section 6.5) compare it byte by byte.
 *
 * A document is held by one auto_json; getters hand out borrowed parts of it. Build values with the
 * stealing setters only (json_object_set_new, json_array_append_new, json_pack with "o").
 */
#ifndef LANG_JSON_JSON_H
#define LANG_JSON_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/sb.h"
#include "base/sv.h"

/* Frees *slot; accepts NULL. */
void json_auto(json_t **slot);
#define auto_json AUTO_CALL(json_auto)

/* Parses exactly one value (of any type); repeated keys are an error. ERR_INVALID names line and
 * column. Returns a new reference, NULL on error. */
json_t *json_parse(struct sv text, struct err **errp) MUST_USE;

/*
 * Members of an object. json_get_* require the key; json_opt_* leave *out alone when the key is
 * absent or null. Both fail with ERR_INVALID, naming the key, when the type is wrong. Strings and
 * containers are borrowed from obj.
 */
bool json_get_str(const json_t *obj, const char *key, const char **out, struct err **errp) MUST_USE;
bool json_get_bool(const json_t *obj, const char *key, bool *out, struct err **errp) MUST_USE;
bool json_get_i64(const json_t *obj, const char *key, int64_t *out, struct err **errp) MUST_USE;
bool json_get_object(const json_t *obj, const char *key, json_t **out, struct err **errp) MUST_USE;
bool json_get_array(const json_t *obj, const char *key, json_t **out, struct err **errp) MUST_USE;
bool json_opt_str(const json_t *obj, const char *key, const char **out, struct err **errp) MUST_USE;
bool json_opt_bool(const json_t *obj, const char *key, bool *out, struct err **errp) MUST_USE;
bool json_opt_i64(const json_t *obj, const char *key, int64_t *out, struct err **errp) MUST_USE;
bool json_opt_object(const json_t *obj, const char *key, json_t **out, struct err **errp) MUST_USE;
bool json_opt_array(const json_t *obj, const char *key, json_t **out, struct err **errp) MUST_USE;

enum json_style {
    JSON_STYLE_COMPACT,      /* {"a":1} on one line, <>& as they are */
    JSON_STYLE_COMPACT_HTML, /* the same with <>& escaped, Go's default */
    JSON_STYLE_INDENT4,      /* one member a line, four blanks a level */
};

/* Appends the value without a line end; members keep their order. NULL prints as null. */
void json_put(struct sb *out, const json_t *value, enum json_style style);
/* Appends a quoted JSON string; invalid UTF-8 becomes U+FFFD. */
void json_put_string(struct sb *out, struct sv text, bool html);
/* Appends a number in the shortest decimal form that reads back the same, as Go's JSON does. */
void json_put_double(struct sb *out, double number);
char *json_text(const json_t *value, enum json_style style); /* owned */

/* Removes members and elements that are empty objects, until none is left. Empty arrays and nulls
 * stay. */
void json_drop_empty_objects(json_t *value);

#endif
