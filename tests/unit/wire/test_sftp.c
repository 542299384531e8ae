#include "wire/sftp.h"

#include <string.h>

#include "../sftp_packets.h"
#include "../unit_test.h"
#include "base/mem.h"

enum { EXTENDED = 200 };

static bool decode(struct sftp_request *out, const struct sb *packet, enum err_kind *out_kind)
{
    auto_err struct err *err = NULL;
    bool ok = sftp_decode(out, sb_view(packet), &err);

    if (!ok)
        *out_kind = err_kind(err);
    return ok;
}

static void requests_are_taken_apart(void **state)
{
    auto_sb struct sb p = { 0 };
    const struct sv handle = { "\0\1", 2 };
    struct sftp_request r;

    sftp_request(&p, "bu", 1, 3u);
    assert_true(sftp_decode(&r, sb_view(&p), NULL));
    assert_true(r.op == SFTP_INIT && r.id == 3);

    sb_truncate(&p, 0);
    sftp_request(&p, "butuuu", 3, 7u, "/a b", SFTP_OPEN_READ | SFTP_OPEN_CREATE, SFTP_HAS_MODE,
                 0640u);
    assert_true(sftp_decode(&r, sb_view(&p), NULL));
    assert_true(r.op == SFTP_OPEN && r.id == 7 && sv_eq(r.path, SV("/a b")));
    assert_int_equal(r.flags, SFTP_OPEN_READ | SFTP_OPEN_CREATE);
    assert_true(r.attrs.flags == SFTP_HAS_MODE && r.attrs.mode == 0640);

    sb_truncate(&p, 0);
    sftp_request(&p, "buhqt", 6, 8u, &handle, UINT64_C(0x100000002), "data");
    assert_true(sftp_decode(&r, sb_view(&p), NULL));
    assert_true(r.op == SFTP_WRITE && sv_eq(r.handle, handle) && sv_eq(r.data, SV("data")));
    assert_true(r.offset == UINT64_C(0x100000002));

    sb_truncate(&p, 0);
    sftp_request(&p, "buhqu", 5, 9u, &handle, UINT64_C(5), 4096u);
    assert_true(sftp_decode(&r, sb_view(&p), NULL));
    assert_true(r.op == SFTP_READ && r.offset == 5 && r.length == 4096);

    sb_truncate(&p, 0);
    sftp_request(&p, "butt", 20, 9u, "target", "/link");
    assert_true(sftp_decode(&r, sb_view(&p), NULL));
    assert_true(r.op == SFTP_SYMLINK && sv_eq(r.path, SV("target")) && sv_eq(r.path2, SV("/link")));
}

static void extensions_are_found_by_name(void **state)
{
    static const struct {
        const char *name;
        enum sftp_op op;
    } two_paths[] = { { "posix-rename@openssh.com", SFTP_POSIX_RENAME },
                      { "hardlink@openssh.com", SFTP_HARDLINK } };
    auto_sb struct sb p = { 0 };
    enum err_kind kind = ERR_INTERNAL;
    struct sftp_request r;

    for (size_t i = 0; i < COUNT(two_paths); i++) {
        sb_truncate(&p, 0);
        sftp_request(&p, "buttt", EXTENDED, 1u, two_paths[i].name, "/a", "/b");
        check_row(sftp_decode(&r, sb_view(&p), NULL) && r.op == two_paths[i].op &&
                      sv_eq(r.path, SV("/a")) && sv_eq(r.path2, SV("/b")),
                  two_paths[i].name);
    }
    sb_truncate(&p, 0);
    sftp_request(&p, "but", EXTENDED, 1u, "limits@openssh.com");
    assert_true(sftp_decode(&r, sb_view(&p), NULL) && r.op == SFTP_LIMITS);
    sb_truncate(&p, 0);
    sftp_request(&p, "but", EXTENDED, 5u, "run-anything@example.com");
    assert_false(decode(&r, &p, &kind));
    assert_true(kind == ERR_UNSUPPORTED && r.id == 5);
}

static void attributes_come_in_any_combination(void **state)
{
    auto_sb struct sb p = { 0 };
    struct sftp_attrs attrs = { .flags =
                                    SFTP_HAS_SIZE | SFTP_HAS_IDS | SFTP_HAS_MODE | SFTP_HAS_TIMES,
                                .uid = 1,
                                .gid = 2,
                                .mode = 0100644,
                                .atime = 3,
                                .mtime = UINT32_MAX,
                                .size = UINT64_C(1) << 40 };

    for (uint32_t flags = 0; flags < 16; flags++) {
        size_t begun = p.n = 0;
        struct sftp_request r;

        attrs.flags = flags;
        sftp_put_u32(&p, 0);
        sb_putc(&p, 9);
        sftp_put_u32(&p, flags);
        sftp_put_text(&p, SV("/x"));
        sftp_put_attrs(&p, &attrs);
        sftp_end(&p, begun);
        assert_true(sftp_decode(&r, sb_view(&p), NULL));
        assert_int_equal(r.attrs.flags, flags);
        assert_true(!(flags & SFTP_HAS_SIZE) == (r.attrs.size != attrs.size));
        assert_true(!(flags & SFTP_HAS_TIMES) == (r.attrs.mtime != attrs.mtime));
        assert_true(!(flags & SFTP_HAS_MODE) == (r.attrs.mode != attrs.mode));
        assert_true(!(flags & SFTP_HAS_IDS) == (r.attrs.gid != attrs.gid));
    }
}

