/*
 * Intrusive hash index: entries live inside the elements, the index owns only its slots. Elements
 * with equal keys are told apart by the caller, who walks hash_first() / hash_next().
 *
 *     for (struct hash_entry *e = hash_first(&h, key); e; e = hash_next(e))
 *         if (is_wanted(CONTAINER_OF(e, struct node, by_id)))
 *             ...
 *
 * Keys are hash values already: whoever fills an index with what others choose mixes a secret in
 * (seed), so that nobody can make them collide. "struct hash h = { 0 }" is empty.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"
#include "base/sv.h"

struct hash_entry {
    struct hash_entry *next;
    uint64_t key;
};

struct hash {
    struct hash_entry **slots;
    size_t n_slots, n;
};

void hash_add(struct hash *h, struct hash_entry *entry, uint64_t key);
/* The entry must be in the index. */
void hash_remove(struct hash *h, struct hash_entry *entry);
struct hash_entry *hash_first(const struct hash *h, uint64_t key); /* NULL when there is none */
struct hash_entry *hash_next(const struct hash_entry *entry);      /* with the same key */
/* Elements are not touched. */
void hash_done(struct hash *h);
#define auto_hash AUTO_CALL(hash_done)

/* Key functions. */
uint64_t hash_u64(uint64_t value, uint64_t seed);
uint64_t hash_bytes(struct sv bytes, uint64_t seed);

#endif
