#include "svc/fetch/progress.h"

#include <stdarg.h>

#include "base/mem.h"

void progress_begin(struct progress *progress, const char *what, enum progress_unit unit)
{
    if (progress && progress->on_begin)
        progress->on_begin(progress, what, unit);
}

void progress_update(struct progress *progress, uint64_t done, uint64_t total)
{
    if (progress && progress->on_update)
        progress->on_update(progress, done, total);
}

void progress_end(struct progress *progress, bool ok)
{
    if (progress && progress->on_end)
        progress->on_end(progress, ok);
}

void progress_note_fields(struct progress *progress, enum log_level level,
                          const struct log_field *fields, size_t n_fields, const char *fmt, ...)
{
    va_list args;

    if (!progress || !progress->on_note)
        return;
    va_start(args, fmt);
    auto_mem char *text = mem_vprintf(fmt, args);
    va_end(args);
    progress->on_note(progress, level, fields, n_fields, text);
}

void progress_note(struct progress *progress, enum log_level level, const char *fmt, ...)
{
    va_list args;

    if (!progress || !progress->on_note)
        return;
    va_start(args, fmt);
    auto_mem char *text = mem_vprintf(fmt, args);
    va_end(args);
    progress->on_note(progress, level, NULL, 0, text);
}
