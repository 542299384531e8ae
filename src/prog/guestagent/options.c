#include "prog/guestagent/options.h"

#include "base/num.h"
#include "prog/guestagent/unit.h"

static bool take_flag(struct options *out, const char *name)
{
    if (str_eq(name, "--debug"))
        out->debug = true;
    else if (str_eq(name, "--guestagent-updated"))
        out->is_updated = true;
    else if (str_eq(name, "--read-only"))
        out->read_only = true;
    else if (str_eq(name, "--lazy"))
        out->lazy = true;
    else if (str_eq(name, "--wait"))
        out->waits = true;
    else
        return false;
    return true;
}

static bool take_value(struct options *out, struct sv name, const char *value, struct err **errp)
{
    uint32_t number = 0;
    bool is_number = !value[0] || parse_u32(sv_of(value), &number);

    if (sv_eq(name, SV("--runtime-dir"))) {
        out->runtime_dir = value[0] ? value : AGENT_RUNTIME;
    } else if (sv_eq(name, SV("--virtio-port"))) {
        out->virtio_port = value;
    } else if (sv_eq(name, SV("--name"))) {
        out->name = value;
    } else if (sv_eq(name, SV("--mount-point"))) {
        out->mount_point = value;
    } else if (sv_eq(name, SV("--9p-options"))) {
        out->options_9p = value;
    } else if (sv_eq(name, SV("--tick"))) {
        return true; /* the interval of Lima's polling; nothing is polled here */
    } else if (sv_eq(name, SV("--vsock-port")) && is_number) {
        out->vsock_port = number;
    } else if (sv_eq(name, SV("--socket-owner")) && is_number) {
        out->socket_owner = value[0] ? (int64_t)number : UNIT_OWNER_UNSET;
    } else {
        return err_set(errp, ERR_INVALID, "%.*s cannot be \"%s\"", SV_ARG(name), value);
    }
    return true;
}

static bool is_known(struct sv name)
{
    static const char *const names[] = { "--runtime-dir", "--virtio-port",  "--tick",
                                         "--vsock-port",  "--socket-owner", "--name",
                                         "--mount-point", "--9p-options" };

    for (size_t i = 0; i < COUNT(names); i++)
        if (sv_eq_str(name, names[i]))
            return true;
    return false;
}

bool options_parse(int argc, char *const *argv, struct options *out, struct err **errp)
{
    struct options options = { .verb = "",
                               .runtime_dir = AGENT_RUNTIME,
                               .virtio_port = "",
                               .name = "",
                               .mount_point = "",
                               .options_9p = "",
                               .socket_owner = UNIT_OWNER_UNSET };

    for (int i = 1; i < argc; i++) {
        struct sv rest = sv_of(argv[i]), name;
        const char *value;

        if (!str_starts(argv[i], "--")) {
            if (options.verb[0])
                return err_set(errp, ERR_INVALID, "unexpected argument \"%s\"", argv[i]);
            options.verb = argv[i];
            continue;
        }
        if (take_flag(&options, argv[i]))
            continue;
        sv_next(&rest, '=', &name);
        if (!is_known(name))
            return err_set(errp, ERR_INVALID, "unknown flag %s", argv[i]);
        if (rest.p)
            value = rest.p; /* argv is terminated */
        else if (i + 1 < argc)
            value = argv[++i];
        else
            return err_set(errp, ERR_INVALID, "%s needs a value", argv[i]);
        if (!take_value(&options, name, value, errp))
            return false;
    }
    *out = options;
    return true;
}
