#include "base/log.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include "base/enum.h"
#include "base/mem.h"
#include "base/quote.h"
#include "base/rfc3339.h"
#include "base/sb.h"

static const char *const level_names[] = { "trace", "debug", "info", "warning",
                                           "error", "fatal", "panic" };
ENUM_NAMES_MATCH(level_names, LOG_LEVEL_COUNT);

/* What a terminal shows: four letters and a colour. */
static const char *const level_marks[] = { "TRAC", "DEBU", "INFO", "WARN", "ERRO", "FATA", "PANI" };
static const int level_colours[] = { 37, 37, 36, 33, 31, 31, 31 };
ENUM_NAMES_MATCH(level_marks, LOG_LEVEL_COUNT);
ENUM_NAMES_MATCH(level_colours, LOG_LEVEL_COUNT);

/* The width to which a message is padded on a terminal before its fields. */
#define TTY_MESSAGE_WIDTH 44

static struct {
    enum log_level level;
    enum log_format format;
    int fd;
    bool sync;
    struct timespec start;
} logger = { .level = LOG_INFO, .fd = STDERR_FILENO };

void log_setup(enum log_level level, enum log_format format)
{
    logger.level = level;
    logger.format = format;
    if (logger.start.tv_sec == 0)
        (void)clock_gettime(CLOCK_MONOTONIC, &logger.start);
}

enum log_level log_get_level(void)
{
    return logger.level;
}

void log_set_level(enum log_level level)
{
    logger.level = level;
}

enum log_format log_get_format(void)
{
    return logger.format;
}

void log_set_fd(int fd)
{
    logger.fd = fd;
}

void log_set_sync(bool sync)
{
    logger.sync = sync;
}

bool log_level_parse(const char *text, enum log_level *out)
{
    for (int i = 0; i < LOG_LEVEL_COUNT; i++) {
        if (strcasecmp(text, level_names[i]) == 0) {
            *out = (enum log_level)i;
            return true;
        }
    }
    if (strcasecmp(text, "warn") != 0)
        return false;
    *out = LOG_WARN;
    return true;
}

const char *log_level_name(enum log_level level)
{
    return level_names[level];
}

bool log_enabled(enum log_level level)
{
    return level >= logger.level;
}

static void put_time(struct sb *out)
{
    struct timespec now;
    struct tm local;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    (void)localtime_r(&now.tv_sec, &local);
    rfc3339_format(out, (int64_t)now.tv_sec * 1000000000LL, (int)local.tm_gmtoff, false);
}

static void put_text_value(struct sb *out, struct sv value)
{
    bool bare = true;

    for (size_t i = 0; bare && i < value.n; i++) {
        char c = value.p[i];

        bare = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               (c && strchr("-._/@^+", c));
    }
    if (bare)
        sb_put(out, value);
    else
        quote_go(out, value);
}

static void put_json_string(struct sb *out, struct sv text)
{
    sb_putc(out, '"');
    while (text.n) {
        uint32_t rune;
        unsigned n = utf8_decode(text, &rune);

        if (n == 0)
            sb_puts(out, "\\ufffd");
        else if (rune == '"' || rune == '\\')
            sb_putf(out, "\\%c", (char)rune);
        else if (rune == '\n')
            sb_puts(out, "\\n");
        else if (rune == '\r')
            sb_puts(out, "\\r");
        else if (rune == '\t')
            sb_puts(out, "\\t");
        else if (rune < 0x20 || rune == '<' || rune == '>' || rune == '&' || rune == 0x2028 ||
                 rune == 0x2029)
            sb_putf(out, "\\u%04x", rune);
        else
            sb_put_mem(out, text.p, n);
        text = sv_slice(text, n ? n : 1, text.n);
    }
    sb_putc(out, '"');
}

static void put_json_member(struct sb *out, const char *key, struct sv value)
{
    sb_putc(out, out->n ? ',' : '{');
    put_json_string(out, sv_of(key));
    sb_putc(out, ':');
    put_json_string(out, value);
}

