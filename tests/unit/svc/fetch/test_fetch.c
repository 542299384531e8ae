#include "svc/fetch/fetch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/path.h"
#include "svc/fetch/entry.h"
#include "sys/dir.h"
#include "sys/file.h"

#include "http_server.h"
#include "unit_test.h"

struct fixture {
    struct http_server server;
    char *dir;
    char *url;
    char *digest; /* of the body */
    struct fetched got;
    struct err *err;
};

static struct fixture fixture;

static int set_up(void **state)
{
    struct fixture *f = &fixture;

    memset(f, 0, sizeof(*f));
    f->got = FETCHED_NONE;
    http_server_start(&f->server);
    if (!dir_make_temp("/tmp/clima-test-fetch-", &f->dir, NULL))
        return -1;
    f->url = mem_printf("http://127.0.0.1:%u/pool/disk.img?x=1", f->server.port);

    struct http_script *script = f->server.script;

    script->body_size = sizeof(script->body);
    for (size_t i = 0; i < script->body_size; i++)
        script->body[i] = (char)(i * 7 + i / 256);
    (void)snprintf(script->last_modified, sizeof(script->last_modified),
                   "Tue, 01 Sep 2026 10:00:00 GMT");
    (void)snprintf(script->etag, sizeof(script->etag), "\"one\"");
    auto_mem char *hex = digest_name((struct sv){ script->body, script->body_size });

    f->digest = mem_printf("sha256:%s", hex);
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = &fixture;

    http_server_stop(&f->server);
    if (!dir_remove_tree(f->dir, NULL))
        return -1;
    fetched_done(&f->got);
    err_free(f->err);
    free(f->dir);
    free(f->url);
    free(f->digest);
    return 0;
}

static bool run(const char *digest)
{
    struct fixture *f = &fixture;
    struct fetch_request req = {
        .location = f->url, .digest = digest, .what = "the image", .cache_dir = f->dir,
    };

    err_free(f->err);
    f->err = NULL;
    fetched_done(&f->got);
    return fetch(&req, &f->got, &f->err);
}

static void assert_got_body(void)
{
    const struct http_script *script = fixture.server.script;
    auto_sb struct sb bytes = { 0 };

    assert_true(file_read_fd(fixture.got.fd, "got", SIZE_MAX, &bytes, NULL));
    assert_int_equal(bytes.n, script->body_size);
    assert_memory_equal(bytes.p, script->body, bytes.n);
}

static char *entry_file(const char *name)
{
    auto_mem char *root = entry_root(fixture.dir);
    auto_mem char *key = entry_key(fixture.url);
    auto_mem char *dir = path_join(root, key);

    return path_join(dir, name);
}

static void assert_entry_text(const char *name, const char *expected)
{
    auto_mem char *path = entry_file(name);
    auto_mem char *text = NULL;

    assert_true(file_read_text(path, 4096, &text, NULL));
    assert_string_equal(text, expected);
}

static bool entry_has(const char *name)
{
    auto_mem char *path = entry_file(name);

    return file_exists(path);
}

static void a_download_fills_the_entry(void **state)
{
    assert_true(run(fixture.digest));
    assert_int_equal(fixture.got.source, FETCH_DOWNLOADED);
    assert_got_body();
    assert_entry_text("url", fixture.url);
    assert_entry_text("time", "Tue, 01 Sep 2026 10:00:00 GMT");
    assert_entry_text("type", "text/x-test");
    assert_entry_text("sha256.digest", fixture.digest);
    assert_false(entry_has("data.part"));
    assert_false(entry_has("part.tag"));
}

static void a_verified_entry_needs_no_request(void **state)
{
    assert_true(run(fixture.digest));
    assert_true(run(fixture.digest));
    assert_int_equal(fixture.got.source, FETCH_CACHED);
    assert_int_equal(fixture.server.script->n_gets, 1);
    assert_int_equal(fixture.server.script->n_heads, 0);
    assert_got_body();
}

static void another_digest_than_the_stored_one_is_an_error(void **state)
{
    auto_mem char *other = mem_strdup(fixture.digest);

    other[10] = other[10] == '0' ? '1' : '0';
    assert_true(run(fixture.digest));
    assert_false(run(other));
    assert_int_equal(err_kind(fixture.err), ERR_INVALID);
    assert_non_null(strstr(err_text(fixture.err), "expected digest `sha256:"));
    assert_true(entry_has("data"));
}

