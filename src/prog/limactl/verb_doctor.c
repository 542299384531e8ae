/* limactl doctor: looks for what would keep an instance from starting. */
#include <jansson.h>

#include "base/enum.h"
#include "base/mem.h"
#include "instance/examine.h"
#include "prog/limactl/json_paint.h"
#include "prog/limactl/output.h"
#include "prog/limactl/table.h"
#include "prog/limactl/verb.h"

struct doctor_opts {
    struct arg_bool json;
};

static const struct opt doctor_rows[] = {
    { OPT_AT(BOOL, struct doctor_opts, json), .name = "json", .help = "Print one JSON object" },
};

static const char *const level_names[] = { "ok", "note", "FAIL" };
static const char *const level_keys[] = { "ok", "note", "fail" };
ENUM_NAMES_MATCH(level_names, DRIVER_FINDING_FAIL + 1);
ENUM_NAMES_MATCH(level_keys, DRIVER_FINDING_FAIL + 1);

static size_t count_failures(const struct driver_findings *findings)
{
    size_t n = 0;

    for (size_t i = 0; i < findings->n; i++)
        n += findings->v[i].level == DRIVER_FINDING_FAIL;
    return n;
}

static void print_table(const struct driver_findings *findings)
{
    static const char *const titles[] = { "CHECK", "RESULT", "FOUND" };
    auto_table struct table table = { .titles = titles, .n_columns = COUNT(titles) };
    auto_sb struct sb out = { 0 };
    bool advised = false;

    for (size_t i = 0; i < findings->n; i++) {
        const struct driver_finding *f = &findings->v[i];

        table_add(&table, f->key);
        table_add(&table, level_names[f->level]);
        table_add_take(&table, f->text ? mem_printf("%s: %s", f->value, f->text) : mem_strdup(f->value));
    }
    table_put(&table, &out);
    for (size_t i = 0; i < findings->n; i++) {
        const struct driver_finding *f = &findings->v[i];

        if (f->level == DRIVER_FINDING_OK || !f->remedy)
            continue;
        if (!advised)
            sb_puts(&out, "\nWhat helps:\n");
        advised = true;
        sb_putf(&out, "  %s: %s\n", f->key, f->remedy);
    }
    output_put(sb_view(&out));
}

static void print_json(const struct driver_findings *findings)
{
    auto_sb struct sb out = { 0 };
    json_t *list = json_array();
    json_t *root = json_pack("{s:b, s:o}", "ok", count_failures(findings) == 0, "findings", list);

    for (size_t i = 0; i < findings->n; i++) {
        const struct driver_finding *f = &findings->v[i];

        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s*, s:s*}", "check", f->key, "result",
                                              level_keys[f->level], "found", f->value, "text", f->text,
                                              "remedy", f->remedy));
    }
    json_paint(&out, root, output_is_tty());
    sb_putc(&out, '\n');
    output_put(sb_view(&out));
    json_decref(root);
}

static bool doctor_run(struct ctx *ctx, void *opts, const struct strv *args, struct err **errp)
{
    const struct doctor_opts *o = opts;
    auto_driver_findings struct driver_findings findings = { 0 };
    size_t n_failures;

    examine_host(&findings);
    if (o->json.v)
        print_json(&findings);
    else
        print_table(&findings);
    n_failures = count_failures(&findings);
    return n_failures == 0 ||
           err_set(errp, ERR_INVALID, "%zu of %zu checks found what would keep an instance from starting",
                   n_failures, findings.n);
}

const struct verb verb_doctor = {
    .name = "doctor",
    .group = VERB_ADVANCED,
    .summary = "Look for what would keep an instance from starting",
    .details = "Checks this installation, the programs it uses, the accelerator, space, permissions and\n"
               "the state of all instances, and names the command that mends each finding. The exit\n"
               "status is 1 when something would stop a start.",
    .flags = VERB_BARE,
    .opts = { { NULL, doctor_rows, COUNT(doctor_rows), 0 } },
    .opts_size = sizeof(struct doctor_opts),
    .run = doctor_run,
};
