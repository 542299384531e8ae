/*
 * Template texts (reference: config section 8): "guest" ones know the guest's user and home, "host"
 * ones the host's. A text that cannot be expanded is kept, with a warning. Most texts hold no
 * action at all and are left alone at once.
 */
#include "model/config/config_priv.h"

#include "base/mem.h"
#include "base/path.h"
#include "base/quote.h"
#include "model/config/vars.h"

struct scope {
    struct config_job *job;
    json_t *guest, *host; /* variables, made when first needed */
};

static void scope_done(struct scope *scope)
{
    json_decref(scope->guest);
    json_decref(scope->host);
}

static json_t *params_to_json(const struct field_map *params)
{
    json_t *out = json_object();

    for (size_t i = 0; i < params->n; i++)
        json_object_set_new_nocheck(out, params->v[i].key, json_string_nocheck(params->v[i].value));
    return out;
}

static void set(json_t *vars, const char *name, const char *value)
{
    json_object_set_new_nocheck(vars, name, json_string_nocheck(value ? value : ""));
}

static json_t *guest_vars(const struct config_job *job)
{
    auto_mem char *hostname = config_hostname(job->in->name);
    const struct user_config *user = &job->config->user;
    json_t *vars = json_object();

    set(vars, "Name", job->in->name);
    set(vars, "Hostname", hostname);
    json_object_set_new_nocheck(vars, "UID", json_integer(user->uid.v));
    set(vars, "User", user->name);
    set(vars, "Home", user->home);
    json_object_set_new_nocheck(vars, "Param", params_to_json(job->params));
    return vars;
}

static json_t *host_vars(const struct config_job *job)
{
    const struct host_facts *host = &job->env->host;
    auto_mem char *uid = mem_printf("%u", host->uid);
    json_t *vars = json_object();

    set(vars, "Dir", job->in->dir);
    set(vars, "Name", job->in->name);
    set(vars, "UID", uid);
    set(vars, "User", host->user_name);
    set(vars, "Home", host->user_home);
    json_object_set_new_nocheck(vars, "Param", params_to_json(job->params));
    set(vars, "GlobalTempDir", "/tmp");
    set(vars, "TempDir", host->temp_dir);
    set(vars, "Instance", job->in->name);
    set(vars, "LimaHome", job->env->lima_home);
    return vars;
}

/* Replaces *text by its expansion. label says what it is: "mount location". */
static void expand(struct scope *scope, bool host, char **text, const char *label)
{
    json_t **vars = host ? &scope->host : &scope->guest;
    auto_err struct err *err = NULL;
    char *expanded;

    if (!*text || !strstr(*text, "{{"))
        return;
    if (!*vars)
        *vars = host ? host_vars(scope->job) : guest_vars(scope->job);
    if (vars_expand(*text, *vars, NULL, &expanded, &err)) {
        mem_replace(text, expanded);
    } else {
        auto_mem char *quoted = quote_tick_dup(*text);

        config_warn_error(scope->job->warnings, NULL, err_text(err), "Couldn't process %s %s%s",
                          label, quoted, strstr(label, "script") ? " as a template" : "");
    }
}

static void expand_guest(struct scope *scope, char **text, const char *label)
{
    expand(scope, false, text, label);
}

static void expand_host(struct scope *scope, char **text, const char *label)
{
    expand(scope, true, text, label);
}

void config_expand_home(struct config_job *job)
{
    AUTO_CALL(scope_done) struct scope scope = { .job = job };

    expand_guest(&scope, &job->config->user.home, "`user.home` value");
}

/* "~" and what is relative to it; "~user" stays, for the checks to refuse. */
static void clean_location(const struct config_job *job, char **location)
{
    char *clean;

    if (!**location)
        return;
    clean = path_clean(*location);
    if (*clean == '~') {
        char *full = path_expand_home(clean, job->env->host.user_home);

        free(clean);
        clean = full;
    }
    mem_replace(location, clean);
}

void config_expand_mounts(struct config_job *job)
{
    AUTO_CALL(scope_done) struct scope scope = { .job = job };

    for (size_t i = 0; i < job->config->mounts.n; i++) {
        struct mount_config *mount = &job->config->mounts.v[i];

        if (!mount->location)
            mount->location = mem_strdup("");
        expand_host(&scope, &mount->location, "mount location");
        clean_location(job, &mount->location);
        if (mount->mount_point)
            expand_guest(&scope, &mount->mount_point, "mount point");
        else
            mount->mount_point = mem_strdup(mount->location);
    }
}

static void expand_provision(struct scope *scope, struct provision_config *p)
{
    expand_guest(scope, &p->script, "provisioning script");
    expand_guest(scope, &p->content, "data content");
    expand_guest(scope, &p->expression, "expression");
    expand_guest(scope, &p->owner, "owner");
    expand_guest(scope, &p->path, "path");
}

static void expand_forward(struct scope *scope, struct forward_config *f)
{
    const char *dir = scope->job->in->dir;

    expand_guest(scope, &f->guest_socket, "guestSocket");
    expand_host(scope, &f->host_socket, "hostSocket");
    if (f->host_socket && *f->host_socket && !path_is_absolute(f->host_socket) && dir)
        mem_replace(&f->host_socket, mem_printf("%s/sock/%s", dir, f->host_socket));
}

void config_expand_scripts(struct config_job *job)
{
    AUTO_CALL(scope_done) struct scope scope = { .job = job };
    struct instance_config *config = job->config;

    for (size_t i = 0; i < config->provision.n; i++)
        expand_provision(&scope, &config->provision.v[i]);
    for (size_t i = 0; i < config->probes.n; i++)
        expand_guest(&scope, &config->probes.v[i].script, "probing script");
    for (size_t i = 0; i < config->port_forwards.n; i++)
        expand_forward(&scope, &config->port_forwards.v[i]);
    for (size_t i = 0; i < config->copy_to_host.n; i++) {
        expand_guest(&scope, &config->copy_to_host.v[i].guest, "guest");
        expand_host(&scope, &config->copy_to_host.v[i].host, "host");
    }
}
