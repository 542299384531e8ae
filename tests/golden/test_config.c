/*
 * Configurations against recorded results. A case is a folder:
 *
 *     lima.yaml                   and, if there, default.yaml, override.yaml, networks.yaml
 *     host.json                   pretended facts, all optional: host facts, "name", "dir",
 *                                 "version" of the instance, "fill": true for config_fill()
 *     merged.yaml | errors.txt    what came out, or why nothing did
 *     warnings.txt, unserved.txt  only where there are some
 *
 * UPDATE_GOLDEN=1 rewrites the results.
 */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/path.h"
#include "lang/json/json.h"
#include "model/config/config.h"
#include "sys/file.h"

#include "golden.h"

#define FILE_MAX ((size_t)1 << 20)

struct results {
    struct sb merged, errors, warnings, unserved;
};

static void results_done(struct results *r)
{
    sb_done(&r->merged);
    sb_done(&r->errors);
    sb_done(&r->warnings);
    sb_done(&r->unserved);
}

/* NULL when the case has no such file. */
static char *read_file(const char *dir, const char *name)
{
    auto_mem char *path = path_join(dir, name);
    char *text = NULL;

    return file_read_text(path, FILE_MAX, &text, NULL) ? text : NULL;
}

static char *fact(const json_t *doc, const char *key, const char *other)
{
    const char *text = json_string_value(json_object_get(doc, key));

    return mem_strdup(text ? text : other);
}

static int64_t number(const json_t *doc, const char *key, int64_t other)
{
    const json_t *value = json_object_get(doc, key);

    return value ? json_integer_value(value) : other;
}

static void pretend_host(const json_t *doc, struct host_facts *host)
{
    *host = (struct host_facts){
        .os = fact(doc, "os", "linux"),
        .arch = fact(doc, "arch", "x86_64"),
        .cpus = (unsigned)number(doc, "cpus", 8),
        .memory = (uint64_t)number(doc, "memory", INT64_C(16) << 30),
        .timezone = fact(doc, "timezone", "Europe/Berlin"),
        .machine_id = fact(doc, "machineID", "0123456789abcdef0123456789abcdef"),
        .user_name = fact(doc, "userName", "u"),
        .user_comment = fact(doc, "userComment", "U. Ser"),
        .user_home = fact(doc, "userHome", "/home/u"),
        .temp_dir = fact(doc, "tempDir", "/var/tmp"),
        .uid = (uint32_t)number(doc, "uid", 1000),
        .ssh_over_vsock = fact(doc, "sshOverVsock", NULL),
    };
    if (json_is_null(json_object_get(doc, "timezone"))) {
        free(host->timezone);
        host->timezone = NULL;
    }
}

static bool add_layer(struct config_env *env, enum config_layer_kind kind, const char *dir,
                      const char *name, struct err **errp)
{
    auto_mem char *text = read_file(dir, name);

    return !text || config_env_add_layer(env, kind, name, sv_of(text), errp);
}

static void put_error(struct results *r, struct err *take_err)
{
    sb_putf(&r->errors, "%s\n", err_text(take_err));
    err_free(take_err);
}

static void put_warnings(struct results *r, const struct config_warnings *warnings)
{
    for (size_t i = 0; i < warnings->n; i++) {
        const struct config_warning *w = &warnings->v[i];

        sb_puts(&r->warnings, w->text);
        if (w->comment)
            sb_putf(&r->warnings, " | comment=%s", w->comment);
        if (w->error)
            sb_putf(&r->warnings, " | error=%s", w->error);
        sb_putc(&r->warnings, '\n');
    }
}

static void run(const struct config_env *env, const struct config_input *in, bool fill,
                struct results *r)
{
    auto_config struct instance_config config = { 0 };
    auto_config_warnings struct config_warnings warnings = { 0 };
    auto_strv struct strv unserved = { 0 };
    struct err *err = NULL;

    if (fill ? !config_fill(&config, env, in, &warnings, &err)
             : !config_load(&config, env, in, &warnings, &err)) {
        put_error(r, err);
    } else if (!fill && !config_check(&config, env, &err)) {
        put_error(r, err);
    } else {
        config_to_yaml(&config, &r->merged);
        if (!fill) {
            config_check_warn(&config, env, &warnings);
            config_unserved(&config, &unserved);
        }
    }
    put_warnings(r, &warnings);
    for (size_t i = 0; i < unserved.n; i++)
        sb_putf(&r->unserved, "%s\n", unserved.v[i]);
}

static bool case_run(const char *dir, struct err **errp)
{
    auto_mem char *yaml = read_file(dir, "lima.yaml"), *host_text = read_file(dir, "host.json");
    auto_json json_t *facts = host_text ? json_parse(sv_of(host_text), errp) : json_object();
    AUTO_CALL(config_env_done) struct config_env env = { 0 };
    AUTO_CALL(results_done) struct results r = { 0 };
    auto_mem char *name = NULL, *inst_dir = NULL, *version = NULL;
    struct err *err = NULL;

    if (!facts)
        return false;
    name = fact(facts, "name", "default");
    inst_dir = fact(facts, "dir", "/home/u/.lima/default");
    version = fact(facts, "version", NULL);
    pretend_host(facts, &env.host);
    env.lima_home = mem_strdup("/home/u/.lima");
    env.networks_path = mem_strdup("networks.yaml");
    env.networks_text = read_file(dir, "networks.yaml");
    if (!add_layer(&env, CONFIG_LAYER_DEFAULTS, dir, "default.yaml", &err) ||
        !add_layer(&env, CONFIG_LAYER_OVERRIDES, dir, "override.yaml", &err))
        put_error(&r, err);
    else
        run(&env,
            &(struct config_input){ .name = name,
                                    .dir = inst_dir,
                                    .path = "lima.yaml",
                                    .text = sv_of(yaml ? yaml : ""),
                                    .version = version },
            json_is_true(json_object_get(facts, "fill")), &r);
    return golden_settle(dir, "merged.yaml", sb_view(&r.merged), errp) &&
           golden_settle(dir, "errors.txt", sb_view(&r.errors), errp) &&
           golden_settle(dir, "warnings.txt", sb_view(&r.warnings), errp) &&
           golden_settle(dir, "unserved.txt", sb_view(&r.unserved), errp);
}

int main(int argc, char **argv)
{
    return golden_main(argc, argv, case_run);
}
