#include "lang/schema/schema.h"

#include "base/mem.h"
#include "lang/json/json.h"
#include "lang/yaml/yaml_text.h"

#include "unit_test.h"

/* A table with every kind of field. */

#define LEAF_FIELDS(F)                                                    \
    F(STR, name, "name", NULL, MERGE_FILL, FIELD_REQUIRED, CHECK_ANY, "") \
    F(BOOL, live, "live", "true", MERGE_FILL, FIELD_KEEP, CHECK_ANY, "")
struct leaf {
    LEAF_FIELDS(FIELD_MEMBER)
};

#define FIELD_OWNER leaf
static const struct field leaf_rows[] = { LEAF_FIELDS(FIELD_ROW) };
#undef FIELD_OWNER
static const struct field_table leaf_table = FIELD_TABLE_SHORT("Leaf", leaf, leaf_rows, "name");

#define ROOT_FIELDS(F)                                                           \
    F(BOOL, plain, "plain", NULL, MERGE_FILL, 0, CHECK_ANY, "")                  \
    F(INT, count, "count", "7", MERGE_FILL, FIELD_KEEP, CHECK_RANGE(0, 100), "") \
    F(STR, vm_type, "vmType", NULL, MERGE_FILL, FIELD_KEEP, CHECK_ANY, "")       \
    F(STR, own, "own", NULL, MERGE_OWN, 0, CHECK_ANY, "")                        \
    F(SIZE, memory, "memory", "4GiB", MERGE_FILL, FIELD_KEEP, CHECK_ANY, "")     \
    F(IP, address, "address", NULL, MERGE_FILL, 0, CHECK_ANY, "")                \
    F(PAIR, range, "range", NULL, MERGE_FILL, FIELD_REQUIRED, CHECK_ANY, "")     \
    F(STRS, names, "names", NULL, MERGE_APPEND, 0, CHECK_ANY, "")                \
    F(STRS, set, "set", NULL, MERGE_UNION, 0, CHECK_ANY, "")                     \
    F(IPS, dns, "dns", NULL, MERGE_FILL, 0, CHECK_ANY, "")                       \
    F(MAP, env, "env", NULL, MERGE_UNION, 0, CHECK_ANY, "")                      \
    F(TREE, opts, "vmOpts", NULL, MERGE_UNION, 0, CHECK_ANY, "")                 \
    F(SUB, sub, "sub", leaf, MERGE_FILL, 0, CHECK_ANY, "")                       \
    F(REF, ref, "ref", leaf, MERGE_FILL, 0, CHECK_ANY, "")                       \
    F(LIST, stack, "stack", leaf, MERGE_STACK, FIELD_ONE, CHECK_ANY, "")         \
    F(LIST, list, "list", leaf, MERGE_APPEND, 0, CHECK_ANY, "")
struct root {
    ROOT_FIELDS(FIELD_MEMBER)
};

#define FIELD_OWNER root
static const struct field root_rows[] = { ROOT_FIELDS(FIELD_ROW) };
#undef FIELD_OWNER
static const struct field_table root_table = FIELD_TABLE("Root", root, root_rows);

static void root_done(struct root *root)
{
    schema_done(&root_table, root);
}
#define auto_root AUTO_CALL(root_done)

static bool load(struct root *out, const char *text, struct strv *unknown, struct err **errp)
{
    auto_yaml_doc struct yaml_doc *doc = yaml_load(sv_of(text), errp);

    return doc && schema_load(&root_table, out, doc->root, unknown, errp);
}

static void load_good(struct root *out, const char *text)
{
    auto_err struct err *err = NULL;

    if (!load(out, text, NULL, &err))
        fail_msg("%s: %s", text, err_text(err));
}

static char *save(const struct root *root)
{
    auto_yaml_doc struct yaml_doc *doc = yaml_doc_new();
    auto_sb struct sb out = { 0 };

    doc->root = schema_to_yaml(&root_table, root, doc);
    yaml_emit(&out, doc);
    return sb_steal(&out);
}

static const char everything[] = "plain: true\n"
                                 "count: 3\n"
                                 "vmType: \"\"\n"
                                 "own: mine\n"
                                 "memory: 1GiB\n"
                                 "address: ::1\n"
                                 "range:\n"
                                 "- 1\n"
                                 "- 2\n"
                                 "names:\n"
                                 "- a\n"
                                 "- b\n"
                                 "set:\n"
                                 "- x\n"
                                 "dns:\n"
                                 "- 1.1.1.1\n"
                                 "env:\n"
                                 "  A: \"1\"\n"
                                 "  B: two\n"
                                 "vmOpts:\n"
                                 "  qemu:\n"
                                 "    a: 1\n"
                                 "    b: true\n"
                                 "sub:\n"
                                 "  name: s\n"
                                 "ref:\n"
                                 "  name: r\n"
                                 "  live: false\n"
                                 "stack:\n"
                                 "- name: one\n"
                                 "list:\n"
                                 "- name: two\n"
                                 "- name: \"\"\n";

