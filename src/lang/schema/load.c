/*
 * Tree to struct. The path of the key being read ("mounts[1].location") grows and shrinks in the
 * loader with the recursion, whose depth is that of the tables.
 */
#include "lang/schema/schema_priv.h"

#include <arpa/inet.h>
#include <inttypes.h>

#include "base/mem.h"
#include "base/sb.h"

struct loader {
    struct strv *unknown; /* borrowed, may be NULL */
    struct sb path;
};

static const char *node_describe(const struct yaml_node *node)
{
    switch (node->tag) {
    case YAML_TAG_NULL:
        return "nothing";
    case YAML_TAG_BOOL:
        return "a boolean";
    case YAML_TAG_INT:
    case YAML_TAG_FLOAT:
        return "a number";
    case YAML_TAG_STR:
        return "a string";
    case YAML_TAG_BINARY:
        return "binary data";
    case YAML_TAG_SEQ:
        return "a list";
    case YAML_TAG_MAP:
        return "a mapping";
    case YAML_TAG_COUNT:
        break;
    }
    return "something else";
}

/* "line 3, column 5: mounts[1].location: text" */
static char *describe_at(const struct loader *l, struct yaml_mark at, const char *text)
{
    auto_sb struct sb out = { 0 };

    if (at.line)
        sb_putf(&out, "line %u, column %u: ", at.line, at.column);
    if (l->path.n)
        sb_putf(&out, "%s: ", sb_str(&l->path));
    sb_puts(&out, text);
    return sb_steal(&out);
}

static bool fail_at(const struct loader *l, const struct yaml_node *node, struct err **errp,
                    const char *fmt, ...) PRINTF_LIKE(4, 5);
static bool fail_at(const struct loader *l, const struct yaml_node *node, struct err **errp,
                    const char *fmt, ...)
{
    auto_mem char *text = NULL, *full = NULL;
    va_list args;

    va_start(args, fmt);
    text = mem_vprintf(fmt, args);
    va_end(args);
    full = describe_at(l, node->start, text);
    return err_set(errp, ERR_INVALID, "%s", full);
}

static bool fail_type(const struct loader *l, const struct yaml_node *node, const char *wanted,
                      struct err **errp)
{
    return fail_at(l, node, errp, "expected %s, found %s", wanted, node_describe(node));
}

/* Text of a scalar; null gives "". */
static bool load_text(const struct loader *l, const struct yaml_node *node, char **out,
                      struct err **errp)
{
    if (yaml_is_null(node)) {
        *out = mem_strdup("");
        return true;
    }
    if (node->kind != YAML_SCALAR)
        return fail_type(l, node, "a string", errp);
    if (memchr(node->text.p, '\0', node->text.n))
        return fail_at(l, node, errp, "the text holds a NUL byte");
    if (!yaml_as_text(node, out))
        return fail_at(l, node, errp, "this is no valid base64");
    return true;
}

static bool load_bool(const struct loader *l, const struct yaml_node *node, struct opt_bool *out,
                      struct err **errp)
{
    if (!yaml_as_bool(node, &out->v))
        return fail_type(l, node, "true or false", errp);
    out->set = true;
    return true;
}

static bool load_i64(const struct loader *l, const struct yaml_node *node, int64_t *out,
                     struct err **errp)
{
    if (!yaml_as_int(node, out))
        return fail_type(l, node, "an integer", errp);
    return true;
}

static bool load_int(const struct loader *l, const struct field *field,
                     const struct yaml_node *node, struct opt_int *out, struct err **errp)
{
    const struct field_check *check = &field->check;

    if (!load_i64(l, node, &out->v, errp))
        return false;
    if (check->kind == FIELD_CHECK_RANGE && (out->v < check->min || out->v > check->max))
        return fail_at(l, node, errp, "%" PRId64 " is not between %" PRId64 " and %" PRId64, out->v,
                       check->min, check->max);
    out->set = true;
    return true;
}

