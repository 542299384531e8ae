/*
 * Any text as lima.yaml: it loads or is refused with a message, and what was loaded and filled in
 * can be written, read again, and is then the same.
 */
#include "fuzz.h"

#include <assert.h>

#include "lang/schema/schema.h"
#include "lang/yaml/yaml_text.h"
#include "model/config/config.h"

static struct config_env env = {
    .host = { .os = (char[]){ "linux" },
              .arch = (char[]){ "x86_64" },
              .cpus = 2,
              .memory = UINT64_C(4) << 30,
              .timezone = (char[]){ "UTC" },
              .machine_id = (char[]){ "0" },
              .user_name = (char[]){ "u" },
              .user_comment = (char[]){ "" },
              .user_home = (char[]){ "/home/u" },
              .temp_dir = (char[]){ "/tmp" },
              .uid = 1000 },
    .lima_home = (char[]){ "/home/u/.lima" },
    .networks_path = (char[]){ "networks.yaml" },
};

static bool load(struct instance_config *out, struct sv text, struct err **errp)
{
    struct config_input in = {
        .name = "x", .dir = "/home/u/.lima/x", .path = "lima.yaml", .text = text
    };

    return config_load(out, &env, &in, NULL, errp);
}

static void check_round_trip(const struct sb *once)
{
    auto_config struct instance_config again = { 0 };
    auto_err struct err *err = NULL;
    auto_yaml_doc struct yaml_doc *doc = yaml_load(sb_view(once), &err);
    auto_sb struct sb twice = { 0 };

    assert(doc && schema_load(&instance_config_table, &again, doc->root, NULL, &err));
    config_to_yaml(&again, &twice);
    assert(sv_eq(sb_view(once), sb_view(&twice)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    auto_config struct instance_config config = { 0 };
    auto_strv struct strv unserved = { 0 };
    auto_err struct err *err = NULL, *fault = NULL;
    auto_sb struct sb once = { 0 };
    json_t *json;

    if (!load(&config, (struct sv){ (const char *)data, size }, &err)) {
        assert(err && *err_text(err));
        return 0;
    }
    if (!config_check(&config, &env, &fault))
        assert(*err_text(fault));
    config_unserved(&config, &unserved);
    config_to_yaml(&config, &once);
    check_round_trip(&once);
    json = config_to_json(&config);
    assert(json_is_object(json));
    json_decref(json);
    return 0;
}