static void what_is_loaded_is_saved_again(void **state)
{
    auto_root struct root root = { 0 };
    auto_mem char *text = NULL;

    load_good(&root, everything);
    text = save(&root);
    assert_string_equal(text, everything);
}

static void nothing_is_saved_of_an_empty_object_but_required_keys(void **state)
{
    auto_root struct root root = { 0 };
    auto_mem char *yaml = save(&root), *json = NULL;
    auto_json json_t *value = schema_to_json(&root_table, &root);

    assert_string_equal(yaml, "range:\n- 0\n- 0\n");
    json = json_text(value, JSON_STYLE_COMPACT);
    assert_string_equal(json, "{\"range\":[0,0],\"sub\":{\"name\":\"\"}}");
}

static void zero_is_saved_only_where_it_is_a_value(void **state)
{
    auto_root struct root root = { 0 };
    auto_mem char *yaml = NULL;

    load_good(&root, "plain: false\ncount: 0\nvmType: ''\nown: ''\nmemory: ''\nvmOpts: {}\n"
                     "sub: {live: false}\n");
    yaml = save(&root);
    assert_string_equal(yaml, "count: 0\nvmType: \"\"\nmemory: \"\"\nrange:\n- 0\n- 0\n"
                              "sub:\n  name: \"\"\n  live: false\n");
}

static void bytes_that_are_no_text_stay_binary(void **state)
{
    auto_root struct root root = { 0 };
    auto_mem char *yaml = NULL;

    load_good(&root, "own: !!binary yv8=\nrange: [1, 1]\n");
    assert_string_equal(root.own, "\xca\xff");
    yaml = save(&root);
    assert_string_equal(yaml, "own: !!binary yv8=\nrange:\n- 1\n- 1\n");
}

static void json_sorts_the_keys_of_maps_only(void **state)
{
    auto_root struct root root = { 0 };
    auto_mem char *json = NULL;
    auto_json json_t *value = NULL;

    load_good(&root, "env: {b: 1, a: 2}\nvmOpts: {z: {y: [{b: 1, a: 2}]}, a: 1.5}\ncount: 1\n"
                     "range: [1, 2]\n");
    value = schema_to_json(&root_table, &root);
    json = json_text(value, JSON_STYLE_COMPACT);
    assert_string_equal(json, "{\"count\":1,\"range\":[1,2],\"env\":{\"a\":\"2\",\"b\":\"1\"},"
                              "\"vmOpts\":{\"a\":1.5,\"z\":{\"y\":[{\"a\":2,\"b\":1}]}},"
                              "\"sub\":{\"name\":\"\"}}");
}

static void null_counts_as_absent(void **state)
{
    auto_root struct root root = { 0 };

    load_good(&root, "plain: ~\ncount: null\nvmType:\nenv: null\nsub: ~\nref: ~\nlist: ~\n");
    assert_false(schema_has_any(&root_table, &root));
    load_good(&root, "");
    assert_false(schema_has_any(&root_table, &root));
}

