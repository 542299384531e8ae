/*
 * Access to members by their row, for the files of this folder.
 */
#ifndef LANG_SCHEMA_SCHEMA_PRIV_H
#define LANG_SCHEMA_SCHEMA_PRIV_H

#include "lang/schema/schema.h"

/* A VEC(...) whose element type is known by its size only. Every VEC has this representation; it is
 * copied, not cast, because its type differs. */
struct field_list {
    unsigned char *v;
    size_t n, cap;
};

static inline void *field_member(const struct field *field, void *object)
{
    return (unsigned char *)object + field->offset;
}

static inline const void *field_member_const(const struct field *field, const void *object)
{
    return (const unsigned char *)object + field->offset;
}

static inline struct field_list field_list_get(const void *member)
{
    struct field_list list;

    memcpy(&list, member, sizeof(list));
    return list;
}

static inline void field_list_put(void *member, struct field_list list)
{
    memcpy(member, &list, sizeof(list));
}

static inline void *field_list_at(const struct field *field, struct field_list list, size_t i)
{
    return list.v + i * field->sub->size;
}

/* A REF member, whose pointer type is known to the owner only. */
static inline void *field_ref_get(const void *member)
{
    void *ref;

    memcpy(&ref, member, sizeof(ref));
    return ref;
}

/* Size of the member in the owning struct. */
size_t field_size(const struct field *field);
/* Does the member hold anything? */
bool field_is_set(const struct field *field, const void *member);
/* Releases what the member holds and zeroes it. */
void field_done(const struct field *field, void *member);
/* The value of a member that is set. New reference. */
json_t *field_to_json(const struct field *field, const void *member);

#endif
