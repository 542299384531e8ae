/*
 * Error objects: why something failed, as one sentence that grows context on its way up.
 *
 * Fallible functions take "struct err **errp" last and return bool (or NULL for constructors); the
 * caller branches on the result. *errp must be NULL on entry; errp itself may be NULL when the
 * caller does not care. Texts are lower case without a full stop, so that wraps read as a sentence:
 *
 *     if (!file_read_text(path, 32, &text, errp))
 *         return err_wrap(errp, "reading the pid file");
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdbool.h>

#include "base/auto.h"

struct err; /* NULL means "no error" */

enum err_kind {
    ERR_INTERNAL, /* a bug of ours */
    ERR_INVALID,  /* bad user input: config, flag, expression */
    ERR_NOT_FOUND,
    ERR_EXISTS,
    ERR_BUSY,
    ERR_TIMEOUT,
    ERR_CANCELED,
    ERR_UNSUPPORTED, /* driver or host cannot do it */
    ERR_OS,          /* a system call failed; carries errno */
    ERR_CHILD,       /* a subprocess failed; carries its exit status */
    ERR_PROTOCOL,    /* the peer broke the wire format */
};

/* Each stores into *errp, unless errp is NULL, and returns false. */
bool err_set(struct err **errp, enum err_kind kind, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* The text gets ": " and strerror(errnum) appended. */
bool err_set_os(struct err **errp, int errnum, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* status is the exit status of a child: 0-255, or 128 + signal. */
bool err_set_child(struct err **errp, int status, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Puts "context: " in front of the text of *errp. */
bool err_wrap(struct err **errp, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Advice for the user, kept apart from the text. A second hint replaces the first. */
bool err_hint(struct err **errp, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Hands an error on; takes ownership of take_err, which must not be NULL. */
bool err_propagate(struct err **errp, struct err *take_err);

enum err_kind err_kind(const struct err *err);
const char *err_text(const struct err *err);      /* borrowed until the error changes */
const char *err_hint_text(const struct err *err); /* borrowed; NULL when there is none */
int err_errno(const struct err *err);             /* 0 unless ERR_OS */
int err_child_status(const struct err *err);      /* -1 unless ERR_CHILD */

void err_free(struct err *err);
AUTO_DECLARE(struct err, err);
#define auto_err AUTO_CALL(err_auto)

#endif
