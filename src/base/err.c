#include "base/err.h"

#include <assert.h>
#include <stdarg.h>

#include "base/mem.h"

struct err {
    enum err_kind kind;
    int number; /* errno for ERR_OS, exit status for ERR_CHILD */
    char *text;
    char *hint;
};

static void err_store(struct err **errp, enum err_kind kind, int number, char *take_text)
{
    struct err *err = mem_new(struct err);

    assert(!*errp); /* an earlier error would be lost */
    err->kind = kind;
    err->number = number;
    err->text = take_text;
    *errp = err;
}

bool err_set(struct err **errp, enum err_kind kind, const char *fmt, ...)
{
    va_list args;

    if (!errp)
        return false;
    va_start(args, fmt);
    err_store(errp, kind, 0, mem_vprintf(fmt, args));
    va_end(args);
    return false;
}

bool err_set_os(struct err **errp, int errnum, const char *fmt, ...)
{
    va_list args;
    char *context;

    if (!errp)
        return false;
    va_start(args, fmt);
    context = mem_vprintf(fmt, args);
    va_end(args);
    err_store(errp, ERR_OS, errnum, mem_printf("%s: %s", context, strerror(errnum)));
    free(context);
    return false;
}

bool err_set_child(struct err **errp, int status, const char *fmt, ...)
{
    va_list args;

    if (!errp)
        return false;
    va_start(args, fmt);
    err_store(errp, ERR_CHILD, status, mem_vprintf(fmt, args));
    va_end(args);
    return false;
}

bool err_wrap(struct err **errp, const char *fmt, ...)
{
    va_list args;
    char *context;

    if (!errp || !*errp)
        return false;
    va_start(args, fmt);
    context = mem_vprintf(fmt, args);
    va_end(args);
    mem_replace(&(*errp)->text, mem_printf("%s: %s", context, (*errp)->text));
    free(context);
    return false;
}

bool err_hint(struct err **errp, const char *fmt, ...)
{
    va_list args;

    if (!errp || !*errp)
        return false;
    va_start(args, fmt);
    mem_replace(&(*errp)->hint, mem_vprintf(fmt, args));
    va_end(args);
    return false;
}

bool err_propagate(struct err **errp, struct err *take_err)
{
    if (!errp) {
        err_free(take_err);
        return false;
    }
    assert(take_err && !*errp);
    *errp = take_err;
    return false;
}

enum err_kind err_kind(const struct err *err)
{
    return err->kind;
}

const char *err_text(const struct err *err)
{
    return err->text;
}

const char *err_hint_text(const struct err *err)
{
    return err->hint;
}

int err_errno(const struct err *err)
{
    return err->kind == ERR_OS ? err->number : 0;
}

int err_child_status(const struct err *err)
{
    return err->kind == ERR_CHILD ? err->number : -1;
}

void err_free(struct err *err)
{
    if (!err)
        return;
    free(err->text);
    free(err->hint);
    free(err);
}
