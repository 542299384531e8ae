#include "svc/dns/resolv_conf.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"

enum { NDOTS_PRESET = 1, ATTEMPTS_PRESET = 2 };

/* Cuts off the next word; blanks and tabs separate. */
static bool next_word(struct sv *line, struct sv *out)
{
    size_t from = 0, to;

    while (from < line->n && (line->p[from] == ' ' || line->p[from] == '\t'))
        from++;
    to = from;
    while (to < line->n && line->p[to] != ' ' && line->p[to] != '\t')
        to++;
    *out = sv_slice(*line, from, to);
    *line = sv_slice(*line, to, line->n);
    return out->n > 0;
}

/* Without the scope of a link-local address, which only the system can judge. */
static bool is_address(const char *text)
{
    auto_mem char *bare = mem_strndup(text, strcspn(text, "%"));
    char bytes[16];

    return inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, bare, bytes) == 1;
}

bool resolv_server_parse(struct sv text, struct resolv_server *out)
{
    struct resolv_server server = { .port = RESOLV_PORT };
    struct sv address = text;
    ptrdiff_t end = sv_rfind(text, ']');

    if (sv_starts(text, SV("["))) {
        struct sv rest = end > 0 ? sv_slice(text, (size_t)end + 1, text.n) : SV("");

        if (end < 1)
            return false;
        address = sv_slice(text, 1, (size_t)end);
        if (rest.n > 0 && (!sv_starts(rest, SV(":")) ||
                           !parse_u16(sv_slice(rest, 1, rest.n), &server.port) || server.port == 0))
            return false;
    }
    if (address.n >= sizeof(server.address) || memchr(address.p, '\0', address.n))
        return false;
    memcpy(server.address, address.p, address.n);
    if (!is_address(server.address))
        return false;
    *out = server;
    return true;
}

char *resolv_server_text(const struct resolv_server *server)
{
    return server->port == RESOLV_PORT ? mem_strdup(server->address)
                                       : mem_printf("[%s]:%u", server->address, server->port);
}

static void read_server(struct resolv_conf *conf, struct sv line)
{
    struct sv word;

    if (conf->n_servers < RESOLV_SERVERS_MAX && next_word(&line, &word) &&
        resolv_server_parse(word, &conf->servers[conf->n_servers]))
        conf->n_servers++;
}

static void read_search(struct resolv_conf *conf, struct sv line, size_t max)
{
    struct sv word;

    strv_clear(&conf->search); /* the last line counts */
    while (conf->search.n < max && next_word(&line, &word)) {
        while (sv_ends(word, SV(".")))
            word.n--;
        if (word.n > 0 && !memchr(word.p, '\0', word.n))
            strv_push_sv(&conf->search, word);
    }
}

/* "name:5" into *out, cut to a highest value; anything else leaves it alone. */
static void read_number(struct sv word, struct sv name, unsigned max, unsigned *out)
{
    uint32_t value;

    if (sv_starts(word, name) && parse_u32(sv_slice(word, name.n, word.n), &value))
        *out = value > max ? max : value;
}

static void read_options(struct resolv_conf *conf, struct sv line)
{
    struct sv word;

    while (next_word(&line, &word)) {
        read_number(word, SV("ndots:"), RESOLV_NDOTS_MAX, &conf->ndots);
        read_number(word, SV("timeout:"), RESOLV_TIMEOUT_MAX_S, &conf->timeout_s);
        read_number(word, SV("attempts:"), RESOLV_ATTEMPTS_MAX, &conf->attempts);
        conf->rotate |= sv_eq(word, SV("rotate"));
        conf->use_tcp |= sv_eq(word, SV("use-vc"));
        conf->edns0 |= sv_eq(word, SV("edns0"));
        conf->trust_ad |= sv_eq(word, SV("trust-ad"));
    }
}

void resolv_conf_parse(struct sv text, struct resolv_conf *out)
{
    struct sv line, key;

    *out = (struct resolv_conf){ .ndots = NDOTS_PRESET, .attempts = ATTEMPTS_PRESET };
    while (sv_next_line(&text, &line)) {
        line = sv_trim(line);
        if (!next_word(&line, &key))
            continue;
        if (sv_eq(key, SV("nameserver")))
            read_server(out, line);
        else if (sv_eq(key, SV("search")))
            read_search(out, line, RESOLV_SEARCH_MAX);
        else if (sv_eq(key, SV("domain")))
            read_search(out, line, 1);
        else if (sv_eq(key, SV("options")))
            read_options(out, line);
    }
    if (out->attempts == 0)
        out->attempts = 1;
}

void resolv_conf_copy(struct resolv_conf *out, const struct resolv_conf *conf)
{
    *out = *conf;
    out->search = (struct strv){ 0 };
    strv_extend(&out->search, &conf->search);
}

void resolv_conf_done(struct resolv_conf *conf)
{
    strv_done(&conf->search);
    *conf = (struct resolv_conf){ 0 };
}