static void without_digest_the_server_is_asked(void **state)
{
    assert_true(run(NULL));
    assert_true(run(NULL));
    assert_int_equal(fixture.got.source, FETCH_CACHED);
    assert_int_equal(fixture.server.script->n_heads, 1);
    assert_int_equal(fixture.server.script->n_gets, 1);
}

static void a_newer_resource_is_downloaded_again(void **state)
{
    struct http_script *script = fixture.server.script;

    assert_true(run(NULL));
    (void)snprintf(script->last_modified, sizeof(script->last_modified),
                   "Wed, 02 Sep 2026 10:00:00 GMT");
    (void)snprintf(script->etag, sizeof(script->etag), "\"two\"");
    script->body[0] ^= 1;
    assert_true(run(NULL));
    assert_int_equal(fixture.got.source, FETCH_DOWNLOADED);
    assert_got_body();
    assert_entry_text("time", "Wed, 02 Sep 2026 10:00:00 GMT");
}

static void an_unreachable_server_leaves_the_cache_in_use(void **state)
{
    assert_true(run(NULL));
    fixture.server.script->head_fails = true;
    assert_true(run(NULL));
    assert_int_equal(fixture.got.source, FETCH_CACHED);
    assert_int_equal(fixture.server.script->n_gets, 1);
}

static void cached_bytes_without_stored_digest_are_hashed(void **state)
{
    assert_true(run(NULL));
    assert_true(run(fixture.digest));
    assert_int_equal(fixture.got.source, FETCH_CACHED);
    assert_false(entry_has("sha256.digest"));
    auto_mem char *path = entry_file("data");

    assert_true(file_write_atomic(path, SV("spoilt"), 0644, NULL));
    assert_false(run(fixture.digest));
}

static void an_entry_without_time_is_downloaded_again(void **state)
{
    fixture.server.script->last_modified[0] = '\0';
    assert_true(run(NULL));
    assert_true(run(NULL));
    assert_int_equal(fixture.server.script->n_gets, 2);
}

static void wrong_bytes_are_not_kept(void **state)
{
    auto_mem char *other = mem_strdup(fixture.digest);

    other[10] = other[10] == '0' ? '1' : '0';
    assert_false(run(other));
    assert_int_equal(err_kind(fixture.err), ERR_INVALID);
    assert_false(entry_has("data"));
    assert_false(entry_has("data.part"));
}

static void a_broken_transfer_continues_within_one_call(void **state)
{
    fixture.server.script->cut_after = 100000;
    fixture.server.script->n_cuts = 1;
    assert_true(run(fixture.digest));
    assert_int_equal(fixture.server.script->n_ranges, 1);
    assert_string_equal(fixture.server.script->last_if_range, "\"one\"");
    assert_got_body();
}

static void what_is_left_is_resumed_later(void **state)
{
    fixture.server.script->cut_after = 1000;
    fixture.server.script->n_cuts = 3; /* as many as there are attempts */
    assert_false(run(fixture.digest));
    assert_int_equal(err_kind(fixture.err), ERR_TIMEOUT);
    assert_false(entry_has("data"));
    assert_true(entry_has("data.part"));

    fixture.server.script->n_ranges = 0;
    assert_true(run(fixture.digest));
    assert_int_equal(fixture.server.script->n_ranges, 1);
    assert_got_body();
}

static void a_changed_resource_is_not_mixed_with_old_bytes(void **state)
{
    struct http_script *script = fixture.server.script;

    script->cut_after = 1000;
    script->n_cuts = 3;
    assert_false(run(NULL));
    memset(script->body, 'n', script->body_size);
    (void)snprintf(script->etag, sizeof(script->etag), "\"two\"");
    (void)snprintf(script->last_modified, sizeof(script->last_modified),
                   "Wed, 02 Sep 2026 10:00:00 GMT");
    assert_true(run(NULL));
    assert_got_body();
}

static void a_server_that_ignores_ranges_sends_everything(void **state)
{
    fixture.server.script->cut_after = 1000;
    fixture.server.script->n_cuts = 1;
    fixture.server.script->ignores_range = true;
    assert_true(run(fixture.digest));
    assert_got_body();
}

static void a_part_longer_than_the_resource_is_dropped(void **state)
{
    auto_mem char *part = entry_file("data.part");
    auto_mem char *dir = path_dir(part);
    auto_mem char *bytes = mem_alloc(300 * 1024);

    assert_true(dir_make_all(dir, 0700, NULL));
    assert_true(file_write_atomic(part, (struct sv){ bytes, 300 * 1024 }, 0644, NULL));
    assert_true(run(fixture.digest));
    assert_got_body();
}

