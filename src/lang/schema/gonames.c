#include "lang/schema/schema_priv.h"

#include <ctype.h>

#include "base/mem.h"

/* Keys whose Go name is not just the key with a capital. */
static const struct {
    const char *key, *name;
} go_names[] = {
    { "9p", "NineP" },
    { "binfmt", "BinFmt" },
    { "caCerts", "CACertificates" },
    { "cpuType", "CPUType" },
    { "cpus", "CPUs" },
    { "dns", "DNS" },
    { "fsArgs", "FSArgs" },
    { "fsType", "FSType" },
    { "guest", "GuestFile" },
    { "host", "HostFile" },
    { "ipv6", "IPv6" },
    { "macAddress", "MACAddress" },
    { "os", "OS" },
    { "sftpDriver", "SFTPDriver" },
    { "ssh", "SSH" },
    { "sshfs", "SSHFS" },
    { "timezone", "TimeZone" },
    { "tpm", "TPM" },
    { "uid", "UID" },
    { "url", "URL" },
    { "vmOpts", "VMOpts" },
    { "vmType", "VMType" },
    { "vnc", "VNC" },
    { "vzNAT", "VZNAT" },
};

static char *go_name(const char *key)
{
    char *name;

    for (size_t i = 0; i < COUNT(go_names); i++)
        if (strcmp(go_names[i].key, key) == 0)
            return mem_strdup(go_names[i].name);
    name = mem_strdup(key);
    name[0] = (char)toupper((unsigned char)name[0]);
    return name;
}

static json_t *list_to_go(const struct field *field, const void *member)
{
    struct field_list list = field_list_get(member);
    json_t *out = json_array();

    for (size_t i = 0; i < list.n; i++)
        json_array_append_new(out, schema_to_go(field->sub, field_list_at(field, list, i)));
    return out;
}

/* What Go has where nothing is set. */
static json_t *zero_value(const struct field *field)
{
    switch (field->kind) {
    case FIELD_STRS:
    case FIELD_IPS:
        return json_array();
    case FIELD_MAP:
    case FIELD_TREE:
        return json_object();
    case FIELD_REF:
        return json_null();
    case FIELD_BOOL:
        return field->flags & FIELD_KEEP ? json_null() : json_false();
    case FIELD_INT:
        return field->flags & FIELD_KEEP ? json_null() : json_integer(0);
    default:
        return field->flags & FIELD_KEEP ? json_null() : json_string_nocheck("");
    }
}

static json_t *field_to_go(const struct field *field, const void *member)
{
    if (field->kind == FIELD_SUB)
        return schema_to_go(field->sub, member);
    if (field->kind == FIELD_LIST)
        return list_to_go(field, member);
    if (field->kind != FIELD_PAIR && !field_is_set(field, member))
        return zero_value(field);
    if (field->kind == FIELD_REF)
        return schema_to_go(field->sub, field_ref_get(member));
    return field_to_json(field, member);
}

json_t *schema_to_go(const struct field_table *table, const void *object)
{
    json_t *out = json_object();

    for (size_t i = 0; i < table->n_rows; i++) {
        const struct field *field = &table->rows[i];
        auto_mem char *name = go_name(field->key);

        json_object_set_new_nocheck(out, name,
                                    field_to_go(field, field_member_const(field, object)));
    }
    return out;
}

void schema_pair_go(const struct field_table *table, const json_t *go, json_t *json,
                    void (*twin)(void *ctx, const json_t *go, json_t *json), void *ctx)
{
    if (!json_is_object(go) || !json_is_object(json))
        return;
    twin(ctx, go, json);
    for (size_t i = 0; i < table->n_rows; i++) {
        const struct field *field = &table->rows[i];
        auto_mem char *name = go_name(field->key);
        const json_t *go_member = json_object_get(go, name);
        json_t *member = json_object_get(json, field->key);

        if (field->kind == FIELD_SUB || field->kind == FIELD_REF) {
            schema_pair_go(field->sub, go_member, member, twin, ctx);
        } else if (field->kind == FIELD_LIST && member) {
            twin(ctx, go_member, member);
            for (size_t k = 0; k < json_array_size(member); k++)
                schema_pair_go(field->sub, json_array_get(go_member, k), json_array_get(member, k),
                               twin, ctx);
        }
    }
}
