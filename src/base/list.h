/*
 * Intrusive doubly linked list. The node lives inside the element; the list owns nothing.
 * list_remove() may be called on a node that is in no list.
 */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/auto.h"

struct list {
    struct list *prev, *next;
};

static inline void list_init(struct list *l)
{
    l->prev = l->next = l;
}

static inline bool list_is_empty(const struct list *l)
{
    return l->next == l || l->next == NULL;
}

static inline void list_push_back(struct list *l, struct list *node)
{
    node->prev = l->prev;
    node->next = l;
    l->prev->next = node;
    l->prev = node;
}

static inline void list_push_front(struct list *l, struct list *node)
{
    list_push_back(l->next, node);
}

static inline void list_remove(struct list *node)
{
    if (!node->next)
        return;
    node->prev->next = node->next;
    node->next->prev = node->prev;
    node->prev = node->next = NULL;
}

/* Iterates over elements of a type; the current element may be removed in the body. */
#define list_for_each(pos, head, type, member)                             \
    for (type *pos = CONTAINER_OF((head)->next, type, member),             \
              *pos##_next_ = CONTAINER_OF(pos->member.next, type, member); \
         &pos->member != (head);                                           \
         pos = pos##_next_, pos##_next_ = CONTAINER_OF(pos->member.next, type, member))

#endif