static void http_errors_are_named(void **state)
{
    fixture.server.script->status = 404;
    fixture.server.script->body_size = 10;
    memcpy(fixture.server.script->body, "not \033 here", 10);
    assert_false(run(NULL));
    assert_int_equal(err_kind(fixture.err), ERR_NOT_FOUND);
    assert_non_null(strstr(err_text(fixture.err),
                           "unexpected HTTP status Some Text, body=\"not \\x1b here\""));
    assert_int_equal(fixture.server.script->n_gets, 1);
    assert_false(entry_has("data"));
}

static void an_empty_body_is_a_file_too(void **state)
{
    fixture.server.script->body_size = 0;
    assert_true(run(NULL));
    assert_got_body();
}

static void nobody_listening_is_an_error_with_the_address(void **state)
{
    mem_replace(&fixture.url, mem_strdup("http://127.0.0.1:1/x"));
    assert_false(run(NULL));
    assert_non_null(strstr(err_text(fixture.err), "http://127.0.0.1:1/x"));
}

static void other_schemes_are_refused(void **state)
{
    mem_replace(&fixture.url, mem_strdup("gopher://127.0.0.1/x"));
    assert_false(run(NULL));
    assert_int_equal(err_kind(fixture.err), ERR_INVALID);
}

static void local_files_are_opened_where_they_are(void **state)
{
    auto_mem char *path = path_join(fixture.dir, "local.img");
    auto_mem char *url = mem_printf("file://%s", path);
    struct fetch_request req = { .location = url };

    assert_true(file_write_atomic(path, SV("local"), 0644, NULL));
    assert_true(fetch(&req, &fixture.got, NULL));
    assert_int_equal(fixture.got.source, FETCH_LOCAL);
    assert_string_equal(fixture.got.path, path);
    req.digest = fixture.digest;
    assert_false(fetch(&req, &fixture.got, NULL));
    req.location = "file://relative";
    assert_false(fetch(&req, &fixture.got, NULL));
    req.location = fixture.dir;
    assert_false(fetch(&req, &fixture.got, &fixture.err));
    assert_non_null(strstr(err_text(fixture.err), "not a regular file"));
}

static void texts_have_a_limit(void **state)
{
    auto_sb struct sb text = { 0 };

    fixture.server.script->body_size = 1000;
    assert_true(fetch_text(fixture.url, 1000, &text, NULL));
    assert_int_equal(text.n, 1000);
    assert_false(fetch_text(fixture.url, 999, &text, NULL));
    assert_int_equal(text.n, 1000);
}

static void pruning_keeps_what_is_named(void **state)
{
    auto_strv struct strv keep = { 0 };
    auto_strv struct strv nothing = { 0 };

    assert_true(run(NULL));
    strv_push(&keep, fixture.url);
    assert_true(fetch_prune(fixture.dir, &keep, NULL));
    assert_true(entry_has("data"));
    assert_true(fetch_prune(fixture.dir, &nothing, NULL));
    assert_false(entry_has("data"));
    assert_true(fetch_prune(fixture.dir, NULL, NULL));
    assert_false(dir_exists(fixture.dir));
    assert_true(fetch_prune(fixture.dir, NULL, NULL));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_download_fills_the_entry),
        CASE(a_verified_entry_needs_no_request),
        CASE(another_digest_than_the_stored_one_is_an_error),
        CASE(without_digest_the_server_is_asked),
        CASE(a_newer_resource_is_downloaded_again),
        CASE(an_unreachable_server_leaves_the_cache_in_use),
        CASE(cached_bytes_without_stored_digest_are_hashed),
        CASE(an_entry_without_time_is_downloaded_again),
        CASE(wrong_bytes_are_not_kept),
        CASE(a_broken_transfer_continues_within_one_call),
        CASE(what_is_left_is_resumed_later),
        CASE(a_changed_resource_is_not_mixed_with_old_bytes),
        CASE(a_server_that_ignores_ranges_sends_everything),
        CASE(a_part_longer_than_the_resource_is_dropped),
        CASE(http_errors_are_named),
        CASE(an_empty_body_is_a_file_too),
        CASE(nobody_listening_is_an_error_with_the_address),
        CASE(other_schemes_are_refused),
        CASE(local_files_are_opened_where_they_are),
        CASE(texts_have_a_limit),
        CASE(pruning_keeps_what_is_named),
    };

    (void)setenv("no_proxy", "127.0.0.1", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
