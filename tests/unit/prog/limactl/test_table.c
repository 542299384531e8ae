#include "prog/limactl/table.h"

#include "unit_test.h"

static const char *const titles[] = { "NAME", "STATUS", "DIR" };

static void columns_fit_their_longest_cell(void **state)
{
    auto_table struct table table = { .titles = titles, .n_columns = 3 };
    auto_sb struct sb out = { 0 };

    strv_push_list(&table.cells, "default", "Running", "~/.lima/default", "ü", "", "x", NULL);
    table_put(&table, &out);
    assert_string_equal(sb_str(&out), "NAME       STATUS     DIR\n"
                                      "default    Running    ~/.lima/default\n"
                                      "ü                     x\n");
}

static void the_last_shown_column_is_not_padded(void **state)
{
    auto_table struct table table = { .titles = titles, .n_columns = 3 };
    auto_sb struct sb out = { 0 };

    strv_push_list(&table.cells, "a", "b", "c", NULL);
    table_hide(&table, 2);
    table_put(&table, &out);
    assert_string_equal(sb_str(&out), "NAME    STATUS\na       b\n");
}

static void a_table_without_rows_is_its_titles(void **state)
{
    auto_table struct table table = { .titles = titles, .n_columns = 3 };
    auto_sb struct sb out = { 0 };

    table_hide(&table, 1);
    table_put(&table, &out);
    assert_string_equal(sb_str(&out), "NAME    DIR\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_fit_their_longest_cell),
        cmocka_unit_test(the_last_shown_column_is_not_padded),
        cmocka_unit_test(a_table_without_rows_is_its_titles),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
