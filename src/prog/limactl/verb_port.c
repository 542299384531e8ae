/* limactl port list: what is forwarded between host and guests, as their host agents tell. */
#include <string.h>

#include "base/mem.h"
#include "base/quote.h"
#include "base/units.h"
#include "lang/json/json.h"
#include "model/store/ha_client.h"
#include "model/store/inst_dir.h"
#include "model/store/names.h"
#include "prog/limactl/output.h"
#include "prog/limactl/table.h"
#include "prog/limactl/target.h"

enum { TIMEOUT_MS = 5000, ANSWER_MAX = 16 * 1024 * 1024, CELL_MAX = 120 };

struct port_list_opts {
    struct arg_bool json;
};

static const struct opt port_list_rows[] = {
    { OPT_AT(BOOL, struct port_list_opts, json), .name = "json",
      .help = "One JSON object per forward and line" },
};

enum column { INSTANCE, RULE, PROTO, GUEST, HOST, STATE, CONNS, TO_GUEST, FROM_GUEST, N_COLUMNS };

static const char *const titles[N_COLUMNS] = { "INSTANCE", "RULE",  "PROTO",    "GUEST",     "HOST",
                                               "STATE",    "CONNS", "TO GUEST", "FROM GUEST" };

/* A text of the answer, "-" when it has none. */
static void add_text(struct table *table, const json_t *port, const char *key)
{
    const char *text = json_string_value(json_object_get(port, key));

    table_add_take(table, text && *text ? quote_printable(sv_of(text), CELL_MAX) : mem_strdup("-"));
}

static void add_number(struct table *table, const json_t *port, const char *key, bool is_size)
{
    const json_t *value = json_object_get(port, key);
    json_int_t number = json_integer_value(value);

    if (!json_is_integer(value) || number < 0)
        table_add(table, "-");
    else if (is_size)
        table_add_take(table, size_format((uint64_t)number));
    else
        table_add_take(table, mem_printf("%lld", (long long)number));
}

/* Of a reverse forward it is the guest's end that listens. */
static void add_guest(struct table *table, const json_t *port)
{
    const char *direction = json_string_value(json_object_get(port, "direction"));
    const char *text = json_string_value(json_object_get(port, "guestAddr"));
    auto_mem char *guest = quote_printable(sv_of(text), CELL_MAX);

    table_add_take(
        table, mem_printf("%s%s", guest, str_eq(direction, "guest-to-host") ? " (listens)" : ""));
}

static void add_row(struct table *table, const char *instance, const json_t *port)
{
    table_add(table, instance);
    add_text(table, port, "rule");
    add_text(table, port, "protocol");
    add_guest(table, port);
    add_text(table, port, "hostAddr");
    add_text(table, port, json_object_get(port, "error") ? "error" : "state");
    add_number(table, port, "connections", false);
    add_number(table, port, "bytesToGuest", true);
    add_number(table, port, "bytesFromGuest", true);
}

static void print_line(const char *instance, json_t *port)
{
    auto_json json_t *line = json_object();
    auto_sb struct sb out = { 0 };

    (void)json_object_set_new(line, "instance", json_string(instance));
    (void)json_object_update(line, port);
    json_put(&out, line, JSON_STYLE_COMPACT);
    sb_putc(&out, '\n');
    output_put(sb_view(&out));
}

static bool show(const struct store *store, const char *instance, bool as_json, struct table *table,
                 struct err **errp)
{
    auto_mem char *socket_path = inst_path(store, instance, NAME_HA_SOCK);
    auto_sb struct sb body = { .limit = ANSWER_MAX };
    auto_json json_t *answer = NULL;
    json_t *ports, *port;
    size_t i;

    if (!ha_client_get(socket_path, "/v1/ports", TIMEOUT_MS, &body, errp) ||
        !(answer = json_parse(sb_view(&body), errp)) ||
        !json_get_array(answer, "ports", &ports, errp))
        return err_wrap(errp, "asking for the ports of instance \"%s\"", instance);
    json_array_foreach(ports, i, port)
    {
        if (as_json)
            print_line(instance, port);
        else
            add_row(table, instance, port);
    }
    return true;
}

/* The instance that is named, else all that run. */
static bool choose(const struct store *store, const struct strv *args, struct strv *out,
                   struct err **errp)
{
    auto_strv struct strv names = { 0 };

    if (args->n == 0 && !inst_list(store, &names, errp))
        return false;
    strv_extend(&names, args);
    for (size_t i = 0; i < names.n; i++) {
        auto_instance struct instance inst = { 0 };

        if (args->n && !instance_inspect(&inst, store, names.v[i], errp))
            return false;
        if (!args->n)
            instance_inspect_any(&inst, store, names.v[i]);
        if (inst.host_agent_pid)
            strv_push(out, names.v[i]);
        else if (args->n)
            return err_set(errp, ERR_NOT_FOUND, "instance \"%s\" is not running", names.v[i]);
    }
    return true;
}

static bool port_list_run(struct ctx *ctx, void *opts, const struct strv *args, struct err **errp)
{
    const struct port_list_opts *o = opts;
    auto_table struct table table = { .titles = titles, .n_columns = N_COLUMNS };
    auto_store struct store store = { 0 };
    auto_strv struct strv names = { 0 };
    auto_sb struct sb out = { 0 };

    if (!store_open(&store, errp) || !choose(&store, args, &names, errp))
        return false;
    for (size_t i = 0; i < names.n; i++)
        if (!show(&store, names.v[i], o->json.v, &table, errp))
            return false;
    if (!o->json.v) {
        table_put(&table, &out);
        output_put(sb_view(&out));
    }
    return true;
}

static const char *const list_aliases[] = { "ls", NULL };

static const struct verb verb_port_list = {
    .name = "list",
    .aliases = list_aliases,
    .group = VERB_BASIC,
    .args = "[INSTANCE]",
    .summary = "List forwarded ports and sockets",
    .details =
        "Without an instance those of all that run. GUEST and HOST are the two ends; STATE is\n"
        "open, blocked (the reason is shown instead), standby (another port of the guest has\n"
        "the address of the host), or not-forwarded.",
    .args_max = 1,
    .opts = { { NULL, port_list_rows, COUNT(port_list_rows), 0 } },
    .opts_size = sizeof(struct port_list_opts),
    .complete = target_complete,
    .run = port_list_run,
};

static const struct verb *const subs[] = { &verb_port_list, NULL };

const struct verb verb_port = {
    .name = "port",
    .group = VERB_ADVANCED,
    .summary = "Show forwarded ports and sockets",
    .subs = subs,
};