/* An address in its canonical text. IPv4 mapped into IPv6 is IPv4. */
static bool load_ip(const struct loader *l, const struct yaml_node *node, char **out,
                    struct err **errp)
{
    auto_mem char *text = NULL;
    unsigned char addr[sizeof(struct in6_addr)];
    char canonical[INET6_ADDRSTRLEN];

    if (!load_text(l, node, &text, errp))
        return false;
    if (inet_pton(AF_INET, text, addr) == 1) {
        inet_ntop(AF_INET, addr, canonical, sizeof(canonical));
    } else if (inet_pton(AF_INET6, text, addr) == 1) {
        if (IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)(const void *)addr))
            inet_ntop(AF_INET, addr + 12, canonical, sizeof(canonical));
        else
            inet_ntop(AF_INET6, addr, canonical, sizeof(canonical));
    } else {
        return fail_at(l, node, errp, "\"%s\" is no IP address", text);
    }
    *out = mem_strdup(canonical);
    return true;
}

static bool load_pair(struct loader *l, const struct yaml_node *node, struct field_pair *out,
                      struct err **errp)
{
    if (node->kind != YAML_SEQ)
        return fail_type(l, node, "a list of two integers", errp);
    if (node->n != 2)
        return fail_at(l, node, errp, "expected a list of two integers, found %zu entries",
                       node->n);
    return load_i64(l, node->entries[0].value, &out->v[0], errp) &&
           load_i64(l, node->entries[1].value, &out->v[1], errp);
}

static bool load_strs(struct loader *l, const struct field *field, const struct yaml_node *node,
                      struct strv *out, struct err **errp)
{
    size_t mark = l->path.n;

    if (node->kind != YAML_SEQ)
        return fail_type(l, node, "a list", errp);
    for (size_t i = 0; i < node->n; i++) {
        const struct yaml_node *item = node->entries[i].value;
        char *text = NULL;
        bool ok;

        sb_putf(&l->path, "[%zu]", i);
        ok = field->kind == FIELD_IPS ? load_ip(l, item, &text, errp)
                                      : load_text(l, item, &text, errp);
        if (!ok)
            return false;
        strv_push_take(out, text);
        sb_truncate(&l->path, mark);
    }
    return true;
}

static bool load_map(struct loader *l, const struct yaml_node *node, struct field_map *out,
                     struct err **errp)
{
    size_t mark = l->path.n;

    if (node->kind != YAML_MAP)
        return fail_type(l, node, "a mapping", errp);
    for (size_t i = 0; i < node->n; i++) {
        auto_mem char *key = NULL, *value = NULL;

        if (!load_text(l, node->entries[i].key, &key, errp))
            return false;
        sb_putf(&l->path, ".%s", key);
        if (!load_text(l, node->entries[i].value, &value, errp))
            return false;
        sb_truncate(&l->path, mark);
        field_map_set(out, key, value);
    }
    return true;
}

static bool load_tree(const struct loader *l, const struct yaml_node *node, struct field_tree *out,
                      struct err **errp)
{
    if (node->kind != YAML_MAP)
        return fail_type(l, node, "a mapping", errp);
    out->doc = yaml_doc_new();
    out->doc->root = yaml_copy(out->doc, node);
    return true;
}

static bool load_object(struct loader *l, const struct field_table *table, void *object,
                        const struct yaml_node *node, struct err **errp);

static bool load_ref(struct loader *l, const struct field *field, const struct yaml_node *node,
                     void *member, struct err **errp)
{
    void *ref = mem_alloc(field->sub->size);

    memcpy(member, &ref, sizeof(ref));
    return load_object(l, field->sub, ref, node, errp);
}

