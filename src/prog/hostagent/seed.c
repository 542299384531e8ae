#include "prog/hostagent/seed.h"

#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/path.h"
#include "model/store/names.h"
#include "svc/cidata/cidata.h"
#include "svc/ssh/keys.h"
#include "sys/file.h"
#include "sys/host.h"
#include "wire/guest.h"

enum { CERT_SIZE_MAX = 1 << 20, ETH0_METRIC = 200 };

/* What cidata_input borrows. */
struct sources {
    struct strv keys, dns, env, certs;
    struct sb zone_data;
    VEC(struct cidata_nic) nics;
};

static bool read_certs(const struct instance_config *config, struct strv *out, struct err **errp)
{
    const struct ca_certs_config *ca = &config->ca_certs;

    strv_extend(out, &ca->certs);
    for (size_t i = 0; i < ca->files.n; i++) {
        auto_mem char *text = NULL;

        if (!file_read_text(ca->files.v[i], CERT_SIZE_MAX, &text, errp))
            return err_wrap(errp, "caCerts.files");
        strv_push(out, text);
    }
    return true;
}

/* Name servers of eth0: the configured ones, else the user network's, else those of the host. */
static void find_dns(const struct setup *setup, struct strv *out)
{
    const char *own = setup->driver_type->facts->dns_address;

    if (setup->config.dns.n)
        strv_extend(out, &setup->config.dns);
    else if (own)
        strv_push(out, own);
    else
        host_dns_servers(out);
}

static bool gather(const struct setup *setup, struct sources *src, struct err **errp)
{
    const struct instance_config *config = &setup->config;
    auto_mem char *config_dir = store_path(&setup->store, NAME_CONFIG_DIR);
    const char *home =
        config->ssh.load_dot_ssh_pub_keys.v ? setup->store.env.host.user_home : NULL;

    find_dns(setup, &src->dns);
    if (config->timezone[0] && !host_zone_data(HOST_ZONES_DIR, config->timezone, &src->zone_data))
        log_debug("This host has no data about the time zone %s", config->timezone);
    *vec_push(&src->nics) = (struct cidata_nic){ setup->mac, "eth0", ETH0_METRIC };
    cidata_environment(config, environ, setup->driver_type->facts->gateway_address, &src->env);
    return ssh_keys_public(config_dir, home, &src->keys, errp) &&
           read_certs(config, &src->certs, errp);
}

static void sources_done(struct sources *src)
{
    strv_done(&src->keys);
    strv_done(&src->dns);
    strv_done(&src->env);
    strv_done(&src->certs);
    sb_done(&src->zone_data);
    vec_done(&src->nics);
}

static bool has_link(const struct driver_facts *facts, enum driver_link_kind kind)
{
    for (size_t i = 0; i < facts->n_links; i++)
        if (facts->links[i] == kind)
            return true;
    return false;
}

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

static bool write_files(const struct setup *setup, const struct cidata_input *in, struct err **errp)
{
    auto_cidata struct cidata seed = { 0 };
    auto_mem char *iso_path = path_join(setup->dir, NAME_CIDATA_ISO);
    auto_mem char *cloud_path = path_join(setup->dir, NAME_CLOUD_CONFIG);
    auto_mem char *cloud_config = cidata_cloud_config(in);

    return cidata_render(in, &seed, errp) && cidata_write_iso(&seed, iso_path, errp) &&
           file_write_atomic(cloud_path, sv_of(cloud_config), 0444, errp);
}

bool seed_write(const struct setup *setup, struct err **errp)
{
    const struct driver_facts *facts = setup->driver_type->facts;
    bool plain = setup->config.plain.v;
    struct sources src = { 0 };
    bool ok = gather(setup, &src, errp);

    ok = ok && write_files(setup, &(struct cidata_input){
        .config = &setup->config,
        .name = setup->options->name,
        .hostname = setup->hostname,
        .iid = setup->iid,
        .driver = setup->driver_type->name,
        .ssh_keys = &src.keys,
        .gateway = or_empty(facts->gateway_address),
        .dns = or_empty(facts->dns_address),
        .address = or_empty(facts->guest_address),
        .dns_addresses = &src.dns,
        .nics = src.nics.v,
        .n_nics = src.nics.n,
        .env = &src.env,
        .ca_certs = &src.certs,
        .zone_data = sb_view(&src.zone_data),
        .host_home = setup->store.env.host.user_home,
        .vsock_port = !plain && has_link(facts, DRIVER_LINK_DEVICES) ? GUEST_VSOCK_PORT : 0,
        .virtio_port = !plain && has_link(facts, DRIVER_LINK_SERIAL) ? GUEST_VIRTIO_PORT : "",
        .guest_agent_path = plain ? NULL : setup->options->guest_agent,
        .containerd_archive_path = setup->options->nerdctl_archive,
        .debug = setup->options->debug,
    }, errp);
    sources_done(&src);
    return ok;
}
