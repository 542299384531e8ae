#include "model/store/inst_status.h"

#include "base/mem.h"
#include "base/num.h"
#include "base/path.h"
#include "base/quote.h"
#include "lang/yaml/yaml_text.h"
#include "model/store/ha_client.h"
#include "model/store/inst_data.h"
#include "model/store/inst_dir.h"
#include "model/store/names.h"
#include "sys/file.h"
#include "sys/pidfile.h"

#define HA_TIMEOUT_MS  3000
#define SSH_CONFIG_MAX ((size_t)64 << 10)

const char *const inst_status_names[INST_STATUS_COUNT] = {
    [INST_UNKNOWN] = "",
    [INST_RUNNING] = "Running",
    [INST_STOPPED] = "Stopped",
    [INST_BROKEN] = "Broken",
};

/* Notes an error; the instance is Broken from then on. Takes err. */
static void broken(struct instance *inst, struct err *take_err)
{
    strv_push(&inst->errors, err_text(take_err));
    err_free(take_err);
    inst->status = INST_BROKEN;
}

/* *out_text: the content of lima.yaml. */
static bool read_yaml(const struct instance *inst, char **out_text, struct err **errp)
{
    auto_mem char *path = path_join(inst->dir, NAME_LIMA_YAML);
    struct err *err = NULL;

    if (file_read_text(path, YAML_MAX_BYTES, out_text, &err))
        return true;
    if (err_kind(err) != ERR_NOT_FOUND)
        return err_propagate(errp, err);
    err_free(err);
    return err_set(errp, ERR_NOT_FOUND, "open %s: no such file or directory", path);
}

static bool load_config(struct instance *inst, const struct store *store, const char *text,
                        struct err **errp)
{
    auto_mem char *path = path_join(inst->dir, NAME_LIMA_YAML);
    auto_mem char *creator = inst_dir_creator(inst->dir);
    struct config_input in = {
        .name = inst->name,
        .dir = inst->dir,
        .path = path,
        .text = sv_of(text),
        .version = creator,
    };

    if (!config_load(&inst->config, &store->env, &in, NULL, errp))
        return false;
    if (config_check(&inst->config, &store->env, errp))
        return true;
    config_done(&inst->config);
    return false;
}

/* The port behind "Port" in ssh.config, or 0. */
static uint16_t port_of_ssh_config(const char *dir)
{
    auto_mem char *path = path_join(dir, NAME_SSH_CONFIG);
    auto_mem char *text = NULL;
    struct sv rest, line;
    uint16_t port;

    if (!file_read_text(path, SSH_CONFIG_MAX, &text, NULL))
        return 0;
    for (rest = sv_of(text); sv_next(&rest, '\n', &line);) {
        line = sv_trim(line);
        if (sv_starts(line, SV("Port ")) && parse_u16(sv_trim(sv_slice(line, 5, line.n)), &port))
            return port;
    }
    return 0;
}

static void ask_host_agent(struct instance *inst)
{
    auto_mem char *path = path_join(inst->dir, NAME_HA_SOCK);
    struct ha_info info = { 0 };
    struct err *err = NULL;

    if (!ha_client_info(path, HA_TIMEOUT_MS, &info, &err)) {
        err_wrap(&err, "failed to get Info from \"%s\"", path);
        broken(inst, err);
        return;
    }
    if (info.ssh_local_port)
        inst->ssh_local_port = info.ssh_local_port;
    inst->auto_started_identifier = MOVE(info.auto_started_identifier);
    strv_extend(&inst->agent_errors, &info.errors);
    ha_info_done(&info);
}

static void find_host_agent(struct instance *inst)
{
    auto_mem char *path = path_join(inst->dir, NAME_HA_PID);

    inst->ssh_address = mem_strdup("127.0.0.1");
    inst->ssh_local_port = (uint16_t)inst->config.ssh.local_port.v;
    if (pidfile_probe(path, &inst->host_agent_pid) == PIDFILE_LIVE)
        ask_host_agent(inst);
    if (inst->ssh_local_port == 0)
        inst->ssh_local_port = port_of_ssh_config(inst->dir);
}

static void find_driver(struct instance *inst)
{
    auto_mem char *path = mem_printf("%s/%s" NAME_PID_SUFFIX, inst->dir, inst->config.vm_type);

    (void)pidfile_probe(path, &inst->driver_pid);
}

static void judge(struct instance *inst)
{
    if (inst->host_agent_pid && !inst->driver_pid) {
        strv_push(&inst->errors, "host agent is running but driver is not");
        inst->status = INST_BROKEN;
    } else if (!inst->host_agent_pid && inst->driver_pid) {
        strv_pushf(&inst->errors, "%s driver is running but host agent is not",
                   inst->config.vm_type);
        inst->status = INST_BROKEN;
    } else if (inst->status != INST_BROKEN) {
        inst->status = inst->driver_pid ? INST_RUNNING : INST_STOPPED;
    }
}

static void render_message(struct instance *inst, const struct store *store)
{
    const char *source = inst->config.message;
    struct err *err = NULL;
    size_t len;

    if (!source || !*source)
        return;
    if (!instance_expand(inst, store, source, &inst->message, &err)) {
        auto_mem char *quoted = quote_tick_dup(source);

        err_wrap(&err, "message %s is not a valid template", quoted);
        broken(inst, err);
        return;
    }
    len = strlen(inst->message);
    if (len && inst->message[len - 1] == '\n')
        inst->message[len - 1] = '\0';
}

static void begin(struct instance *out, const struct store *store, const char *name)
{
    *out = (struct instance){
        .name = mem_strdup(name),
        .hostname = mem_strdup(""),
        .dir = inst_dir(store, name),
        .lima_version = mem_strdup(""),
    };
}

bool instance_inspect(struct instance *out, const struct store *store, const char *name,
                      struct err **errp)
{
    auto_mem char *text = NULL;
    struct err *err = NULL;

    begin(out, store, name);
    if (!read_yaml(out, &text, &err)) {
        if (err_kind(err) == ERR_NOT_FOUND) {
            instance_done(out);
            return err_propagate(errp, err);
        }
        broken(out, err);
        return true;
    }
    mem_replace(&out->hostname, inst_hostname(name));
    mem_replace(&out->lima_version, inst_dir_version(out->dir));
    out->is_protected = inst_dir_is_protected(out->dir);
    if (!load_config(out, store, text, &err)) {
        strv_push(&out->errors, err_text(err));
        err_free(err);
        return true;
    }
    out->has_config = true;
    find_host_agent(out);
    find_driver(out);
    judge(out);
    render_message(out, store);
    return true;
}

void instance_inspect_any(struct instance *out, const struct store *store, const char *name)
{
    struct err *err = NULL;

    if (instance_inspect(out, store, name, &err))
        return;
    begin(out, store, name);
    broken(out, err);
}

void instance_done(struct instance *inst)
{
    free(inst->name);
    free(inst->hostname);
    free(inst->dir);
    config_done(&inst->config);
    free(inst->message);
    free(inst->ssh_address);
    strv_done(&inst->errors);
    strv_done(&inst->agent_errors);
    free(inst->lima_version);
    free(inst->auto_started_identifier);
    *inst = (struct instance){ 0 };
}