static bool load_list(struct loader *l, const struct field *field, const struct yaml_node *node,
                      void *member, struct err **errp)
{
    bool one = (field->flags & FIELD_ONE) && node->kind == YAML_SCALAR;
    size_t mark = l->path.n, n = one ? 1 : node->n;
    struct field_list list = { 0 };

    if (node->kind != YAML_SEQ && !one)
        return fail_type(l, node, field->flags & FIELD_ONE ? "a string or a list" : "a list", errp);
    if (n == 0)
        return true;
    list.v = mem_array(n, field->sub->size);
    list.n = list.cap = n;
    field_list_put(member, list);
    for (size_t i = 0; i < n; i++) {
        sb_putf(&l->path, "[%zu]", i);
        if (!load_object(l, field->sub, field_list_at(field, list, i),
                         one ? node : node->entries[i].value, errp))
            return false;
        sb_truncate(&l->path, mark);
    }
    return true;
}

static bool load_field(struct loader *l, const struct field *field, const struct yaml_node *node,
                       void *member, struct err **errp)
{
    switch (field->kind) {
    case FIELD_BOOL:
        return load_bool(l, node, member, errp);
    case FIELD_INT:
        return load_int(l, field, node, member, errp);
    case FIELD_STR:
        return load_text(l, node, member, errp);
    case FIELD_SIZE:
        return load_text(l, node, &((struct opt_size *)member)->text, errp);
    case FIELD_IP:
        return load_ip(l, node, member, errp);
    case FIELD_PAIR:
        return load_pair(l, node, member, errp);
    case FIELD_STRS:
    case FIELD_IPS:
        return load_strs(l, field, node, member, errp);
    case FIELD_MAP:
        return load_map(l, node, member, errp);
    case FIELD_TREE:
        return load_tree(l, node, member, errp);
    case FIELD_SUB:
        return load_object(l, field->sub, member, node, errp);
    case FIELD_REF:
        return load_ref(l, field, node, member, errp);
    case FIELD_LIST:
        return load_list(l, field, node, member, errp);
    case FIELD_KIND_COUNT:
        break;
    }
    return fail_at(l, node, errp, "this kind of value cannot be read");
}

static const struct field *find_row(const struct field_table *table, struct sv key)
{
    for (size_t i = 0; i < table->n_rows; i++)
        if (sv_eq_str(key, table->rows[i].key))
            return &table->rows[i];
    return NULL;
}

static bool load_entry(struct loader *l, const struct field_table *table, void *object,
                       const struct yaml_entry *entry, struct err **errp)
{
    size_t mark = l->path.n;
    const struct field *field;
    void *member;

    if (entry->key->kind != YAML_SCALAR)
        return fail_type(l, entry->key, "a key", errp);
    sb_putf(&l->path, "%s%.*s", mark ? "." : "", SV_ARG(entry->key->text));
    field = find_row(table, entry->key->text);
    if (!field) {
        if (l->unknown)
            strv_push_take(l->unknown, describe_at(l, entry->key->start, "unknown key"));
    } else if (!yaml_is_null(entry->value)) {
        member = field_member(field, object);
        field_done(field, member); /* "a" and "\x61" are one key in two spellings */
        if (!load_field(l, field, entry->value, member, errp))
            return false;
    }
    sb_truncate(&l->path, mark);
    return true;
}

static bool load_object(struct loader *l, const struct field_table *table, void *object,
                        const struct yaml_node *node, struct err **errp)
{
    if (yaml_is_null(node))
        return true;
    if (table->shorthand && node->kind == YAML_SCALAR) {
        const struct field *field = find_row(table, sv_of(table->shorthand));

        return load_field(l, field, node, field_member(field, object), errp);
    }
    if (node->kind != YAML_MAP)
        return fail_type(l, node, table->shorthand ? "a string or a mapping" : "a mapping", errp);
    for (size_t i = 0; i < node->n; i++)
        if (!load_entry(l, table, object, &node->entries[i], errp))
            return false;
    return true;
}

bool schema_load(const struct field_table *table, void *object, const struct yaml_node *node,
                 struct strv *unknown, struct err **errp)
{
    auto_sb struct sb path = { 0 };
    struct loader l = { .unknown = unknown };
    bool ok = load_object(&l, table, object, node, errp);

    path = l.path; /* released by the guard */
    return ok;
}
