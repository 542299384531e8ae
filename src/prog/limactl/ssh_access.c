#include "prog/limactl/ssh_access.h"

#include "base/mem.h"
#include "model/store/names.h"
#include "svc/ssh/keys.h"

bool ssh_access_open(struct ssh_access *access, const struct store *store,
                     const struct instance *inst, struct err **errp)
{
    const struct ssh_config *ssh = &inst->config.ssh;
    auto_mem char *config_dir = store_path(store, NAME_CONFIG_DIR);
    const char *home = ssh->load_dot_ssh_pub_keys.v ? store->env.host.user_home : NULL;
    auto_strv struct strv identities = { 0 };

    *access = (struct ssh_access){
        .address = inst->ssh_address ? inst->ssh_address : SSH_ADDRESS,
        .port = inst->ssh_local_port,
    };
    if (!ssh_client_probe(&access->client, errp) ||
        !ssh_keys_identities(config_dir, home, &identities, errp))
        return false;
    return ssh_options(&access->client,
                       &(struct ssh_params){
                           .identities = &identities,
                           .user = inst->config.user.name,
                           .inst_dir = inst->dir,
                           .forward_agent = ssh->forward_agent.v,
                           .forward_x11 = ssh->forward_x11.v,
                           .forward_x11_trusted = ssh->forward_x11_trusted.v,
                       },
                       &access->options, errp);
}

void ssh_access_done(struct ssh_access *access)
{
    ssh_client_done(&access->client);
    strv_done(&access->options);
}
