#include "base/hub.h"
#include "base/map.h"
#include "base/strv.h"
#include "base/vec.h"

#include "unit_test.h"

static void strv_stays_terminated_through_edits(void **state)
{
    auto_strv struct strv s = { 0 };

    assert_null(strv_array(&s)[0]);
    strv_push_list(&s, "a", "c", NULL);
    strv_insert(&s, 1, "b");
    strv_pushf(&s, "%d", 4);
    auto_mem char *joined = strv_join(&s, ",");

    assert_string_equal(joined, "a,b,c,4");
    assert_null(s.v[s.n]);
    strv_remove(&s, 0);
    assert_string_equal(s.v[0], "b");
    assert_null(s.v[s.n]);
    assert_false(strv_has(&s, "a"));
}

static void strv_split_keeps_empty_parts(void **state)
{
    auto_strv struct strv s = { 0 };

    strv_split(&s, SV(":a::b"), ':');
    assert_int_equal(s.n, 4);
    assert_string_equal(s.v[0], "");
    assert_string_equal(s.v[2], "");
    assert_string_equal(s.v[3], "b");
}

static void map_keeps_order_and_survives_growth(void **state)
{
    auto_map struct map m = { .free_value = free };

    for (int i = 0; i < 1000; i++) {
        auto_mem char *key = mem_printf("key%d", i);

        map_set(&m, key, mem_printf("%d", i));
    }
    map_set(&m, "key7", mem_strdup("again"));
    assert_int_equal(m.n, 1000);
    assert_string_equal(map_get(&m, "key7"), "again");
    assert_string_equal(map_get(&m, "key999"), "999");
    assert_true(map_remove(&m, "key500"));
    assert_false(map_remove(&m, "key500"));
    assert_null(map_get(&m, "key500"));
    assert_string_equal(m.v[500].key, "key501");
}

static void vec_grows_with_zeroed_elements(void **state)
{
    VEC(int) v = { 0 };

    for (int i = 0; i < 100; i++) {
        int *slot = vec_push(&v);

        assert_int_equal(*slot, 0);
        *slot = i;
    }
    vec_remove(&v, 10);
    assert_int_equal(v.n, 99);
    assert_int_equal(v.v[10], 11);
    vec_done(&v);
}

struct counter {
    struct listener listener;
    struct counter *removes; /* borrowed: removed when this one is called */
    int calls;
};

static void count_call(struct listener *listener, void *event)
{
    struct counter *c = CONTAINER_OF(listener, struct counter, listener);

    c->calls++;
    if (c->removes)
        listener_remove(&c->removes->listener);
}

static void listeners_may_be_removed_while_called(void **state)
{
    struct counter a = { 0 }, b = { 0 }, c = { 0 };
    struct hub hub;

    hub_init(&hub);
    a.removes = &b; /* the next one */
    c.removes = &c; /* itself */
    hub_add(&hub, &a.listener, count_call);
    hub_add(&hub, &b.listener, count_call);
    hub_add(&hub, &c.listener, count_call);
    hub_emit(&hub, NULL);
    hub_emit(&hub, NULL);
    assert_int_equal(a.calls, 2);
    assert_int_equal(b.calls, 0);
    assert_int_equal(c.calls, 1);
    hub_done(&hub);
    listener_remove(&a.listener); /* no longer in a list: harmless */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strv_stays_terminated_through_edits),
        cmocka_unit_test(strv_split_keeps_empty_parts),
        cmocka_unit_test(map_keeps_order_and_survives_growth),
        cmocka_unit_test(vec_grows_with_zeroed_elements),
        cmocka_unit_test(listeners_may_be_removed_while_called),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
