#include "model/store/inst_data.h"

#include "base/mem.h"
#include "lang/json/json.h"
#include "lang/schema/schema.h"
#include "model/config/vars.h"
#include "model/store/names.h"

static void put(json_t *out, const char *name, json_t *take_value)
{
    json_object_set_new_nocheck(out, name, take_value);
}

static void put_text(json_t *out, const char *name, const char *value)
{
    put(out, name, json_string_nocheck(value ? value : ""));
}

static json_t *all_errors(const struct instance *inst)
{
    const struct strv *all[] = { &inst->errors, &inst->agent_errors };
    json_t *list = json_array();

    for (size_t i = 0; i < COUNT(all); i++)
        for (size_t k = 0; k < all[i]->n; k++)
            json_array_append_new(list, json_string_nocheck(all[i]->v[k]));
    return list;
}

/* Members that are copies of parts of the configuration. */
static void put_config(json_t *out, const struct instance *inst)
{
    static const char *const copies[] = { "AdditionalDisks", "Networks", "Param" };
    json_t *config = schema_to_go(&instance_config_table, &inst->config);

    for (size_t i = 0; i < COUNT(copies); i++)
        put(out, copies[i], json_incref(json_object_get(config, copies[i])));
    put(out, "Config", inst->has_config ? json_incref(config) : json_null());
    json_decref(config);
}

static json_t *fields(const struct instance *inst, const struct store *store)
{
    auto_mem char *ssh_config = mem_printf("%s/" NAME_SSH_CONFIG, inst->dir);
    auto_mem char *identity = store_config_path(store, NAME_USER_KEY);
    const struct instance_config *config = &inst->config;
    bool wsl = str_eq(config->vm_type, "wsl2");
    json_t *out = json_object();

    put_text(out, "Name", inst->name);
    put_text(out, "Hostname", inst->hostname);
    put_text(out, "Status", inst_status_names[inst->status]);
    put_text(out, "Dir", inst->dir);
    put_text(out, "VMType", config->vm_type);
    put_text(out, "Arch", config->arch);
    put(out, "CPUs", json_integer(wsl ? 0 : config->cpus.v));
    put(out, "Memory", json_integer(wsl ? 0 : (json_int_t)config->memory.bytes));
    put(out, "Disk", json_integer(wsl ? 0 : (json_int_t)config->disk.bytes));
    put_text(out, "Message", inst->message);
    put(out, "SSHLocalPort", json_integer(inst->ssh_local_port));
    put_text(out, "SSHConfigFile", inst->has_config ? ssh_config : "");
    put(out, "HostAgentPID", json_integer(inst->host_agent_pid));
    put(out, "DriverPID", json_integer(inst->driver_pid));
    put(out, "Errors", all_errors(inst));
    put_config(out, inst);
    put_text(out, "SSHAddress", inst->ssh_address);
    put(out, "Protected", json_boolean(inst->is_protected));
    put_text(out, "LimaVersion", inst->lima_version);
    put_text(out, "AutoStartedIdentifier", inst->auto_started_identifier);
    put_text(out, "HostOS", store->env.host.os);
    put_text(out, "HostArch", store->env.host.arch);
    put_text(out, "LimaHome", store->home);
    put_text(out, "IdentityFile", identity);
    return out;
}

json_t *instance_data(const struct instance *inst, const struct store *store)
{
    json_t *out = fields(inst, store);

    put(out, "Instance", json_copy(out));
    return out;
}

bool instance_expand(const struct instance *inst, const struct store *store, const char *text,
                     char **out_text, struct err **errp)
{
    auto_json json_t *data = instance_data(inst, store);

    return vars_expand(text, data, "store.FormatData", out_text, errp);
}
