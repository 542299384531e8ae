/*
 * Log lines on stderr in the formats of Lima (reference: cli section 2.2): text, text for
 * terminals, JSON. One process-wide logger; set up once in main(), before threads.
 *
 * Library code logs at debug at most and reports through struct err; programs log the rest.
 * Messages are one line without a full stop; extra fields are given as pairs and sorted by key:
 *
 *     log_info("Using the existing instance `%s`", name);
 *     log_fields(LOG_WARN, (struct log_field[]){ { "error", text } }, 1, "bad line");
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/auto.h"

enum log_level {
    LOG_TRACE,
    LOG_DEBUG,
    LOG_INFO,
    LOG_WARN,
    LOG_ERROR,
    LOG_FATAL,
    LOG_PANIC,
    LOG_LEVEL_COUNT
};
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_TTY, LOG_FORMAT_JSON };

struct log_field {
    const char *key, *value; /* borrowed */
};

void log_setup(enum log_level level, enum log_format format);
enum log_level log_get_level(void);
void log_set_level(enum log_level level);
enum log_format log_get_format(void);
/* Where lines go; default 2. */
void log_set_fd(int fd);
/* fsync after each line: the host agent's log is followed by other processes. */
void log_set_sync(bool sync);
/* "panic fatal error warn warning info debug trace", any case. */
bool log_level_parse(const char *text, enum log_level *out);
/* "trace debug info warning error fatal panic" */
const char *log_level_name(enum log_level level);

bool log_enabled(enum log_level level);
void log_at(enum log_level level, const char *fmt, ...) PRINTF_LIKE(2, 3);
void log_fields(enum log_level level, const struct log_field *fields, size_t n_fields,
                const char *fmt, ...) PRINTF_LIKE(4, 5);

#define log_trace(...) log_at(LOG_TRACE, __VA_ARGS__)
#define log_debug(...) log_at(LOG_DEBUG, __VA_ARGS__)
#define log_info(...)  log_at(LOG_INFO, __VA_ARGS__)
#define log_warn(...)  log_at(LOG_WARN, __VA_ARGS__)
#define log_error(...) log_at(LOG_ERROR, __VA_ARGS__)

#endif
