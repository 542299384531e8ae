/* The default template is also the guide to the keys: no key is missing, none is invented. */
#include "base/mem.h"
#include "lang/yaml/node.h"
#include "lang/yaml/yaml_text.h"
#include "model/config/instance.h"
#include "model/template/template.h"
#include "sys/file.h"
#include "unit_test.h"

/* Keys that the guide leaves out: they still work, but others have taken their place. */
static const char *const deprecated[] = { "cpuType", "rosetta" };

/* Takes the "#" off the examples: lines of prose go on with one blank. */
static char *uncomment(const char *text)
{
    struct sb out = { 0 };
    struct sv rest = sv_of(text), line;

    while (sv_next_line(&rest, &line)) {
        if (line.n > 2 && line.p[0] == '#' && (line.p[1] != ' ' || line.p[2] == ' '))
            line = sv_slice(line, 1, line.n);
        sb_put(&out, line);
        sb_putc(&out, '\n');
    }
    return sb_steal(&out);
}

static bool is_deprecated(const char *key)
{
    for (size_t i = 0; i < COUNT(deprecated); i++)
        if (strcmp(deprecated[i], key) == 0)
            return true;
    return false;
}

static void every_key_is_known(const struct yaml_node *map, const struct field_table *table);

static void keys_below_are_known(const struct yaml_node *value, const struct field *row)
{
    if (!row->sub || value->tag == YAML_TAG_NULL || value->kind == YAML_SCALAR)
        return;
    if (value->kind == YAML_MAP) {
        every_key_is_known(value, row->sub);
        return;
    }
    for (size_t i = 0; i < value->n; i++)
        every_key_is_known(value->entries[i].value, row->sub);
}

static void every_key_is_known(const struct yaml_node *map, const struct field_table *table)
{
    for (size_t i = 0; i < map->n; i++) {
        const char *key = map->entries[i].key->text.p;
        const struct field *row = NULL;

        for (size_t j = 0; j < table->n_rows; j++)
            if (strcmp(table->rows[j].key, key) == 0)
                row = &table->rows[j];
        check_row(row, key);
        keys_below_are_known(map->entries[i].value, row);
    }
}

/* Is key in one of the maps, and are the keys below it there, in one of the values? */
static void key_is_explained(const struct yaml_node *const *maps, size_t n, const struct field *row)
{
    const struct yaml_node *values[64];
    size_t n_values = 0;
    bool found = false;

    for (size_t i = 0; i < n; i++) {
        const struct yaml_node *value = yaml_get(maps[i], row->key);

        if (!value)
            continue;
        found = true;
        if (value->kind == YAML_MAP && n_values < COUNT(values))
            values[n_values++] = value;
        for (size_t j = 0; value->kind == YAML_SEQ && j < value->n; j++)
            if (value->entries[j].value->kind == YAML_MAP && n_values < COUNT(values))
                values[n_values++] = value->entries[j].value;
    }
    check_row(found, row->key);
    for (size_t i = 0; row->sub && i < row->sub->n_rows; i++)
        key_is_explained(values, n_values, &row->sub->rows[i]);
}

static void the_guide_has_every_key_and_no_other(void **state)
{
    auto_mem char *text = NULL;
    auto_mem char *examples = NULL;

    assert_true(file_read_text(TEMPLATES_DIR "/default.yaml", TEMPLATE_MAX_BYTES, &text, NULL));
    examples = uncomment(text);
    auto_err struct err *err = NULL;
    auto_yaml_doc struct yaml_doc *doc = yaml_load(sv_of(examples), &err);

    check_row(doc, err_text(err));
    every_key_is_known(doc->root, &instance_config_table);
    for (size_t i = 0; i < instance_config_table.n_rows; i++) {
        const struct field *row = &instance_config_table.rows[i];
        const struct yaml_node *root = doc->root;

        if (!is_deprecated(row->key))
            key_is_explained(&root, 1, row);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_guide_has_every_key_and_no_other),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
