/*
 * Tree to struct. Where the reader is ("mounts[1].location") is a chain of places on the stack,
 * which becomes text only when there is something to say. The recursion is as deep as the tables.
 */
#include "lang/schema/schema_priv.h"

#include <arpa/inet.h>
#include <inttypes.h>

#include "base/mem.h"
#include "base/sb.h"

/* A key or an entry of a list. */
struct place {
    const struct place *up; /* NULL at the root, which has no key */
    struct sv key;          /* p is NULL for an entry of a list */
    size_t index;
};

struct loader {
    struct strv *unknown; /* borrowed, may be NULL */
};

static void put_place(struct sb *out, const struct place *at)
{
    if (!at->up)
        return;
    put_place(out, at->up);
    if (!at->key.p)
        sb_putf(out, "[%zu]", at->index);
    else
        sb_putf(out, "%s%.*s", out->n ? "." : "", SV_ARG(at->key));
}

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
static char *describe_at(const struct place *at, struct yaml_mark mark, const char *text)
{
    auto_sb struct sb path = { 0 }, out = { 0 };

    put_place(&path, at);
    if (mark.line)
        sb_putf(&out, "line %u, column %u: ", mark.line, mark.column);
    if (path.n)
        sb_putf(&out, "%s: ", sb_str(&path));
    sb_puts(&out, text);
    return sb_steal(&out);
}

static bool fail_at(const struct place *at, const struct yaml_node *node, struct err **errp,
                    const char *fmt, ...) PRINTF_LIKE(4, 5);
static bool fail_at(const struct place *at, const struct yaml_node *node, struct err **errp,
                    const char *fmt, ...)
{
    auto_mem char *text = NULL, *full = NULL;
    va_list args;

    va_start(args, fmt);
    text = mem_vprintf(fmt, args);
    va_end(args);
    full = describe_at(at, node->start, text);
    return err_set(errp, ERR_INVALID, "%s", full);
}

static bool fail_type(const struct place *at, const struct yaml_node *node, const char *wanted,
                      struct err **errp)
{
    return fail_at(at, node, errp, "expected %s, found %s", wanted, node_describe(node));
}

/* Bytes that base64 text stands for, blanks and line ends left out. */
static size_t decoded_len(struct sv coded)
{
    size_t n = 0;

    for (size_t i = 0; i < coded.n; i++)
        if (!strchr(" \t\r\n=", coded.p[i]))
            n++;
    return n * 3 / 4;
}

/* Text of a scalar; null gives "". */
static bool load_text(const struct place *at, const struct yaml_node *node, char **out,
                      struct err **errp)
{
    auto_mem char *text = NULL;

    if (yaml_is_null(node)) {
        *out = mem_strdup("");
        return true;
    }
    if (node->kind != YAML_SCALAR)
        return fail_type(at, node, "a string", errp);
    if (memchr(node->text.p, '\0', node->text.n))
        return fail_at(at, node, errp, "the text holds a NUL byte");
    if (!yaml_as_text(node, &text))
        return fail_at(at, node, errp, "this is no valid base64");
    if (node->tag == YAML_TAG_BINARY && strlen(text) != decoded_len(node->text))
        return fail_at(at, node, errp, "the data holds a NUL byte");
    *out = MOVE(text);
    return true;
}

static bool load_bool(const struct place *at, const struct yaml_node *node, struct opt_bool *out,
                      struct err **errp)
{
    if (!yaml_as_bool(node, &out->v))
        return fail_type(at, node, "true or false", errp);
    out->set = true;
    return true;
}

static bool load_i64(const struct place *at, const struct yaml_node *node, int64_t *out,
                     struct err **errp)
{
    if (!yaml_as_int(node, out))
        return fail_type(at, node, "an integer", errp);
    return true;
}

static bool load_int(const struct place *at, const struct field *field,
                     const struct yaml_node *node, struct opt_int *out, struct err **errp)
{
    const struct field_check *check = &field->check;

    if (!load_i64(at, node, &out->v, errp))
        return false;
    if (check->kind == FIELD_CHECK_RANGE && (out->v < check->min || out->v > check->max))
        return fail_at(at, node, errp, "%" PRId64 " is not between %" PRId64 " and %" PRId64,
                       out->v, check->min, check->max);
    out->set = true;
    return true;
}

