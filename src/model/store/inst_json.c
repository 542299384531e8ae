#include "model/store/inst_status.h"

#include "base/mem.h"
#include "lang/schema/schema.h"
#include "model/store/names.h"

static void put(json_t *out, const char *key, json_t *take_value)
{
    json_object_set_new_nocheck(out, key, take_value);
}

static void put_text(json_t *out, const char *key, const char *value)
{
    put(out, key, json_string_nocheck(value ? value : ""));
}

static void put_text_if(json_t *out, const char *key, const char *value)
{
    if (value && *value)
        put_text(out, key, value);
}

static void put_int_if(json_t *out, const char *key, int64_t value)
{
    if (value)
        put(out, key, json_integer(value));
}

static void add_errors(json_t *list, const struct strv *errors)
{
    for (size_t i = 0; i < errors->n; i++)
        json_array_append_new(list, json_string_nocheck(errors->v[i]));
}

static void put_errors(json_t *out, const struct instance *inst)
{
    json_t *list;

    if (inst->errors.n + inst->agent_errors.n == 0)
        return;
    list = json_array();
    add_errors(list, &inst->errors);
    add_errors(list, &inst->agent_errors);
    put(out, "errors", list);
}

static void put_resources(json_t *out, const struct instance_config *config)
{
    if (str_eq(config->vm_type, "wsl2"))
        return;
    put_int_if(out, "cpus", config->cpus.v);
    put_int_if(out, "memory", (int64_t)config->memory.bytes);
    put_int_if(out, "disk", (int64_t)config->disk.bytes);
}

static void put_lists(json_t *out, const struct instance_config *config)
{
    if (config->additional_disks.n) {
        json_t *disks = json_array();

        for (size_t i = 0; i < config->additional_disks.n; i++)
            json_array_append_new(
                disks, schema_to_json(&disk_config_table, &config->additional_disks.v[i]));
        put(out, "additionalDisks", disks);
    }
    if (config->networks.n) {
        json_t *networks = json_array();

        for (size_t i = 0; i < config->networks.n; i++)
            json_array_append_new(networks,
                                  schema_to_json(&network_config_table, &config->networks.v[i]));
        put(out, "network", networks);
    }
}

static void put_param(json_t *out, json_t *config)
{
    json_t *param = json_object_get(config, "param");

    if (param)
        put(out, "param", json_incref(param));
}

json_t *instance_to_json(const struct instance *inst, const struct store *store)
{
    json_t *out = json_object(), *config = NULL;
    auto_mem char *ssh_config = mem_printf("%s/" NAME_SSH_CONFIG, inst->dir);
    auto_mem char *identity = store_config_path(store, NAME_USER_KEY);

    put_text(out, "name", inst->name);
    put_text(out, "hostname", inst->hostname);
    put_text(out, "status", inst_status_names[inst->status]);
    put_text(out, "dir", inst->dir);
    put_text(out, "vmType", inst->config.vm_type);
    put_text(out, "arch", inst->config.arch);
    if (inst->has_config) {
        put_resources(out, &inst->config);
        put_text_if(out, "message", inst->message);
        put_lists(out, &inst->config);
        put_int_if(out, "sshLocalPort", inst->ssh_local_port);
        put_text(out, "sshConfigFile", ssh_config);
    }
    put_int_if(out, "hostAgentPID", inst->host_agent_pid);
    put_int_if(out, "driverPID", inst->driver_pid);
    put_errors(out, inst);
    if (inst->has_config) {
        config = config_to_json(&inst->config);
        put(out, "config", config);
    }
    put_text_if(out, "sshAddress", inst->ssh_address);
    put(out, "protected", json_boolean(inst->is_protected));
    put_text(out, "limaVersion", inst->lima_version);
    if (config)
        put_param(out, config);
    put_text_if(out, "autoStartedIdentifier", inst->auto_started_identifier);
    put_text(out, "HostOS", store->env.host.os);
    put_text(out, "HostArch", store->env.host.arch);
    put_text(out, "LimaHome", store->home);
    put_text(out, "IdentityFile", identity);
    return out;
}
