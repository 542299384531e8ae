#include "prog/limactl/list_data.h"

#include <string.h>

#include "base/mem.h"
#include "lang/expr/expr.h"
#include "lang/json/json.h"
#include "lang/schema/schema.h"
#include "model/store/inst_data.h"

json_t *list_data(const struct instance *inst, const struct store *store)
{
    json_t *value = instance_to_json(inst, store);

    json_drop_empty_objects(value);
    return value;
}

static void drop_deprecated(json_t *value)
{
    static const char *const deprecated[] = { "HostOS", "HostArch", "LimaHome", "IdentityFile" };

    for (size_t i = 0; i < COUNT(deprecated); i++)
        (void)json_object_del(value, deprecated[i]);
}

/*
 * Expressions.
 */

bool list_data_eval(const json_t *value, const struct strv *expressions, json_t **out,
                    struct err **errp)
{
    auto_mem char *joined = strv_join(expressions, " | ");

    return expr_eval_json(value, sv_of(joined), out, errp);
}

bool list_data_passes(const struct instance *inst, const struct store *store,
                      const struct strv *filters, bool *out, struct err **errp)
{
    auto_json json_t *value = instance_to_json(inst, store);

    drop_deprecated(value);
    *out = true;
    for (size_t i = 0; *out && i < filters->n; i++) {
        auto_mem char *expression = mem_printf("select(%s)", filters->v[i]);
        json_t *results = NULL;

        if (!expr_eval_json(value, sv_of(expression), &results, errp))
            return false;
        *out = json_array_size(results) > 0;
        json_decref(results);
    }
    return true;
}

/*
 * Templates.
 */

/* Members whose objects are maps of the user: their keys are free. */
static bool is_map_name(const char *name)
{
    static const char *const names[] = { "Param", "Env", "VMOpts", "OsOpts", "CPUType", "Hosts" };

    for (size_t i = 0; i < COUNT(names); i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

/* Collects the maps below value: everything else is a struct of fixed fields. */
static void find_maps(const json_t *value, bool in_map, json_t *maps)
{
    const char *key;
    json_t *member;
    size_t i;

    if (in_map && json_is_object(value)) {
        auto_mem char *address = mem_printf("%p", (const void *)value);

        json_object_set_new(maps, address, json_true());
    }
    json_object_foreach((json_t *)value, key, member)
        find_maps(member, in_map || is_map_name(key), maps);
    json_array_foreach(value, i, member)
        find_maps(member, in_map, maps);
}

struct lookup {
    const json_t *root;
    const json_t *maps;  /* addresses of the objects that are maps */
    const json_t *twins; /* by address of an object or list: the same with the keys of JSON */
};

static const json_t *find_field(void *ctx, const json_t *object, const char *name,
                                const char **out_type)
{
    const struct lookup *lookup = ctx;
    const json_t *value = json_object_get(object, name);
    auto_mem char *address = mem_printf("%p", (const void *)object);

    if (!value && !json_object_get(lookup->maps, address))
        *out_type = object == lookup->root ? "store.FormatData" : "limatype.LimaYAML";
    return value;
}

static const json_t *find_twin(void *ctx, const json_t *value)
{
    const struct lookup *lookup = ctx;
    auto_mem char *address = mem_printf("%p", (const void *)value);
    const json_t *twin = json_object_get(lookup->twins, address);

    return twin ? twin : value;
}

static void add_twin(void *ctx, const json_t *go, json_t *json)
{
    auto_mem char *address = mem_printf("%p", (const void *)go);

    json_object_set(ctx, address, json);
}

/* Pairs what data has by Go name with what list --json prints. */
static json_t *find_twins(const json_t *data, const struct instance *inst,
                          const struct store *store)
{
    auto_json json_t *value = instance_to_json(inst, store);
    auto_json json_t *bare = json_copy(value);
    json_t *twins = json_object();

    drop_deprecated(bare);
    add_twin(twins, data, value);
    add_twin(twins, json_object_get(data, "Instance"), bare);
    schema_pair_go(&instance_config_table, json_object_get(data, "Config"),
                   json_object_get(value, "config"), add_twin, twins);
    return twins;
}

bool list_data_expand(const struct instance *inst, const struct store *store, const struct gotmpl *tmpl,
                      struct sb *out, struct err **errp)
{
    auto_json json_t *data = instance_data(inst, store);
    auto_json json_t *maps = json_object();
    auto_json json_t *twins = find_twins(data, inst, store);
    struct lookup lookup = { .root = data, .maps = maps, .twins = twins };
    struct gotmpl_resolver resolver = { .field = find_field, .encoded = find_twin, .ctx = &lookup };

    find_maps(data, false, maps);
    return gotmpl_run(tmpl, data, &resolver, out, errp);
}