/* An address in its canonical text. IPv4 mapped into IPv6 is IPv4. */
static bool load_ip(const struct place *at, const struct yaml_node *node, char **out,
                    struct err **errp)
{
    auto_mem char *text = NULL;
    unsigned char addr[sizeof(struct in6_addr)];
    char canonical[INET6_ADDRSTRLEN];

    if (!load_text(at, node, &text, errp))
        return false;
    if (inet_pton(AF_INET, text, addr) == 1) {
        inet_ntop(AF_INET, addr, canonical, sizeof(canonical));
    } else if (inet_pton(AF_INET6, text, addr) == 1) {
        if (IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)(const void *)addr))
            inet_ntop(AF_INET, addr + 12, canonical, sizeof(canonical));
        else
            inet_ntop(AF_INET6, addr, canonical, sizeof(canonical));
    } else {
        return fail_at(at, node, errp, "\"%s\" is no IP address", text);
    }
    *out = mem_strdup(canonical);
    return true;
}

static bool load_pair(const struct place *at, const struct yaml_node *node, struct field_pair *out,
                      struct err **errp)
{
    if (node->kind != YAML_SEQ)
        return fail_type(at, node, "a list of two integers", errp);
    if (node->n != 2)
        return fail_at(at, node, errp, "expected a list of two integers, found %zu entries",
                       node->n);
    return load_i64(at, node->entries[0].value, &out->v[0], errp) &&
           load_i64(at, node->entries[1].value, &out->v[1], errp);
}

static bool load_strs(const struct place *at, const struct field *field,
                      const struct yaml_node *node, struct strv *out, struct err **errp)
{
    if (node->kind != YAML_SEQ)
        return fail_type(at, node, "a list", errp);
    for (size_t i = 0; i < node->n; i++) {
        const struct place here = { .up = at, .index = i };
        const struct yaml_node *item = node->entries[i].value;
        char *text = NULL;

        if (field->kind == FIELD_IPS ? !load_ip(&here, item, &text, errp)
                                     : !load_text(&here, item, &text, errp))
            return false;
        strv_push_take(out, text);
    }
    return true;
}

static bool load_map(const struct place *at, const struct yaml_node *node, struct field_map *out,
                     struct err **errp)
{
    if (node->kind != YAML_MAP)
        return fail_type(at, node, "a mapping", errp);
    for (size_t i = 0; i < node->n; i++) {
        const struct yaml_node *key = node->entries[i].key;
        const struct place here = { .up = at, .key = key->text };
        auto_mem char *value = NULL;

        if (key->kind != YAML_SCALAR || memchr(key->text.p, '\0', key->text.n))
            return fail_type(at, key, "a name", errp);
        if (!load_text(&here, node->entries[i].value, &value, errp))
            return false;
        field_map_set(out, key->text.p, value); /* "Y" and "TRUE" are names here */
    }
    return true;
}

static bool load_tree(const struct place *at, const struct yaml_node *node, struct field_tree *out,
                      struct err **errp)
{
    if (node->kind != YAML_MAP)
        return fail_type(at, node, "a mapping", errp);
    out->doc = yaml_doc_new();
    out->doc->root = yaml_copy(out->doc, node);
    return true;
}

static bool load_object(struct loader *l, const struct place *at, const struct field_table *table,
                        void *object, const struct yaml_node *node, struct err **errp);

static bool load_ref(struct loader *l, const struct place *at, const struct field *field,
                     const struct yaml_node *node, void *member, struct err **errp)
{
    void *ref = mem_alloc(field->sub->size);

    memcpy(member, &ref, sizeof(ref));
    return load_object(l, at, field->sub, ref, node, errp);
}

