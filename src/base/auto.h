/*
 * Scope guards: a guarded variable is released when it goes out of scope.
 *
 * Initialise a guarded variable at its declaration. Every release function accepts NULL (or -1 for
 * descriptors). MOVE() disarms a guard and yields the value:
 *
 *     auto_mem char *text = mem_strdup("x");
 *     ...
 *     return MOVE(text);
 */
#ifndef BASE_AUTO_H
#define BASE_AUTO_H

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define AUTO_CALL(fn) __attribute__((cleanup(fn), unused)) /* unused: but for the guard */

/* Declares NAME_auto(), the guard for objects that NAME_free() destroys. */
#define AUTO_DECLARE(type, name)                \
    static inline void name##_auto(type **slot) \
    {                                           \
        name##_free(*slot);                     \
    }                                           \
    struct name##_auto_needs_a_semicolon

static inline void mem_auto(void *slot)
{
    void *mem;

    memcpy(&mem, slot, sizeof(mem)); /* slot is a "T **" of unknown T */
    free(mem);
}
#define auto_mem AUTO_CALL(mem_auto)

static inline void fd_auto(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
}
#define auto_fd AUTO_CALL(fd_auto)

/* Yields a pointer variable and leaves NULL in it. */
#define MOVE(var)                           \
    __extension__({                         \
        __typeof__(var) moved_out_ = (var); \
        (var) = NULL;                       \
        moved_out_;                         \
    })

/* Yields a descriptor variable and leaves -1 in it. */
#define MOVE_FD(var)            \
    __extension__({             \
        int moved_out_ = (var); \
        (var) = -1;             \
        moved_out_;             \
    })

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#define MUST_USE               __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

#endif
