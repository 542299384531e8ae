/*
 * Shared by the files of sys/.
 */
#ifndef SYS_SYS_PRIV_H
#define SYS_SYS_PRIV_H

#include "base/err.h"

/* Like err_set_os(), with the kinds that callers ask for: ENOENT is ERR_NOT_FOUND, EEXIST is
 * ERR_EXISTS. */
bool sys_fail(struct err **errp, int errnum, const char *fmt, ...) PRINTF_LIKE(3, 4);

#endif
