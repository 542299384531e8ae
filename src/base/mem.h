/*
 * Allocation that never returns NULL: out of memory aborts the process. Sizes that come from input
 * are limited by the caller before they get here. Memory is released with free().
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stdarg.h>
#include <stddef.h>

#include "base/auto.h"

void *mem_alloc(size_t size);                       /* zeroed; size 0 is treated as 1 */
void *mem_array(size_t n, size_t size);             /* zeroed; aborts when n * size overflows */
void *mem_resize(void *mem, size_t n, size_t size); /* new part is not zeroed */
void *mem_dup(const void *src, size_t size);

#define mem_new(type) ((type *)mem_alloc(sizeof(type)))

char *mem_strdup(const char *s); /* NULL gives NULL */
char *mem_strndup(const char *s, size_t n);
char *mem_printf(const char *fmt, ...) PRINTF_LIKE(1, 2);
char *mem_vprintf(const char *fmt, va_list args) PRINTF_LIKE(1, 0);

/* Frees *slot and stores take_value there. */
void mem_replace(char **slot, char *take_value);

#endif
