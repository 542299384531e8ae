#include "sys/sys_priv.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "base/mem.h"

bool sys_fail(struct err **errp, int errnum, const char *fmt, ...)
{
    auto_mem char *text = NULL;
    va_list args;

    va_start(args, fmt);
    text = mem_vprintf(fmt, args);
    va_end(args);

    if (errnum == ENOENT)
        return err_set(errp, ERR_NOT_FOUND, "%s: %s", text, strerror(errnum));
    if (errnum == EEXIST)
        return err_set(errp, ERR_EXISTS, "%s: %s", text, strerror(errnum));
    return err_set_os(errp, errnum, "%s", text);
}