static void texts_come_from_numbers_as_well(void **state)
{
    static const struct {
        const char *yaml, *text;
    } cases[] = {
        { "0644", "420" },      { "0x10", "16" },
        { "1.10", "1.1" },      { "2.0.0", "2.0.0" },
        { "true", "true" },     { "!!binary aGk=", "hi" },
        { "\"0644\"", "0644" }, { "2026-01-01", "2026-01-01" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        auto_mem char *yaml = mem_printf("vmType: %s\n", cases[i].yaml);
        auto_root struct root root = { 0 };

        load_good(&root, yaml);
        check_row(str_eq(root.vm_type, cases[i].text), cases[i].yaml);
    }
}

static void integers_come_from_texts_as_well(void **state)
{
    auto_root struct root root = { 0 };

    load_good(&root, "count: \"12\"\nrange: [1.9, \"3\"]\n");
    assert_int_equal(root.count.v, 12);
    assert_int_equal(root.range.v[0], 1);
    assert_int_equal(root.range.v[1], 3);
}

static void names_in_maps_are_never_converted(void **state)
{
    auto_root struct root root = { 0 };

    load_good(&root, "env: {TRUE: a, Y: b, 010: c, ~: d}\n");
    assert_string_equal(field_map_get(&root.env, "TRUE"), "a");
    assert_string_equal(field_map_get(&root.env, "Y"), "b");
    assert_string_equal(field_map_get(&root.env, "010"), "c");
    assert_string_equal(field_map_get(&root.env, "~"), "d");
    assert_null(field_map_get(&root.env, "A"));
}

static void a_string_stands_for_its_mapping_and_its_list(void **state)
{
    auto_root struct root root = { 0 };

    load_good(&root, "stack: one\nlist: [two, {name: three}, ~]\nref: four\n");
    assert_int_equal(root.stack.n, 1);
    assert_string_equal(root.stack.v[0].name, "one");
    assert_int_equal(root.list.n, 3);
    assert_string_equal(root.list.v[0].name, "two");
    assert_string_equal(root.list.v[1].name, "three");
    assert_null(root.list.v[2].name);
    assert_string_equal(root.ref->name, "four");
}

static void errors_name_line_column_and_key(void **state)
{
    static const struct {
        const char *yaml, *error;
    } cases[] = {
        { "[]", "line 1, column 1: expected a mapping, found a list" },
        { "x: 1\ncount: [1]", "line 2, column 8: count: expected an integer, found a list" },
        { "count: 101", "line 1, column 8: count: 101 is not between 0 and 100" },
        { "count: 99999999999999999999",
          "line 1, column 8: count: expected an integer, found a number" },
        { "plain: 1", "line 1, column 8: plain: expected true or false, found a number" },
        { "vmType: {}", "line 1, column 9: vmType: expected a string, found a mapping" },
        { "address: 1.2.3", "line 1, column 10: address: \"1.2.3\" is no IP address" },
        { "dns:\n- ::1\n- x", "line 3, column 3: dns[1]: \"x\" is no IP address" },
        { "names: a", "line 1, column 8: names: expected a list, found a string" },
        { "names: [a, [b]]", "line 1, column 12: names[1]: expected a string, found a list" },
        { "env: [a]", "line 1, column 6: env: expected a mapping, found a list" },
        { "env: {A: {}}", "line 1, column 10: env.A: expected a string, found a mapping" },
        { "vmOpts: 1", "line 1, column 9: vmOpts: expected a mapping, found a number" },
        { "range: [1]",
          "line 1, column 8: range: expected a list of two integers, found 1 entries" },
        { "range: [1, a]", "line 1, column 12: range: expected an integer, found a string" },
        { "list: a", "line 1, column 7: list: expected a list, found a string" },
        { "stack: {}", "line 1, column 8: stack: expected a string or a list, found a mapping" },
        { "list:\n- live: maybe",
          "line 2, column 9: list[0].live: expected true or false, found a string" },
        { "ref: {name: [1]}", "line 1, column 13: ref.name: expected a string, found a list" },
        { "sub: []", "line 1, column 6: sub: expected a string or a mapping, found a list" },
        { "own: !!binary '*'", "line 1, column 6: own: this is no valid base64" },
        { "own: !!binary YQBi", "line 1, column 6: own: the data holds a NUL byte" },
        { "own: \"a\\0b\"", "line 1, column 6: own: the text holds a NUL byte" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        auto_root struct root root = { 0 };
        auto_err struct err *err = NULL;

        check_row(!load(&root, cases[i].yaml, NULL, &err), cases[i].yaml);
        assert_string_equal(err_text(err), cases[i].error);
    }
}

static void unknown_keys_are_described_and_skipped(void **state)
{
    auto_root struct root root = { 0 };
    auto_strv struct strv unknown = { 0 };
    auto_err struct err *err = NULL;

    assert_true(
        load(&root, "Count: 1\nlist:\n- name: a\n  nam: b\nenv: {any: thing}\n", &unknown, &err));
    assert_int_equal(unknown.n, 2);
    assert_string_equal(unknown.v[0], "line 1, column 1: Count: unknown key");
    assert_string_equal(unknown.v[1], "line 4, column 3: list[0].nam: unknown key");
    assert_false(root.count.set);
    assert_string_equal(root.list.v[0].name, "a");
}

static void presets_fill_what_is_unset(void **state)
{
    auto_root struct root root = { 0 };

    load_good(&root, "list: [{live: false}, a]\nref: b\n");
    schema_fill(&root_table, &root);
    assert_int_equal(root.count.v, 7);
    assert_string_equal(root.memory.text, "4GiB");
    assert_true(root.memory.bytes == UINT64_C(4) << 30);
    assert_null(root.vm_type);
    assert_true(root.sub.live.v);
    assert_true(root.ref->live.set);
    assert_false(root.list.v[0].live.v);
    assert_true(root.list.v[1].live.v);
}

static void a_bad_size_has_no_bytes(void **state)
{
    auto_root struct root root = { 0 };

    load_good(&root, "memory: lots\n");
    schema_fill(&root_table, &root);
    assert_string_equal(root.memory.text, "lots");
    assert_true(root.memory.bytes == 0);
}

static void layers_merge_by_the_rule_of_each_field(void **state)
{
    auto_root struct root own = { 0 }, high = { 0 }, low = { 0 };
    auto_mem char *text = NULL;

    load_good(&own, "plain: false\nown: y\nnames: [y]\nset: [y, both]\nenv: {A: y, B: y}\n"
                    "vmOpts: {a: {y: 1}, b: 1}\nsub: {name: y}\nstack: [y]\nlist: [y]\n");
    load_good(&high, "plain: true\nown: o\nnames: [o]\nset: [o]\nenv: {A: o}\nvmOpts: {a: {o: 1}}\n"
                     "sub: {live: false}\nstack: [o]\nlist: [o]\n");
    load_good(&low,
              "count: 1\nown: d\nnames: [d]\nset: [d, both]\nenv: {A: d, C: d}\ndns: ['::1']\n"
              "vmOpts: {a: {d: 1}, c: 1}\nsub: {name: d}\nref: d\nstack: [d]\nlist: [d]\n"
              "range: [1, 1]\n");
    schema_merge(&root_table, &own, &high, &low);
    text = save(&own);
    assert_string_equal(text, "plain: true\n"
                              "count: 1\n"
                              "own: \"y\"\n"
                              "range:\n- 1\n- 1\n"
                              "names:\n- o\n- \"y\"\n- d\n"
                              "set:\n- d\n- both\n- \"y\"\n- o\n"
                              "dns:\n- ::1\n"
                              "env:\n  A: o\n  B: \"y\"\n  C: d\n"
                              "vmOpts:\n  a:\n    o: 1\n  b: 1\n  c: 1\n"
                              "sub:\n  name: \"y\"\n  live: false\n"
                              "ref:\n  name: d\n"
                              "stack:\n- name: d\n- name: \"y\"\n- name: o\n"
                              "list:\n- name: o\n- name: \"y\"\n- name: d\n");
    assert_false(schema_has_any(&root_table, &high));
    assert_false(schema_has_any(&root_table, &low));
}

static void go_names_cover_every_member(void **state)
{
    auto_root struct root root = { 0 };
    auto_mem char *json = NULL;
    auto_json json_t *value = NULL;

    load_good(&root, "count: 1\nlist: [a]\n");
    value = schema_to_go(&root_table, &root);
    json = json_text(value, JSON_STYLE_COMPACT);
    assert_string_equal(
        json, "{\"Plain\":false,\"Count\":1,\"VMType\":null,\"Own\":\"\",\"Memory\":null,"
              "\"Address\":\"\",\"Range\":[0,0],\"Names\":[],\"Set\":[],\"DNS\":[],"
              "\"Env\":{},\"VMOpts\":{},\"Sub\":{\"Name\":\"\",\"Live\":null},\"Ref\":null,"
              "\"Stack\":[],\"List\":[{\"Name\":\"a\",\"Live\":null}]}");
}

static void the_subtree_of_a_driver_is_found(void **state)
{
    auto_root struct root root = { 0 };

    assert_null(field_tree_get(&root.opts, "qemu"));
    load_good(&root, "vmOpts: {qemu: {a: 1}}\n");
    assert_non_null(field_tree_get(&root.opts, "qemu"));
    assert_null(field_tree_get(&root.opts, "vz"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_loaded_is_saved_again),
        cmocka_unit_test(nothing_is_saved_of_an_empty_object_but_required_keys),
        cmocka_unit_test(zero_is_saved_only_where_it_is_a_value),
        cmocka_unit_test(bytes_that_are_no_text_stay_binary),
        cmocka_unit_test(json_sorts_the_keys_of_maps_only),
        cmocka_unit_test(null_counts_as_absent),
        cmocka_unit_test(texts_come_from_numbers_as_well),
        cmocka_unit_test(integers_come_from_texts_as_well),
        cmocka_unit_test(names_in_maps_are_never_converted),
        cmocka_unit_test(a_string_stands_for_its_mapping_and_its_list),
        cmocka_unit_test(errors_name_line_column_and_key),
        cmocka_unit_test(unknown_keys_are_described_and_skipped),
        cmocka_unit_test(presets_fill_what_is_unset),
        cmocka_unit_test(a_bad_size_has_no_bytes),
        cmocka_unit_test(layers_merge_by_the_rule_of_each_field),
        cmocka_unit_test(go_names_cover_every_member),
        cmocka_unit_test(the_subtree_of_a_driver_is_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
