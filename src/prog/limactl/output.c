#include "prog/limactl/output.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/sb.h"
#include "sys/file.h"
#include "sys/tty.h"

/* Collected text is written when it grows beyond this. */
#define FLUSH_SIZE ((size_t)64 * 1024)

static struct sb pending;
static struct err *first_error;
static bool write_failed;

static void write_pending(void)
{
    if (pending.n == 0)
        return;
    /* After a failure nothing more is tried. */
    if (!write_failed)
        write_failed = !file_write_fd(STDOUT_FILENO, "standard output", sb_view(&pending),
                                      &first_error);
    sb_truncate(&pending, 0);
}

void output_put(struct sv text)
{
    sb_put(&pending, text);
    if (pending.n > FLUSH_SIZE)
        write_pending();
}

void output_puts(const char *text)
{
    output_put(sv_of(text));
}

void output_printf(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    sb_vputf(&pending, fmt, args);
    va_end(args);
    if (pending.n > FLUSH_SIZE)
        write_pending();
}

bool output_flush(struct err **errp)
{
    write_pending();
    sb_done(&pending);
    if (!first_error)
        return true;
    if (err_errno(first_error) == EPIPE) {
        err_free(first_error);
        first_error = NULL;
        return true;
    }
    if (!errp)
        err_free(first_error);
    else
        err_propagate(errp, first_error);
    first_error = NULL;
    return false;
}

bool output_is_tty(void)
{
    const char *forced = getenv("_LIMA_OUTPUT_IS_TTY");

    return (forced && forced[0]) || tty_is(STDOUT_FILENO);
}
