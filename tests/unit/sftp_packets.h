/*
 * Requests of SFTP for tests, and looking into replies. A request is built from a format, one
 * letter per field: b type, u u32, q u64, t text (a C string), h text (a struct sv *).
 */
#ifndef TESTS_SFTP_PACKETS_H
#define TESTS_SFTP_PACKETS_H

#include <stdarg.h>

#include "base/sb.h"
#include "wire/sftp.h"

/* Appends to out. */
static inline void sftp_request(struct sb *out, const char *format, ...)
{
    size_t begun = out->n;
    va_list args;

    sftp_put_u32(out, 0);
    va_start(args, format);
    for (; *format; format++) {
        if (*format == 'b')
            sb_putc(out, (char)va_arg(args, int));
        else if (*format == 'u')
            sftp_put_u32(out, va_arg(args, uint32_t));
        else if (*format == 'q')
            sftp_put_u64(out, va_arg(args, uint64_t));
        else if (*format == 't')
            sftp_put_text(out, sv_of(va_arg(args, const char *)));
        else
            sftp_put_text(out, *va_arg(args, const struct sv *));
    }
    va_end(args);
    sftp_end(out, begun);
}

static inline uint32_t sftp_u32_at(struct sv bytes, size_t at)
{
    const uint8_t *p = (const uint8_t *)bytes.p + at;

    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* The text at a place of a reply. */
static inline struct sv sftp_text_at(struct sv bytes, size_t at)
{
    return sv_slice(bytes, at + 4, at + 4 + sftp_u32_at(bytes, at));
}

enum { SFTP_AT_TYPE = 4, SFTP_AT_ID = 5, SFTP_AT_BODY = 9 };

#endif
