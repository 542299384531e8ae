/*
 * Entries of equal key in lists that were stacked "default, own, override": the later one changes
 * the earlier one, whose place in the list stays (reference: config section 6).
 */
#include "model/config/config_priv.h"

#include "base/mem.h"
#include "lang/schema/schema.h"

/* What "later" sets replaces what "earlier" has. */
static void mount_update(struct mount_config *earlier, struct mount_config *later)
{
    struct mount_config none = { 0 };

    free(later->location);
    free(later->mount_point);
    later->location = later->mount_point = NULL;
    schema_merge(&mount_config_table, earlier, later, &none);
}

void config_combine_mounts(struct config_job *job)
{
    struct instance_config *config = job->config;

    for (size_t i = 1; i < config->mounts.n;) {
        size_t first = 0;

        while (first < i &&
               !str_eq(config->mounts.v[first].mount_point, config->mounts.v[i].mount_point))
            first++;
        if (first == i) {
            i++;
            continue;
        }
        mount_update(&config->mounts.v[first], &config->mounts.v[i]);
        vec_remove(&config->mounts, i);
    }
}

static bool is_text(const char *text)
{
    return text && *text;
}

static void network_update(struct config_job *job, struct network_config *earlier,
                           struct network_config *later)
{
    if (is_text(later->lima)) {
        if (is_text(later->socket))
            config_warn(job->warnings,
                        "Network `%s` has both socket=`%s` and lima=`%s` fields; ignoring socket",
                        later->interface, later->socket, later->lima);
        mem_replace(&earlier->lima, MOVE(later->lima));
        mem_replace(&earlier->socket, NULL);
    } else if (is_text(later->socket)) {
        mem_replace(&earlier->socket, MOVE(later->socket));
        mem_replace(&earlier->lima, NULL);
    }
    if (is_text(later->mac_address))
        mem_replace(&earlier->mac_address, MOVE(later->mac_address));
    if (later->metric.set)
        earlier->metric = later->metric;
    schema_done(&network_config_table, later);
}

void config_combine_networks(struct config_job *job)
{
    struct instance_config *config = job->config;

    for (size_t i = 1; i < config->networks.n;) {
        size_t first = 0;

        while (first < i &&
               !(is_text(config->networks.v[i].interface) &&
                 str_eq(config->networks.v[first].interface, config->networks.v[i].interface)))
            first++;
        if (first == i) {
            i++;
            continue;
        }
        network_update(job, &config->networks.v[first], &config->networks.v[i]);
        vec_remove(&config->networks, i);
    }
}
