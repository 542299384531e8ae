#include "prog/guestagent/ssh_watch.h"

#include "base/num.h"
#include "base/sb.h"
#include "sys/file.h"

enum { TABLE_SIZE_MAX = 16 * 1024 * 1024, STATE_LISTEN = 0x0a };

/* Word i of a line. */
static struct sv word(struct sv line, size_t i)
{
    for (;;) {
        size_t n = 0;

        line = sv_trim(line);
        while (n < line.n && line.p[n] != ' ')
            n++;
        if (i-- == 0)
            return sv_slice(line, 0, n);
        line = sv_slice(line, n, line.n);
    }
}

bool ssh_watch_has_listener(struct sv table, uint16_t port)
{
    for (struct sv line; sv_next_line(&table, &line);) {
        struct sv local = word(line, 1), state = word(line, 3);
        ptrdiff_t colon = sv_rfind(local, ':');
        uint64_t number, code;

        if (colon >= 0 &&
            parse_u64_base(sv_slice(local, (size_t)colon + 1, local.n), 16, &number) &&
            parse_u64_base(state, 16, &code) && number == port && code == STATE_LISTEN)
            return true;
    }
    return false;
}

bool ssh_watch_is_listening(uint16_t port)
{
    static const char *const tables[] = { "/proc/net/tcp", "/proc/net/tcp6" };

    for (size_t i = 0; i < COUNT(tables); i++) {
        auto_sb struct sb text = { 0 };

        if (file_read_all(tables[i], TABLE_SIZE_MAX, &text, NULL) &&
            ssh_watch_has_listener(sb_view(&text), port))
            return true;
    }
    return false;
}
