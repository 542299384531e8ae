#include "wire/qmp.h"

#include <string.h>

#include "base/mem.h"

enum { VERSION_NUMBER_MAX = 9999 };

static bool decode_number(const json_t *numbers, const char *key, unsigned *out)
{
    const json_t *number = json_object_get(numbers, key);

    if (!json_is_integer(number) || json_integer_value(number) < 0 ||
        json_integer_value(number) > VERSION_NUMBER_MAX)
        return false;
    *out = (unsigned)json_integer_value(number);
    return true;
}

bool qmp_decode_version(const json_t *version, struct semver *out, struct err **errp)
{
    const json_t *numbers = json_object_get(version, "qemu");
    struct semver v = { 0 };

    if (!decode_number(numbers, "major", &v.major) || !decode_number(numbers, "minor", &v.minor) ||
        !decode_number(numbers, "micro", &v.patch))
        return err_set(errp, ERR_PROTOCOL, "no version of QEMU in a QMP message");
    *out = v;
    return true;
}

static bool decode_greeting(const json_t *greeting, struct qmp_message *out, struct err **errp)
{
    const json_t *version = json_object_get(greeting, "version");
    const json_t *package = json_object_get(version, "package");

    if (!qmp_decode_version(version, &out->version, errp))
        return false;
    out->kind = QMP_GREETING;
    out->package = json_is_string(package) ? json_string_value(package) : "";
    return true;
}

static bool decode_error(json_t *error, struct qmp_message *out, struct err **errp)
{
    out->kind = QMP_ERROR;
    out->name = json_string_value(json_object_get(error, "class"));
    out->text = json_string_value(json_object_get(error, "desc"));
    if (!out->name || !out->text)
        return err_set(errp, ERR_PROTOCOL, "QMP error without class or description");
    return true;
}

static bool decode_event(json_t *event, json_t *doc, struct qmp_message *out, struct err **errp)
{
    if (!json_is_string(event))
        return err_set(errp, ERR_PROTOCOL, "QMP event without a name");
    out->kind = QMP_EVENT;
    out->name = json_string_value(event);
    out->data = json_object_get(doc, "data");
    return true;
}

static bool decode_id(json_t *doc, struct qmp_message *out, struct err **errp)
{
    json_t *id = json_object_get(doc, "id");

    if (!id)
        return out->kind == QMP_ERROR || err_set(errp, ERR_PROTOCOL, "QMP reply without an id");
    if (!json_is_integer(id) || json_integer_value(id) < 0)
        return err_set(errp, ERR_PROTOCOL, "QMP reply with an id that is not ours");
    out->has_id = true;
    out->id = (uint64_t)json_integer_value(id);
    return true;
}

static bool decode(json_t *doc, struct qmp_message *out, struct err **errp)
{
    json_t *member;

    if ((member = json_object_get(doc, "return"))) {
        out->kind = QMP_REPLY;
        out->data = member;
        return decode_id(doc, out, errp);
    }
    if ((member = json_object_get(doc, "error")))
        return decode_error(member, out, errp) && decode_id(doc, out, errp);
    if ((member = json_object_get(doc, "event")))
        return decode_event(member, doc, out, errp);
    if ((member = json_object_get(doc, "QMP")))
        return decode_greeting(member, out, errp);
    return err_set(errp, ERR_PROTOCOL, "unknown QMP message");
}

bool qmp_decode(json_t *take_doc, struct qmp_message *out, struct err **errp)
{
    struct qmp_message msg = { .doc = take_doc };

    if (!decode(take_doc, &msg, errp)) {
        qmp_message_done(&msg);
        return false;
    }
    *out = msg;
    return true;
}

void qmp_message_done(struct qmp_message *msg)
{
    json_decref(msg->doc);
    *msg = (struct qmp_message){ 0 };
}

char *qmp_encode(const char *command, json_t *args, uint64_t id)
{
    json_t *doc =
        json_pack("{s:s, s:O*, s:I}", "execute", command, "arguments", args, "id", (json_int_t)id);
    char *text = doc ? json_dumps(doc, JSON_COMPACT) : NULL;
    char *line;

    if (!text)
        abort(); /* out of memory, or a command name that is not UTF-8 */
    line = mem_printf("%s\n", text);
    free(text);
    json_decref(doc);
    return line;
}
