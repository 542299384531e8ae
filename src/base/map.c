#include "base/map.h"

#include "base/mem.h"

/* FNV-1a; keys are configuration keys and names, not chosen by an attacker in quantity. */
static unsigned hash_key(const char *key)
{
    unsigned h = 2166136261u;

    while (*key)
        h = (h ^ (unsigned char)*key++) * 16777619u;
    return h;
}

/* The slot that holds key, or the free slot where it belongs. */
static unsigned *find_slot(const struct map *m, const char *key)
{
    size_t mask = m->n_index - 1;
    size_t at = hash_key(key) & mask;

    while (m->index[at] && strcmp(m->v[m->index[at] - 1].key, key) != 0)
        at = (at + 1) & mask;
    return &m->index[at];
}

static void rebuild_index(struct map *m, size_t n_index)
{
    free(m->index);
    m->n_index = n_index;
    m->index = mem_array(n_index, sizeof(*m->index));
    for (size_t i = 0; i < m->n; i++)
        *find_slot(m, m->v[i].key) = (unsigned)i + 1;
}

static struct map_entry *find_entry(const struct map *m, const char *key)
{
    unsigned *slot = m->n ? find_slot(m, key) : NULL;

    return slot && *slot ? &m->v[*slot - 1] : NULL;
}

void *map_get(const struct map *m, const char *key)
{
    struct map_entry *entry = find_entry(m, key);

    return entry ? entry->value : NULL;
}

bool map_has(const struct map *m, const char *key)
{
    return find_entry(m, key) != NULL;
}

void map_set(struct map *m, const char *key, void *value)
{
    struct map_entry *entry = find_entry(m, key);

    if (entry) {
        if (m->free_value && entry->value != value)
            m->free_value(entry->value);
        entry->value = value;
        return;
    }
    if (m->n == m->cap) {
        m->cap = m->cap ? m->cap * 2 : 8;
        m->v = mem_resize(m->v, m->cap, sizeof(*m->v));
    }
    m->v[m->n++] = (struct map_entry){ mem_strdup(key), value };
    if (m->n * 2 > m->n_index)
        rebuild_index(m, m->n_index ? m->n_index * 2 : 16);
    else
        *find_slot(m, key) = (unsigned)m->n;
}

bool map_remove(struct map *m, const char *key)
{
    struct map_entry *entry = find_entry(m, key);

    if (!entry)
        return false;
    free(entry->key);
    if (m->free_value)
        m->free_value(entry->value);
    memmove(entry, entry + 1, (size_t)(m->v + m->n - entry - 1) * sizeof(*entry));
    m->n--;
    rebuild_index(m, m->n_index);
    return true;
}

void map_done(struct map *m)
{
    for (size_t i = 0; i < m->n; i++) {
        free(m->v[i].key);
        if (m->free_value)
            m->free_value(m->v[i].value);
    }
    free(m->v);
    free(m->index);
    *m = (struct map){ .free_value = m->free_value };
}
