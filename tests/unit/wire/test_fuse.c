#include "wire/fuse.h"

#include <string.h>

#include "base/sb.h"

#include "unit_test.h"

/* A request: header, an argument structure, then bytes. */
static void make(struct sb *out, uint32_t opcode, const void *arg, size_t arg_n, const char *tail,
                 size_t tail_n)
{
    struct fuse_in_header head = { .opcode = opcode, .unique = 9, .nodeid = 77 };

    sb_truncate(out, 0);
    head.len = (uint32_t)(sizeof(head) + arg_n + tail_n);
    sb_put_mem(out, &head, sizeof(head));
    if (arg_n)
        sb_put_mem(out, arg, arg_n);
    if (tail_n)
        sb_put_mem(out, tail, tail_n);
}

static void texts_must_be_whole_names(void **state)
{
    static const struct {
        uint32_t opcode;
        const char *tail;
        size_t n;
        bool ok;
    } rows[] = {
        { FUSE_LOOKUP, "a", 2, true },
        { FUSE_LOOKUP, "a b\n\xff", 6, true },
        { FUSE_LOOKUP, "..", 3, true },
        { FUSE_LOOKUP, ".", 2, true },
        { FUSE_LOOKUP, "", 1, false },
        { FUSE_LOOKUP, "", 0, false },
        { FUSE_LOOKUP, "a", 1, false },
        { FUSE_LOOKUP, "a\0b", 4, false },
        { FUSE_LOOKUP, "a/b", 4, false },
        { FUSE_LOOKUP, "/", 2, false },
        { FUSE_UNLINK, "..", 3, false },
        { FUSE_RMDIR, ".", 2, false },
        { FUSE_UNLINK, "...", 4, true },
        { FUSE_SYMLINK, "a\0/etc/../x", 12, true },
        { FUSE_SYMLINK, "a\0", 3, false },
        { FUSE_SYMLINK, "a", 2, false },
        { FUSE_REMOVEXATTR, "user.a/b", 9, true },
        { FUSE_REMOVEXATTR, "", 1, false },
        { FUSE_READLINK, "x", 2, false },
        { FUSE_READLINK, "", 0, true },
    };
    auto_sb struct sb bytes = { 0 };

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct fuse_request req;

        make(&bytes, rows[i].opcode, NULL, 0, rows[i].tail, rows[i].n);
        check_row(fuse_decode(&req, sb_view(&bytes), bytes.n, NULL) == rows[i].ok, rows[i].tail);
    }
}

static void names_have_a_limit(void **state)
{
    char name[FUSE_NAME_LEN_MAX + 2];
    auto_sb struct sb bytes = { 0 };
    struct fuse_request req;

    memset(name, 'x', sizeof(name));
    name[FUSE_NAME_LEN_MAX] = 0;
    make(&bytes, FUSE_LOOKUP, NULL, 0, name, FUSE_NAME_LEN_MAX + 1);
    assert_true(fuse_decode(&req, sb_view(&bytes), bytes.n, NULL));
    assert_int_equal(req.name.n, FUSE_NAME_LEN_MAX);
    name[FUSE_NAME_LEN_MAX] = 'x';
    name[FUSE_NAME_LEN_MAX + 1] = 0;
    make(&bytes, FUSE_LOOKUP, NULL, 0, name, FUSE_NAME_LEN_MAX + 2);
    assert_false(fuse_decode(&req, sb_view(&bytes), bytes.n, NULL));
}

static void both_renames_decode_alike(void **state)
{
    struct fuse_rename_in old = { .newdir = 5 };
    struct fuse_rename2_in new = { .newdir = 5, .flags = 2 };
    auto_sb struct sb bytes = { 0 };
    struct fuse_request req;

    make(&bytes, FUSE_RENAME, &old, sizeof(old), "a\0bc", 5);
    assert_true(fuse_decode(&req, sb_view(&bytes), bytes.n, NULL));
    assert_int_equal(req.arg.rename.newdir, 5);
    assert_int_equal(req.arg.rename.flags, 0);
    assert_true(sv_eq(req.name, SV("a")) && sv_eq(req.name2, SV("bc")));
    make(&bytes, FUSE_RENAME2, &new, sizeof(new), "a\0bc", 5);
    assert_true(fuse_decode(&req, sb_view(&bytes), bytes.n, NULL));
    assert_int_equal(req.arg.rename.flags, 2);
    assert_true(req.op->flags & FUSE_OP_CHANGES);
}

