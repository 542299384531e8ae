/*
 * Typed growable array. VEC(T) declares the type; a zeroed value is empty. Elements are plain
 * memory: whoever pushes owning elements releases them before vec_done().
 *
 *     VEC(struct lease) leases = { 0 };
 *     *vec_push(&leases) = (struct lease){ .ip = ip };
 */
#ifndef BASE_VEC_H
#define BASE_VEC_H

#include "base/mem.h"

#define VEC(type)      \
    struct {           \
        type *v;       \
        size_t n, cap; \
    }

/* Adds a zeroed element and yields a pointer to it, valid until the next push. */
#define vec_push(vec)                                                   \
    __extension__({                                                     \
        __typeof__(vec) vec_ = (vec);                                   \
        if (vec_->n == vec_->cap) {                                     \
            vec_->cap = vec_->cap ? vec_->cap * 2 : 8;                  \
            vec_->v = mem_resize(vec_->v, vec_->cap, sizeof(*vec_->v)); \
        }                                                               \
        memset(&vec_->v[vec_->n], 0, sizeof(*vec_->v));                 \
        &vec_->v[vec_->n++];                                            \
    })

/* Removes element i, keeping the order. */
#define vec_remove(vec, i)                                                                 \
    do {                                                                                   \
        __typeof__(vec) vec_ = (vec);                                                      \
        size_t at_ = (i);                                                                  \
        memmove(&vec_->v[at_], &vec_->v[at_ + 1], (vec_->n - at_ - 1) * sizeof(*vec_->v)); \
        vec_->n--;                                                                         \
    } while (0)

#define vec_done(vec)              \
    do {                           \
        free((vec)->v);            \
        (vec)->v = NULL;           \
        (vec)->n = (vec)->cap = 0; \
    } while (0)

#endif
