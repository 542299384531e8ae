#include "prog/limactl/term_progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/sb.h"
#include "base/units.h"
#include "sys/host.h"
#include "sys/tty.h"

#define REDRAW_NS (100ULL * 1000 * 1000)
#define BAR_WIDTH 24
#define WIDTH_DEFAULT 80

static struct term_progress *of(struct progress *base)
{
    return CONTAINER_OF(base, struct term_progress, base);
}

static void put_stderr(const struct sb *text)
{
    fputs(sb_str(text), stderr);
    (void)fflush(stderr);
}

static void put_amount(struct sb *out, enum progress_unit unit, uint64_t amount)
{
    if (unit == PROGRESS_BYTES) {
        auto_mem char *size = size_format(amount);

        sb_puts(out, size);
    } else {
        sb_putf(out, "%llu", (unsigned long long)amount);
    }
}

/* " 42% [=====>    ] 12MiB/30MiB 3MiB/s" */
static void put_state(struct sb *out, const struct term_progress *p, uint64_t now)
{
    uint64_t elapsed_ms = (now - p->begun_ns) / 1000000;

    if (p->total > 0) {
        uint64_t done = p->done < p->total ? p->done : p->total;
        unsigned filled = (unsigned)((double)done / (double)p->total * BAR_WIDTH);

        sb_putf(out, " %3u%% [", (unsigned)((double)done / (double)p->total * 100));
        for (unsigned i = 0; i < BAR_WIDTH; i++)
            sb_putc(out, i < filled ? '=' : i == filled ? '>' : ' ');
        sb_puts(out, "]");
    }
    if (p->done > 0 || p->total > 0) {
        sb_putc(out, ' ');
        put_amount(out, p->unit, p->done);
    }
    if (p->total > 0) {
        sb_putc(out, '/');
        put_amount(out, p->unit, p->total);
    }
    if (p->unit == PROGRESS_BYTES && elapsed_ms > 1000) {
        sb_putc(out, ' ');
        put_amount(out, PROGRESS_BYTES, p->done * 1000 / elapsed_ms);
        sb_puts(out, "/s");
    }
}

static void draw(struct term_progress *p)
{
    uint64_t now = host_monotonic_ns();
    unsigned width = tty_width(STDERR_FILENO);
    auto_sb struct sb state = { 0 };
    auto_sb struct sb line = { 0 };
    size_t room;

    put_state(&state, p, now);
    width = width > 0 ? width : WIDTH_DEFAULT;
    room = width > state.n + 1 ? width - state.n - 1 : 0;
    sb_puts(&line, "\r\033[K");
    sb_put(&line, sv_slice(sv_of(p->what), 0, room));
    sb_put(&line, sb_view(&state));
    put_stderr(&line);
    p->drawn = true;
    p->drawn_ns = now;
}

static void clear(struct term_progress *p)
{
    auto_sb struct sb line = { 0 };

    if (!p->drawn)
        return;
    sb_puts(&line, "\r\033[K");
    put_stderr(&line);
    p->drawn = false;
}

static void on_begin(struct progress *base, const char *what, enum progress_unit unit)
{
    struct term_progress *p = of(base);
    auto_sb struct sb line = { 0 };

    mem_replace(&p->what, mem_strdup(what));
    p->unit = unit;
    p->begun_ns = host_monotonic_ns();
    p->done = p->total = 0;
    if (p->bar) {
        draw(p);
        return;
    }
    sb_putf(&line, "%s\n", what);
    put_stderr(&line);
}

static void on_update(struct progress *base, uint64_t done, uint64_t total)
{
    struct term_progress *p = of(base);

    p->done = done;
    p->total = total;
    if (p->bar && p->what && host_monotonic_ns() - p->drawn_ns >= REDRAW_NS)
        draw(p);
}

static void on_end(struct progress *base, bool ok)
{
    struct term_progress *p = of(base);
    auto_sb struct sb newline = { 0 };

    if (p->bar && p->what) {
        draw(p);
        sb_putc(&newline, '\n');
        put_stderr(&newline);
        p->drawn = false;
    }
    mem_replace(&p->what, NULL);
}

static void on_note(struct progress *base, enum log_level level, const struct log_field *fields,
                    size_t n_fields, const char *text)
{
    struct term_progress *p = of(base);

    clear(p);
    log_fields(level, fields, n_fields, "%s", text);
    if (p->bar && p->what)
        draw(p);
}

void term_progress_init(struct term_progress *progress)
{
    *progress = (struct term_progress){
        .base = { .on_begin = on_begin, .on_update = on_update, .on_end = on_end, .on_note = on_note },
        .bar = tty_is(STDERR_FILENO) && log_get_format() != LOG_FORMAT_JSON,
    };
}
