#include "lang/schema/schema_priv.h"

#include <assert.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/units.h"

/* Presets are our own texts: a wrong one is a bug. */
static void preset_set(const struct field *field, void *member)
{
    struct sv text = sv_of(field->preset);
    bool ok = true;

    switch (field->kind) {
    case FIELD_BOOL: {
        struct opt_bool *out = member;

        ok = parse_bool(text, &out->v);
        out->set = true;
        break;
    }
    case FIELD_INT: {
        struct opt_int *out = member;

        ok = parse_i64(text, &out->v);
        out->set = true;
        break;
    }
    case FIELD_STR:
    case FIELD_IP:
        *(char **)member = mem_strdup(field->preset);
        break;
    case FIELD_SIZE:
        ((struct opt_size *)member)->text = mem_strdup(field->preset);
        break;
    default:
        ok = false;
    }
    assert(ok);
    (void)ok;
}

static void size_compute(struct opt_size *size)
{
    if (!size->text || !size_parse(sv_of(size->text), &size->bytes, NULL))
        size->bytes = 0;
}

static void field_fill(const struct field *field, void *member)
{
    if (field->preset && !field_is_set(field, member))
        preset_set(field, member);
    if (field->kind == FIELD_SIZE) {
        size_compute(member);
    } else if (field->kind == FIELD_SUB) {
        schema_fill(field->sub, member);
    } else if (field->kind == FIELD_REF) {
        void *ref = field_ref_get(member);

        if (ref)
            schema_fill(field->sub, ref);
    } else if (field->kind == FIELD_LIST) {
        struct field_list list = field_list_get(member);

        for (size_t i = 0; i < list.n; i++)
            schema_fill(field->sub, field_list_at(field, list, i));
    }
}

void schema_fill(const struct field_table *table, void *object)
{
    for (size_t i = 0; i < table->n_rows; i++)
        field_fill(&table->rows[i], field_member(&table->rows[i], object));
}
