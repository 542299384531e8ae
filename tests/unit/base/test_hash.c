#include "base/hash.h"

#include "unit_test.h"

struct item {
    struct hash_entry entry;
    unsigned number;
};

static struct item *find(const struct hash *h, uint64_t key, unsigned number)
{
    for (struct hash_entry *e = hash_first(h, key); e; e = hash_next(e))
        if (CONTAINER_OF(e, struct item, entry)->number == number)
            return CONTAINER_OF(e, struct item, entry);
    return NULL;
}

static void elements_are_found_through_growth_and_shrinking(void **state)
{
    static struct item items[5000];
    auto_hash struct hash h = { 0 };

    assert_null(hash_first(&h, 1));
    for (unsigned i = 0; i < COUNT(items); i++) {
        items[i].number = i;
        hash_add(&h, &items[i].entry, hash_u64(i, 7));
    }
    assert_int_equal(h.n, COUNT(items));
    for (unsigned i = 0; i < COUNT(items); i++)
        assert_ptr_equal(find(&h, hash_u64(i, 7), i), &items[i]);
    for (unsigned i = 0; i < COUNT(items); i++)
        if (i % 100 != 3)
            hash_remove(&h, &items[i].entry);
    assert_int_equal(h.n, COUNT(items) / 100);
    assert_true(h.n_slots < 1000);
    for (unsigned i = 0; i < COUNT(items); i++)
        assert_ptr_equal(find(&h, hash_u64(i, 7), i), i % 100 == 3 ? &items[i] : NULL);
}

static void equal_keys_are_told_apart(void **state)
{
    struct item a = { .number = 1 }, b = { .number = 2 }, c = { .number = 3 };
    auto_hash struct hash h = { 0 };

    hash_add(&h, &a.entry, 5);
    hash_add(&h, &b.entry, 5);
    hash_add(&h, &c.entry, 5 + 16); /* the same slot */
    assert_ptr_equal(find(&h, 5, 1), &a);
    assert_ptr_equal(find(&h, 5, 2), &b);
    assert_null(find(&h, 5, 3));
    hash_remove(&h, &a.entry);
    assert_null(find(&h, 5, 1));
    assert_ptr_equal(find(&h, 5 + 16, 3), &c);
}

static void bytes_and_seeds_make_different_keys(void **state)
{
    assert_true(hash_bytes(SV("a"), 1) == hash_bytes(SV("a"), 1));
    assert_true(hash_bytes(SV("a"), 1) != hash_bytes(SV("a"), 2));
    assert_true(hash_bytes(SV("a"), 1) != hash_bytes(SV("b"), 1));
    assert_true(hash_bytes(SV("abcdefgh"), 1) != hash_bytes(SV("abcdefghi"), 1));
    assert_true(hash_bytes((struct sv){ "a\0", 2 }, 1) != hash_bytes(SV("a"), 1));
    assert_true(hash_u64(1, 0) != hash_u64(2, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elements_are_found_through_growth_and_shrinking),
        cmocka_unit_test(equal_keys_are_told_apart),
        cmocka_unit_test(bytes_and_seeds_make_different_keys),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
