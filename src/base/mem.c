#include "base/mem.h"

#include <stdint.h>
#include <stdio.h>

static void *check_memory(void *mem)
{
    if (!mem) {
        static const char text[] = "out of memory\n";

        (void)!write(STDERR_FILENO, text, sizeof(text) - 1);
        abort();
    }
    return mem;
}

void *mem_alloc(size_t size)
{
    return check_memory(calloc(1, size ? size : 1));
}

void *mem_array(size_t n, size_t size)
{
    /* calloc() refuses a product that overflows. */
    return check_memory(n && size ? calloc(n, size) : calloc(1, 1));
}

void *mem_resize(void *mem, size_t n, size_t size)
{
    size_t total;

    if (__builtin_mul_overflow(n, size, &total))
        return check_memory(NULL);
    return check_memory(realloc(mem, total ? total : 1));
}

void *mem_dup(const void *src, size_t size)
{
    void *copy = mem_alloc(size);

    if (size)
        memcpy(copy, src, size);
    return copy;
}

char *mem_strdup(const char *s)
{
    return s ? check_memory(strdup(s)) : NULL;
}

char *mem_strndup(const char *s, size_t n)
{
    return check_memory(strndup(s, n));
}

char *mem_vprintf(const char *fmt, va_list args)
{
    char *text = NULL;

    if (vasprintf(&text, fmt, args) < 0)
        return check_memory(NULL);
    return text;
}

char *mem_printf(const char *fmt, ...)
{
    va_list args;
    char *text;

    va_start(args, fmt);
    text = mem_vprintf(fmt, args);
    va_end(args);
    return text;
}

void mem_replace(char **slot, char *take_value)
{
    free(*slot);
    *slot = take_value;
}
