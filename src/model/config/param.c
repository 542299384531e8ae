/*
 * Every parameter of lima.yaml must be used somewhere, or it is likely a typo (reference: config
 * section 8.5).
 */
#include "model/config/config_priv.h"

#include <ctype.h>

#include "base/mem.h"
#include "base/quote.h"
#include "sys/file.h"

#define PLAYBOOK_MAX  ((size_t)4 << 20)
/* Consumed by the network configuration, not by a text. */
#define PARAM_NETPLAN "internal_netplanOptional"

static bool is_word_char(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* "PARAM_KEY" as a word of its own. */
static bool has_variable(const char *text, const char *key)
{
    auto_mem char *word = mem_printf("PARAM_%s", key);
    size_t len = strlen(word);

    for (const char *p = strstr(text, word); p; p = strstr(p + 1, word))
        if ((p == text || !is_word_char(p[-1])) && !is_word_char(p[len]))
            return true;
    return false;
}

/* Does an action "{{ ... }}" enclose the text from start to end? */
static bool is_in_action(const char *text, const char *start, const char *end)
{
    const char *close = strchr(end, '}');

    if (!close || close[1] != '}')
        return false;
    for (const char *p = start; p > text && *p != '}'; p--)
        if (p[0] == '{' && p[-1] == '{')
            return true;
    return false;
}

static bool has_reference(const char *text, const char *key)
{
    auto_mem char *word = mem_printf(".Param.%s", key);

    for (const char *p = strstr(text, word); p; p = strstr(p + 1, word))
        if (is_in_action(text, p, p + strlen(word)))
            return true;
    return false;
}

static bool text_uses(const char *text, const char *key)
{
    return text && (has_reference(text, key) || has_variable(text, key));
}

static bool playbook_uses(const char *path, const char *key)
{
    auto_mem char *text = NULL;
    auto_err struct err *unreadable = NULL; /* reported by the checks */

    return path && *path && file_read_text(path, PLAYBOOK_MAX, &text, &unreadable) &&
           text_uses(text, key);
}

static bool scripts_use(const struct instance_config *config, const char *key)
{
    for (size_t i = 0; i < config->provision.n; i++) {
        const struct provision_config *p = &config->provision.v[i];

        if (text_uses(p->script, key) || text_uses(p->content, key) ||
            text_uses(p->expression, key) || text_uses(p->owner, key) || text_uses(p->path, key) ||
            text_uses(p->permissions, key) || playbook_uses(p->playbook, key))
            return true;
    }
    for (size_t i = 0; i < config->probes.n; i++)
        if (text_uses(config->probes.v[i].script, key))
            return true;
    return false;
}

static bool paths_use(const struct instance_config *config, const char *key)
{
    for (size_t i = 0; i < config->copy_to_host.n; i++)
        if (text_uses(config->copy_to_host.v[i].guest, key) ||
            text_uses(config->copy_to_host.v[i].host, key))
            return true;
    for (size_t i = 0; i < config->port_forwards.n; i++)
        if (text_uses(config->port_forwards.v[i].guest_socket, key) ||
            text_uses(config->port_forwards.v[i].host_socket, key))
            return true;
    for (size_t i = 0; i < config->mounts.n; i++)
        if (text_uses(config->mounts.v[i].location, key) ||
            text_uses(config->mounts.v[i].mount_point, key))
            return true;
    return false;
}

bool config_check_params_used(const struct instance_config *config, struct err **errp)
{
    for (size_t i = 0; i < config->param.n; i++) {
        const char *key = config->param.v[i].key;
        auto_mem char *quoted = quote_tick_dup(key);

        if (strcmp(key, PARAM_NETPLAN) == 0 || scripts_use(config, key) || paths_use(config, key))
            continue;
        return err_set(errp, ERR_INVALID,
                       "field `param` key %s is not used in any provision, probe, copyToHost, or "
                       "portForward",
                       quoted);
    }
    return true;
}