static void extended_attributes_are_passed_over(void **state)
{
    auto_sb struct sb p = { 0 };
    struct sftp_request r;
    enum err_kind kind = ERR_INTERNAL;

    sftp_request(&p, "butuuutttt", 9, 1u, "/x", 0x80000004u, 0600u, 2u, "a", "1", "b", "2");
    assert_true(sftp_decode(&r, sb_view(&p), NULL));
    assert_true(r.attrs.flags == SFTP_HAS_MODE && r.attrs.mode == 0600);
    sb_truncate(&p, 0);
    sftp_request(&p, "butuutt", 9, 1u, "/x", 0x80000000u, 0xffffffffu, "a", "1");
    assert_true(!decode(&r, &p, &kind) && kind == ERR_INVALID);
}

static void every_cut_of_a_request_is_refused(void **state)
{
    auto_sb struct sb p = { 0 };

    sftp_request(&p, "butuuu", 3, 7u, "/a", 1u, SFTP_HAS_MODE, 0640u);
    for (size_t n = 0; n < p.n; n++) {
        auto_sb struct sb cut = { 0 };
        struct sftp_request r;
        enum err_kind kind = ERR_INTERNAL;

        sb_put_mem(&cut, p.p, n);
        if (n >= 4)
            sftp_end(&cut, 0);
        assert_false(decode(&r, &cut, &kind));
        assert_int_equal(kind, n < SFTP_AT_BODY ? ERR_PROTOCOL : ERR_INVALID);
    }
}

static void bad_fields_are_refused(void **state)
{
    auto_mem char *long_path = mem_alloc(SFTP_PATH_LEN_MAX + 2);
    const struct sv with_nul = { "/a\0b", 4 };
    auto_sb struct sb p = { 0 };
    struct sftp_request r;
    enum err_kind kind = ERR_INTERNAL;

    memset(long_path, 'x', SFTP_PATH_LEN_MAX + 1);
    sftp_request(&p, "but", 17, 1u, long_path);
    assert_true(!decode(&r, &p, &kind) && kind == ERR_INVALID && r.id == 1);
    sb_truncate(&p, 0);
    sftp_request(&p, "buh", 17, 2u, &with_nul);
    assert_true(!decode(&r, &p, &kind) && kind == ERR_INVALID && r.id == 2);
    sb_truncate(&p, 0);
    sftp_request(&p, "buu", 17, 3u, 0xffffffffu); /* a text of 4 GB */
    assert_true(!decode(&r, &p, &kind) && kind == ERR_INVALID && r.id == 3);
    sb_truncate(&p, 0);
    sftp_request(&p, "bu", 99, 4u);
    assert_true(!decode(&r, &p, &kind) && kind == ERR_UNSUPPORTED && r.id == 4);
}

static void frames_are_found_in_a_stream(void **state)
{
    auto_sb struct sb p = { 0 };
    auto_err struct err *err = NULL;
    size_t n;

    sftp_request(&p, "bu", 1, 3u);
    for (size_t i = 0; i < p.n; i++) {
        assert_true(sftp_frame(sv_slice(sb_view(&p), 0, i), &n, NULL));
        assert_int_equal(n, 0);
    }
    sb_puts(&p, "more");
    assert_true(sftp_frame(sb_view(&p), &n, NULL));
    assert_int_equal(n, 9);
    sftp_set_u32(&p, 0, SFTP_PACKET_LEN_MAX + 1);
    assert_false(sftp_frame(sb_view(&p), &n, &err));
    assert_int_equal(err_kind(err), ERR_PROTOCOL);
    sftp_set_u32(&p, 0, 4);
    assert_false(sftp_frame(sb_view(&p), &n, NULL));
}

static void version_names_the_extensions(void **state)
{
    auto_sb struct sb out = { 0 };
    struct sv v;

    sftp_put_version(&out);
    v = sb_view(&out);
    assert_int_equal(v.p[SFTP_AT_TYPE], SFTP_REPLY_VERSION);
    assert_int_equal(sftp_u32_at(v, SFTP_AT_ID), 3);
    assert_true(sv_eq(sftp_text_at(v, SFTP_AT_BODY), SV("posix-rename@openssh.com")));
    assert_int_equal(sftp_u32_at(v, 0), v.n - 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_taken_apart),
        cmocka_unit_test(extensions_are_found_by_name),
        cmocka_unit_test(attributes_come_in_any_combination),
        cmocka_unit_test(extended_attributes_are_passed_over),
        cmocka_unit_test(every_cut_of_a_request_is_refused),
        cmocka_unit_test(bad_fields_are_refused),
        cmocka_unit_test(frames_are_found_in_a_stream),
        cmocka_unit_test(version_names_the_extensions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
