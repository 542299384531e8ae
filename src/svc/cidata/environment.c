#include <arpa/inet.h>
#include <ctype.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/sb.h"
#include "svc/cidata/cidata.h"

/* NAME and name stand for the same; the lower-case one wins. */
static const char *const proxy_names[] = { "ftp_proxy", "http_proxy", "https_proxy", "no_proxy" };

static char *upper_case(const char *name)
{
    char *upper = mem_strdup(name);

    for (char *c = upper; *c; c++)
        *c = (char)toupper((unsigned char)*c);
    return upper;
}

static const char *environ_get(char *const *env, const char *name)
{
    size_t n = strlen(name);

    for (; *env; env++)
        if (strncmp(*env, name, n) == 0 && (*env)[n] == '=')
            return *env + n + 1;
    return NULL;
}

static bool is_loopback(struct sv host)
{
    auto_mem char *text = sv_dup(host);
    struct in_addr v4;
    struct in6_addr v6;

    if (strcasecmp(text, "localhost") == 0 || str_ends(text, ".localhost"))
        return true;
    if (inet_pton(AF_INET, text, &v4) == 1)
        return (ntohl(v4.s_addr) >> 24) == 127;
    return inet_pton(AF_INET6, text, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

/* Finds the host in scheme://user@host:port/path; the brackets of IPv6 addresses are not part of
 * it, *out_bracketed says whether they are there. */
static struct sv host_of(struct sv url, bool *out_bracketed)
{
    size_t start = 0, end;

    for (size_t i = 0; i + 2 < url.n; i++) {
        if (memcmp(url.p + i, "://", 3) == 0) {
            start = i + 3;
            break;
        }
    }
    end = start;
    while (end < url.n && !strchr("/?#", url.p[end]))
        end++;
    for (size_t i = start; i < end; i++)
        if (url.p[i] == '@')
            start = i + 1;
    *out_bracketed = start < end && url.p[start] == '[';
    if (*out_bracketed)
        start++;
    for (size_t i = start; i < end; i++) {
        if (url.p[i] == (*out_bracketed ? ']' : ':')) {
            end = i;
            break;
        }
    }
    return sv_slice(url, start, end);
}

/* The guest reaches what listens on the host's loopback under the address of the gateway. */
static char *seen_from_guest(const char *url, const char *gateway)
{
    auto_sb struct sb out = { 0 };
    struct sv text = sv_of(url);
    bool bracketed;
    struct sv host = host_of(text, &bracketed);
    size_t at = (size_t)(host.p - text.p);

    if (!is_loopback(host))
        return mem_strdup(url);
    sb_put(&out, sv_slice(text, 0, at - (bracketed ? 1 : 0)));
    sb_puts(&out, gateway);
    sb_put(&out, sv_slice(text, at + host.n + (bracketed ? 1 : 0), text.n));
    return sb_steal(&out);
}

static void set(struct map *vars, const char *name, const char *value)
{
    if (value && value[0])
        map_set(vars, name, mem_strdup(value));
    else
        (void)map_remove(vars, name);
}

static void take_host_proxies(struct map *vars, char *const *host_environ, const char *gateway)
{
    for (size_t i = 0; i < COUNT(proxy_names); i++) {
        auto_mem char *upper = upper_case(proxy_names[i]);
        const char *names[] = { proxy_names[i], upper };

        for (size_t k = 0; k < COUNT(names); k++) {
            const char *value = environ_get(host_environ, names[k]);
            auto_mem char *adapted = NULL;

            if (!value)
                continue;
            adapted = str_eq(proxy_names[i], "no_proxy") ? mem_strdup(value)
                                                         : seen_from_guest(value, gateway);
            set(vars, names[k], adapted);
        }
    }
}

static void level_cases(struct map *vars)
{
    for (size_t i = 0; i < COUNT(proxy_names); i++) {
        auto_mem char *upper = upper_case(proxy_names[i]);
        const char *lower_value = map_get(vars, proxy_names[i]);
        const char *upper_value = map_get(vars, upper);

        if (lower_value)
            map_set(vars, upper, mem_strdup(lower_value));
        else if (upper_value)
            map_set(vars, proxy_names[i], mem_strdup(upper_value));
    }
}

void cidata_environment(const struct instance_config *config, char *const *host_environ,
                        const char *gateway, struct strv *out)
{
    auto_map struct map vars = { .free_value = free };
    auto_strv struct strv lines = { 0 };

    for (size_t i = 0; i < config->env.n; i++)
        set(&vars, config->env.v[i].key, config->env.v[i].value);
    if (config->propagate_proxy_env.v)
        take_host_proxies(&vars, host_environ, gateway);
    level_cases(&vars);
    for (size_t i = 0; i < vars.n; i++)
        strv_pushf(&lines, "%s=%s", vars.v[i].key, (const char *)vars.v[i].value);
    strv_sort(&lines);
    strv_extend(out, &lines);
}
