#include "driver/null/null_options.h"

#include "base/enum.h"
#include "lang/schema/schema.h"

const char *const null_fail_words[] = { "start", "boot", "run", "stop", NULL };
ENUM_NAMES_MATCH(null_fail_words, NULL_FAIL_COUNT);

#define FIELD_OWNER null_options
static const struct field null_options_rows[] = { NULL_OPTIONS_FIELDS(FIELD_ROW) };
#undef FIELD_OWNER
const struct field_table null_options_table =
    FIELD_TABLE("NullOpts", null_options, null_options_rows);

static bool behaviour_of(const struct null_options *options, struct null_behaviour *out,
                         struct err **errp)
{
    int fail_at = -1;

    if (options->fail_at && *options->fail_at) {
        fail_at = enum_from_name(null_fail_words, COUNT(null_fail_words) - 1, options->fail_at);
        if (fail_at < 0)
            return err_set(
                errp, ERR_INVALID,
                "field `vmOpts.null.failAt` must be one of start, boot, run, stop, got `%s`",
                options->fail_at);
    }
    *out = (struct null_behaviour){
        .fail_at = (enum null_fail)(fail_at + 1),
        .delay_ms = (uint64_t)options->delay_ms.v,
    };
    return true;
}

bool null_options_load(const struct instance_config *config, struct null_behaviour *out,
                       struct err **errp)
{
    const struct yaml_node *node = field_tree_get(&config->vm_opts, "null");
    struct null_options options = { 0 };
    bool ok;

    if (node && !schema_load(&null_options_table, &options, node, NULL, errp))
        ok = err_wrap(errp, "vmOpts.null");
    else
        ok = behaviour_of(&options, out, errp);
    schema_done(&null_options_table, &options);
    return ok;
}
