#include "prog/guestagent/etc_text.h"

#define OWN_ADDRESS    SV("127.0.1.1")
#define LOOPBACK       SV("127.0.0.1")
#define HOST_NAME      SV("host.lima.internal")
#define ENV_BLOCK_HEAD SV("#LIMA-START")
#define ENV_BLOCK_TAIL SV("#LIMA-END")

static void put_line(struct sb *out, struct sv line)
{
    sb_put(out, line);
    sb_putc(out, '\n');
}

/* The next word of a line, empty at its end or at a comment. */
static struct sv next_word(struct sv *line)
{
    size_t n = 0;

    *line = sv_trim(*line);
    while (n < line->n && line->p[n] != ' ' && line->p[n] != '\t')
        n++;

    struct sv word = sv_slice(*line, 0, n);

    *line = sv_slice(*line, n, line->n);
    return sv_starts(word, SV("#")) ? (struct sv){ 0 } : word;
}

static bool has_name(struct sv line, struct sv name)
{
    struct sv word = next_word(&line);

    while (word.n && !sv_eq(word = next_word(&line), name))
        ;
    return word.n > 0;
}

static struct sv address_of(struct sv line)
{
    return next_word(&line);
}

static bool has_address(struct sv text, struct sv address)
{
    for (struct sv line; sv_next_line(&text, &line);)
        if (sv_eq(address_of(line), address))
            return true;
    return false;
}

void hosts_edit(struct sv hosts, const char *hostname, const char *gateway, struct sb *out)
{
    bool names_self = !hostname[0], names_host = !gateway[0];
    bool has_loopback = has_address(hosts, LOOPBACK);

    if (!has_loopback)
        sb_puts(out, "127.0.0.1 localhost\n");
    if (!has_loopback && !names_self) {
        sb_putf(out, "127.0.1.1 %s\n", hostname);
        names_self = true;
    }
    for (struct sv line; sv_next_line(&hosts, &line);) {
        struct sv address = address_of(line);

        if (hostname[0] && sv_eq(address, OWN_ADDRESS))
            continue;
        if (gateway[0] && has_name(line, HOST_NAME)) {
            if (!names_host)
                sb_putf(out, "%s host.lima.internal\n", gateway);
            names_host = true;
            continue;
        }
        put_line(out, line);
        if (!names_self && sv_eq(address, LOOPBACK)) {
            sb_putf(out, "127.0.1.1 %s\n", hostname);
            names_self = true;
        }
    }
    if (!names_host)
        sb_putf(out, "%s host.lima.internal\n", gateway);
}

static void put_block(struct sb *out, struct sv block)
{
    for (struct sv line; sv_next_line(&block, &line);)
        put_line(out, line);
}

void environment_edit(struct sv environment, struct sv block, struct sb *out)
{
    bool inside = false, done = false;

    for (struct sv line; sv_next_line(&environment, &line);) {
        struct sv mark = sv_trim(line);

        if (sv_eq(mark, ENV_BLOCK_HEAD)) {
            if (!done)
                put_block(out, block);
            inside = done = true;
        }
        if (!inside)
            put_line(out, line);
        if (sv_eq(mark, ENV_BLOCK_TAIL))
            inside = false;
    }
    if (!done)
        put_block(out, block);
}

void sudoers_render(const char *user, bool passwordless, struct sb *out)
{
    sb_putf(out, "%s ALL=(ALL) %sALL\n", user, passwordless ? "NOPASSWD:" : "");
}

static bool has_line(struct sv text, struct sv wanted)
{
    for (struct sv line; sv_next_line(&text, &line);)
        if (sv_eq(sv_trim(line), wanted))
            return true;
    return false;
}

void authorized_keys_edit(struct sv keys, struct sv wanted, struct sb *out)
{
    put_block(out, keys);
    for (struct sv line; sv_next_line(&wanted, &line);) {
        struct sv key = sv_trim(line);

        if (key.n && !sv_starts(key, SV("#")) && !has_line(sb_view(out), key))
            put_line(out, key);
    }
}
