/*
 * Map from strings to pointers, in insertion order when iterated. Keys are copied, values are
 * borrowed unless a free function is given. "struct map m = { 0 }" is empty.
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/auto.h"

struct map_entry {
    char *key;
    void *value;
};

struct map {
    struct map_entry *v; /* n entries in insertion order */
    size_t n, cap;
    unsigned *index; /* open addressing: entry number + 1, 0 = free */
    size_t n_index;
    void (*free_value)(void *value); /* may be NULL */
};

void *map_get(const struct map *m, const char *key); /* NULL when absent */
bool map_has(const struct map *m, const char *key);
/* Stores a value; an existing one is released with free_value. */
void map_set(struct map *m, const char *key, void *value);
/* Removes and releases; returns false when absent. Costs O(n). */
bool map_remove(struct map *m, const char *key);
void map_done(struct map *m);
#define auto_map AUTO_CALL(map_done)

#endif
