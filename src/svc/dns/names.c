#include "svc/dns/names.h"

#include <string.h>

#include "base/mem.h"

enum { NAME_LEN_MAX = 253, LABEL_LEN_MAX = 63, HOSTS_NAMES_MAX = 16384 };

char *dns_name_key(struct sv text)
{
    size_t label_len = 0;
    char *key;

    if (sv_ends(text, SV(".")))
        text.n--;
    if (text.n == 0 || text.n > NAME_LEN_MAX)
        return NULL;
    for (size_t i = 0; i <= text.n; i++) {
        if (i < text.n && text.p[i] != '.') {
            if (text.p[i] == '\0')
                return NULL;
            label_len++;
            continue;
        }
        if (label_len == 0 || label_len > LABEL_LEN_MAX)
            return NULL;
        label_len = 0;
    }
    key = sv_dup(text);
    for (char *p = key; *p; p++)
        if (*p >= 'A' && *p <= 'Z')
            *p = (char)(*p - 'A' + 'a');
    return key;
}

char *dns_pointer_key(const struct ip_address *ip)
{
    static const char digits[] = "0123456789abcdef";
    struct sb out = { 0 };

    for (size_t i = ip->n; i-- > 0;) {
        if (ip->n == 4)
            sb_putf(&out, "%u.", ip->bytes[i]);
        else
            sb_putf(&out, "%c.%c.", digits[ip->bytes[i] & 0xf], digits[ip->bytes[i] >> 4]);
    }
    sb_puts(&out, ip->n == 4 ? "in-addr.arpa" : "ip6.arpa");
    return sb_steal(&out);
}

static void name_free(void *value)
{
    struct dns_name *name = value;

    vec_done(&name->addresses);
    free(name->alias);
    free(name);
}

static struct dns_name *fresh(struct dns_names *names, const char *key)
{
    struct dns_name *name = mem_new(struct dns_name);

    names->by_name.free_value = name_free;
    map_set(&names->by_name, key, name);
    return name;
}

static void add_address(struct dns_names *names, struct dns_name *name, const char *key,
                        const struct ip_address *ip)
{
    auto_mem char *pointer = dns_pointer_key(ip);

    for (size_t i = 0; i < name->addresses.n; i++)
        if (ip_address_eq(&name->addresses.v[i], ip))
            return;
    *vec_push(&name->addresses) = *ip;
    names->by_pointer.free_value = free;
    if (!map_has(&names->by_pointer, pointer))
        map_set(&names->by_pointer, pointer, mem_strdup(key));
}

bool dns_names_set(struct dns_names *names, const char *name, const char *value, struct err **errp)
{
    auto_mem char *key = dns_name_key(sv_of(name));
    auto_mem char *alias = NULL;
    struct ip_address ip;

    if (!key)
        return err_set(errp, ERR_INVALID, "not a host name: \"%s\"", name);
    if (ip_address_parse(value, &ip)) {
        add_address(names, fresh(names, key), key, &ip);
        return true;
    }
    alias = dns_name_key(sv_of(value));
    if (!alias)
        return err_set(errp, ERR_INVALID, "neither an address nor a host name: \"%s\"", value);
    fresh(names, key)->alias = MOVE(alias);
    return true;
}

static bool next_word(struct sv *line, struct sv *out)
{
    size_t n = 0;

    *line = sv_trim(*line);
    while (n < line->n && line->p[n] != ' ' && line->p[n] != '\t')
        n++;
    *out = sv_slice(*line, 0, n);
    *line = sv_slice(*line, n, line->n);
    return n > 0;
}

void dns_names_read_hosts(struct dns_names *names, struct sv text)
{
    struct sv line, word;

    while (sv_next_line(&text, &line)) {
        ptrdiff_t comment = sv_find(line, '#');
        auto_mem char *address = NULL;
        struct ip_address ip;

        if (comment >= 0)
            line = sv_slice(line, 0, (size_t)comment);
        if (!next_word(&line, &word))
            continue;
        address = sv_dup(word);
        if (!ip_address_parse(address, &ip))
            continue;
        while (next_word(&line, &word) && names->by_name.n < HOSTS_NAMES_MAX) {
            auto_mem char *key = dns_name_key(word);
            struct dns_name *name = key ? map_get(&names->by_name, key) : NULL;

            if (key)
                add_address(names, name ? name : fresh(names, key), key, &ip);
        }
    }
}

const struct dns_name *dns_names_find(const struct dns_names *names, const char *key)
{
    return map_get(&names->by_name, key);
}

const char *dns_names_find_pointer(const struct dns_names *names, const char *key)
{
    return map_get(&names->by_pointer, key);
}

void dns_names_done(struct dns_names *names)
{
    map_done(&names->by_name);
    map_done(&names->by_pointer);
    *names = (struct dns_names){ 0 };
}