static void format_text(struct sb *out, enum log_level level, struct sv message,
                        const struct log_field *fields, size_t n_fields)
{
    sb_puts(out, "time=\"");
    put_time(out);
    sb_putf(out, "\" level=%s", level_names[level]);
    if (message.n) {
        sb_puts(out, " msg=");
        put_text_value(out, message);
    }
    for (size_t i = 0; i < n_fields; i++) {
        sb_putf(out, " %s=", fields[i].key);
        put_text_value(out, sv_of(fields[i].value));
    }
}

static void format_tty(struct sb *out, enum log_level level, struct sv message,
                       const struct log_field *fields, size_t n_fields)
{
    struct timespec now;
    size_t width = utf8_count(message);
    int colour = level_colours[level];

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    sb_putf(out, "\033[%dm%s\033[0m[%04lld] ", colour, level_marks[level],
            (long long)(now.tv_sec - logger.start.tv_sec));
    sb_put(out, message);
    for (; width < TTY_MESSAGE_WIDTH; width++)
        sb_putc(out, ' ');
    sb_putc(out, ' ');
    for (size_t i = 0; i < n_fields; i++) {
        sb_putf(out, " \033[%dm%s\033[0m=", colour, fields[i].key);
        put_text_value(out, sv_of(fields[i].value));
    }
}

/* Keys come sorted: level, msg and time take their places among the fields. */
static void format_json(struct sb *out, enum log_level level, struct sv message,
                        const struct log_field *fields, size_t n_fields)
{
    auto_sb struct sb now = { 0 };
    size_t next = 0;

    put_time(&now);
    const struct {
        const char *key;
        struct sv value;
    } own[] = {
        { "level", sv_of(level_names[level]) },
        { "msg", message },
        { "time", sb_view(&now) },
    };

    for (size_t i = 0; i < COUNT(own); i++) {
        for (; next < n_fields && strcmp(fields[next].key, own[i].key) < 0; next++)
            put_json_member(out, fields[next].key, sv_of(fields[next].value));
        put_json_member(out, own[i].key, own[i].value);
    }
    for (; next < n_fields; next++)
        put_json_member(out, fields[next].key, sv_of(fields[next].value));
    sb_putc(out, '}');
}

static int compare_fields(const void *a, const void *b)
{
    return strcmp(((const struct log_field *)a)->key, ((const struct log_field *)b)->key);
}

static void write_line(enum log_level level, struct sv message, const struct log_field *fields,
                       size_t n_fields)
{
    auto_mem struct log_field *sorted = mem_dup(fields, n_fields * sizeof(*fields));
    auto_sb struct sb line = { 0 };

    if (n_fields > 1)
        qsort(sorted, n_fields, sizeof(*sorted), compare_fields);
    switch (logger.format) {
    case LOG_FORMAT_TEXT:
        format_text(&line, level, message, sorted, n_fields);
        break;
    case LOG_FORMAT_TTY:
        format_tty(&line, level, message, sorted, n_fields);
        break;
    case LOG_FORMAT_JSON:
        format_json(&line, level, message, sorted, n_fields);
        break;
    }
    sb_putc(&line, '\n');
    /* One write per line, so that lines of several processes do not mix. */
    (void)!write(logger.fd, line.p, line.n);
    if (logger.sync)
        (void)fdatasync(logger.fd);
}

void log_at(enum log_level level, const char *fmt, ...)
{
    auto_sb struct sb message = { 0 };
    va_list args;

    if (!log_enabled(level))
        return;
    va_start(args, fmt);
    sb_vputf(&message, fmt, args);
    va_end(args);
    write_line(level, sb_view(&message), NULL, 0);
}

void log_fields(enum log_level level, const struct log_field *fields, size_t n_fields,
                const char *fmt, ...)
{
    auto_sb struct sb message = { 0 };
    va_list args;

    if (!log_enabled(level))
        return;
    va_start(args, fmt);
    sb_vputf(&message, fmt, args);
    va_end(args);
    write_line(level, sb_view(&message), fields, n_fields);
}