static bool load_list(struct loader *l, const struct place *at, const struct field *field,
                      const struct yaml_node *node, void *member, struct err **errp)
{
    bool one = (field->flags & FIELD_ONE) && node->kind == YAML_SCALAR;
    size_t n = one ? 1 : node->n;
    struct field_list list = { 0 };

    if (node->kind != YAML_SEQ && !one)
        return fail_type(at, node, field->flags & FIELD_ONE ? "a string or a list" : "a list",
                         errp);
    if (n == 0)
        return true;
    list.v = mem_array(n, field->sub->size);
    list.n = list.cap = n;
    field_list_put(member, list);
    for (size_t i = 0; i < n; i++) {
        const struct place here = { .up = at, .index = i };

        if (!load_object(l, &here, field->sub, field_list_at(field, list, i),
                         one ? node : node->entries[i].value, errp))
            return false;
    }
    return true;
}

static bool load_field(struct loader *l, const struct place *at, const struct field *field,
                       const struct yaml_node *node, void *member, struct err **errp)
{
    switch (field->kind) {
    case FIELD_BOOL:
        return load_bool(at, node, member, errp);
    case FIELD_INT:
        return load_int(at, field, node, member, errp);
    case FIELD_STR:
        return load_text(at, node, member, errp);
    case FIELD_SIZE:
        return load_text(at, node, &((struct opt_size *)member)->text, errp);
    case FIELD_IP:
        return load_ip(at, node, member, errp);
    case FIELD_PAIR:
        return load_pair(at, node, member, errp);
    case FIELD_STRS:
    case FIELD_IPS:
        return load_strs(at, field, node, member, errp);
    case FIELD_MAP:
        return load_map(at, node, member, errp);
    case FIELD_TREE:
        return load_tree(at, node, member, errp);
    case FIELD_SUB:
        return load_object(l, at, field->sub, member, node, errp);
    case FIELD_REF:
        return load_ref(l, at, field, node, member, errp);
    case FIELD_LIST:
        return load_list(l, at, field, node, member, errp);
    case FIELD_KIND_COUNT:
        break;
    }
    return fail_at(at, node, errp, "this kind of value cannot be read");
}

static const struct field *find_row(const struct field_table *table, struct sv key)
{
    for (size_t i = 0; i < table->n_rows; i++) {
        const char *known = table->rows[i].key;

        if (*known == *key.p && sv_eq_str(key, known))
            return &table->rows[i];
    }
    return NULL;
}

static bool load_entry(struct loader *l, const struct place *at, const struct field_table *table,
                       void *object, const struct yaml_entry *entry, struct err **errp)
{
    const struct place here = { .up = at, .key = entry->key->text };
    const struct field *field;
    void *member;

    if (entry->key->kind != YAML_SCALAR)
        return fail_type(at, entry->key, "a key", errp);
    field = find_row(table, entry->key->text);
    if (!field) {
        if (l->unknown)
            strv_push_take(l->unknown, describe_at(&here, entry->key->start, "unknown key"));
        return true;
    }
    if (yaml_is_null(entry->value))
        return true;
    member = field_member(field, object);
    field_done(field, member); /* a tree that was not loaded from text may repeat a key */
    return load_field(l, &here, field, entry->value, member, errp);
}

static bool load_object(struct loader *l, const struct place *at, const struct field_table *table,
                        void *object, const struct yaml_node *node, struct err **errp)
{
    if (yaml_is_null(node))
        return true;
    if (table->shorthand && node->kind == YAML_SCALAR) {
        const struct field *field = find_row(table, sv_of(table->shorthand));

        return load_field(l, at, field, node, field_member(field, object), errp);
    }
    if (node->kind != YAML_MAP)
        return fail_type(at, node, table->shorthand ? "a string or a mapping" : "a mapping", errp);
    for (size_t i = 0; i < node->n; i++)
        if (!load_entry(l, at, table, object, &node->entries[i], errp))
            return false;
    return true;
}

bool schema_load(const struct field_table *table, void *object, const struct yaml_node *node,
                 struct strv *unknown, struct err **errp)
{
    struct loader l = { .unknown = unknown };
    const struct place root = { .up = NULL };

    return load_object(&l, &root, table, object, node, errp);
}