static void older_and_newer_greetings_are_read(void **state)
{
    struct fuse_init_in init = { .major = 7, .minor = 38, .flags = 1, .flags2 = 3 };
    char longer[sizeof(init) + 400] = { 0 };
    auto_sb struct sb bytes = { 0 };
    struct fuse_request req;

    make(&bytes, FUSE_INIT, &init, 16, NULL, 0);
    assert_true(fuse_decode(&req, sb_view(&bytes), bytes.n, NULL));
    assert_int_equal(req.arg.init.flags, 1);
    assert_int_equal(req.arg.init.flags2, 0);
    memcpy(longer, &init, sizeof(init));
    make(&bytes, FUSE_INIT, longer, sizeof(longer), NULL, 0);
    assert_true(fuse_decode(&req, sb_view(&bytes), bytes.n, NULL));
    assert_int_equal(req.arg.init.flags2, 3);
    make(&bytes, FUSE_INIT, &init, 12, NULL, 0);
    assert_false(fuse_decode(&req, sb_view(&bytes), bytes.n, NULL));
}

static void counts_and_sizes_must_agree(void **state)
{
    struct fuse_forget_one items[2] = { { 1, 2 }, { 3, 4 } };
    struct fuse_batch_forget_in batch = { .count = 2 };
    struct fuse_setxattr_in set = { .size = 3 };
    auto_sb struct sb bytes = { 0 };
    struct fuse_request req;

    make(&bytes, FUSE_BATCH_FORGET, &batch, sizeof(batch), (char *)items, sizeof(items));
    assert_true(fuse_decode(&req, sb_view(&bytes), bytes.n, NULL));
    assert_int_equal(req.data.n, sizeof(items));
    assert_true(req.op->flags & FUSE_OP_NO_REPLY);
    batch.count = 3;
    make(&bytes, FUSE_BATCH_FORGET, &batch, sizeof(batch), (char *)items, sizeof(items));
    assert_false(fuse_decode(&req, sb_view(&bytes), bytes.n, NULL));

    make(&bytes, FUSE_SETXATTR, &set, 8, "user.x\0abc", 10);
    assert_true(fuse_decode(&req, sb_view(&bytes), bytes.n, NULL));
    assert_true(sv_eq(req.data, SV("abc")));
    make(&bytes, FUSE_SETXATTR, &set, 8, "user.x\0abcd", 11);
    assert_false(fuse_decode(&req, sb_view(&bytes), bytes.n, NULL));
}

static void the_data_of_write_is_not_decoded(void **state)
{
    struct fuse_write_in in = { .fh = 4, .offset = 8, .size = 4096 };
    struct fuse_in_header head = { .opcode = FUSE_WRITE, .len = FUSE_WRITE_HEAD_LEN + 4096 };
    auto_sb struct sb bytes = { 0 };
    struct fuse_request req;

    sb_put_mem(&bytes, &head, sizeof(head));
    sb_put_mem(&bytes, &in, sizeof(in));
    assert_true(fuse_decode(&req, sb_view(&bytes), head.len, NULL));
    assert_int_equal(req.arg.write.size, 4096);
    assert_false(fuse_decode(&req, sb_view(&bytes), head.len - 1, NULL));
}

static void errors_tell_what_to_answer(void **state)
{
    auto_sb struct sb bytes = { 0 };
    struct fuse_request req;
    struct err *err = NULL;

    make(&bytes, 4000, NULL, 0, NULL, 0);
    assert_false(fuse_decode(&req, sb_view(&bytes), bytes.n, &err));
    assert_int_equal(err_kind(err), ERR_UNSUPPORTED);
    assert_int_equal(req.head.unique, 9);
    err_free(err);
    err = NULL;
    make(&bytes, FUSE_GETLK, NULL, 0, NULL, 0);
    assert_false(fuse_decode(&req, sb_view(&bytes), bytes.n, &err));
    assert_int_equal(err_kind(err), ERR_UNSUPPORTED);
    err_free(err);
    err = NULL;
    make(&bytes, FUSE_GETATTR, NULL, 0, "x", 1);
    assert_false(fuse_decode(&req, sb_view(&bytes), bytes.n, &err));
    assert_int_equal(err_kind(err), ERR_INVALID);
    err_free(err);
    err = NULL;
    assert_false(fuse_decode(&req, sv_slice(sb_view(&bytes), 0, 39), 39, &err));
    assert_int_equal(err_kind(err), ERR_PROTOCOL);
    err_free(err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_must_be_whole_names),
        cmocka_unit_test(names_have_a_limit),
        cmocka_unit_test(both_renames_decode_alike),
        cmocka_unit_test(older_and_newer_greetings_are_read),
        cmocka_unit_test(counts_and_sizes_must_agree),
        cmocka_unit_test(the_data_of_write_is_not_decoded),
        cmocka_unit_test(errors_tell_what_to_answer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
