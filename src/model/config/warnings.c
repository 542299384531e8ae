#include "model/config/config_priv.h"

#include "base/mem.h"

static PRINTF_LIKE(2, 0) struct config_warning *push(struct config_warnings *warnings,
                                                     const char *fmt, va_list args)
{
    struct config_warning *warning = vec_push(warnings);

    warning->text = mem_vprintf(fmt, args);
    return warning;
}

void config_warn(struct config_warnings *warnings, const char *fmt, ...)
{
    va_list args;

    if (!warnings)
        return;
    va_start(args, fmt);
    push(warnings, fmt, args);
    va_end(args);
}

void config_warn_error(struct config_warnings *warnings, const char *comment, const char *error,
                       const char *fmt, ...)
{
    struct config_warning *warning;
    va_list args;

    if (!warnings)
        return;
    va_start(args, fmt);
    warning = push(warnings, fmt, args);
    va_end(args);
    warning->comment = mem_strdup(comment);
    warning->error = mem_strdup(error);
}

size_t config_warning_fields(const struct config_warning *warning, struct log_field out[2])
{
    size_t n = 0;

    if (warning->comment)
        out[n++] = (struct log_field){ "comment", warning->comment };
    if (warning->error)
        out[n++] = (struct log_field){ "error", warning->error };
    return n;
}

void config_warnings_done(struct config_warnings *warnings)
{
    for (size_t i = 0; i < warnings->n; i++) {
        free(warnings->v[i].text);
        free(warnings->v[i].comment);
        free(warnings->v[i].error);
    }
    vec_done(warnings);
}
