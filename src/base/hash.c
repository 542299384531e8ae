#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { SLOTS_MIN = 16 };

static struct hash_entry **slot_of(const struct hash *h, uint64_t key)
{
    return &h->slots[key & (h->n_slots - 1)];
}

static void put(struct hash *h, struct hash_entry *entry)
{
    struct hash_entry **slot = slot_of(h, entry->key);

    entry->next = *slot;
    *slot = entry;
}

static void resize(struct hash *h, size_t n_slots)
{
    struct hash old = *h;

    h->slots = mem_array(n_slots, sizeof(*h->slots));
    h->n_slots = n_slots;
    for (size_t i = 0; i < old.n_slots; i++)
        for (struct hash_entry *e = old.slots[i], *next; e; e = next) {
            next = e->next;
            put(h, e);
        }
    free(old.slots);
}

void hash_add(struct hash *h, struct hash_entry *entry, uint64_t key)
{
    if (h->n >= h->n_slots)
        resize(h, h->n_slots ? h->n_slots * 2 : SLOTS_MIN);
    entry->key = key;
    put(h, entry);
    h->n++;
}

void hash_remove(struct hash *h, struct hash_entry *entry)
{
    struct hash_entry **at = slot_of(h, entry->key);

    while (*at != entry)
        at = &(*at)->next;
    *at = entry->next;
    h->n--;
    if (h->n_slots > SLOTS_MIN && h->n < h->n_slots / 8)
        resize(h, h->n_slots / 4);
}

static struct hash_entry *with_key(struct hash_entry *entry, uint64_t key)
{
    while (entry && entry->key != key)
        entry = entry->next;
    return entry;
}

struct hash_entry *hash_first(const struct hash *h, uint64_t key)
{
    return h->n ? with_key(*slot_of(h, key), key) : NULL;
}

struct hash_entry *hash_next(const struct hash_entry *entry)
{
    return with_key(entry->next, entry->key);
}

void hash_done(struct hash *h)
{
    free(h->slots);
    *h = (struct hash){ 0 };
}

uint64_t hash_u64(uint64_t value, uint64_t seed)
{
    uint64_t x = value ^ seed;

    /* The finalizer of SplitMix64. */
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

uint64_t hash_bytes(struct sv bytes, uint64_t seed)
{
    uint64_t x = hash_u64(bytes.n, seed);

    for (; bytes.n >= 8; bytes = sv_slice(bytes, 8, bytes.n)) {
        uint64_t word;

        memcpy(&word, bytes.p, 8);
        x = hash_u64(word, x);
    }
    if (bytes.n > 0) {
        uint64_t word = 0;

        memcpy(&word, bytes.p, bytes.n);
        x = hash_u64(word, x);
    }
    return x;
}
