#include "driver/qemu/options.h"

#include <stdlib.h>

#include "base/quote.h"
#include "base/semver.h"
#include "driver/qemu/accel.h"
#include "lang/schema/schema.h"

const char *const qemu_option_accels[] = { "kvm", "tcg", NULL };

#define FIELD_OWNER qemu_options
static const struct field qemu_options_rows[] = { QEMU_OPTIONS_FIELDS(FIELD_ROW) };
#undef FIELD_OWNER
const struct field_table qemu_options_table =
    FIELD_TABLE("QEMUOpts", qemu_options, qemu_options_rows);

static bool options_check(const struct qemu_options *options, struct err **errp)
{
    struct semver version;

    if (options->minimum_version && *options->minimum_version &&
        !semver_parse(sv_of(options->minimum_version), &version))
        return err_set(
            errp, ERR_INVALID,
            "field `vmOpts.qemu.minimumVersion` must be a semvar value, got `%s`: it is not "
            "in dotted-tri format",
            options->minimum_version);
    if (options->accel && *options->accel && !str_eq(options->accel, "kvm") &&
        !str_eq(options->accel, "tcg"))
        return err_set(errp, ERR_INVALID,
                       "field `vmOpts.qemu.accel` must be `kvm` or `tcg`, got `%s`",
                       options->accel);
    return true;
}

bool qemu_options_load(const struct instance_config *config, struct qemu_options *out,
                       struct err **errp)
{
    auto_qemu_options struct qemu_options options = { 0 };
    const struct yaml_node *node = field_tree_get(&config->vm_opts, "qemu");

    if (node && !schema_load(&qemu_options_table, &options, node, NULL, errp))
        return err_wrap(errp, "vmOpts.qemu");
    if (!options_check(&options, errp))
        return false;
    for (size_t i = 0; i < config->cpu_type.n; i++) {
        const struct field_map_entry *old = &config->cpu_type.v[i];
        const char *own = field_map_get(&options.cpu_type, old->key);

        if (*old->value && !(own && *own))
            field_map_set(&options.cpu_type, old->key, old->value);
    }
    *out = options;
    options = (struct qemu_options){ 0 };
    return true;
}

void qemu_options_done(struct qemu_options *options)
{
    schema_done(&qemu_options_table, options);
}

const char *qemu_options_accel(const struct qemu_options *options)
{
    const char *env = getenv("LIMA_QEMU_ACCEL");

    if (options->accel && *options->accel)
        return options->accel;
    return env && *env ? env : NULL;
}

const char *qemu_options_cpu(const struct qemu_options *options, const char *arch)
{
    const char *cpu = field_map_get(&options->cpu_type, arch);

    return cpu && *cpu ? cpu : NULL;
}
