/* A fake ssh-keygen, first in PATH, writes its arguments into the pair it was asked for. */
#include "svc/ssh/keys.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/file.h"
#include "svc/ssh/master.h"
#include "sys/sock.h"
#include "temp_dir.h"
#include "unit_test.h"

static const char fake_keygen[] = "#!/bin/sh\n"
                                  "for last; do :; done\n"
                                  "[ ! -e \"$0.fail\" ] || { echo no entropy >&2; exit 1; }\n"
                                  "echo \"secret\" > \"$last\"\n"
                                  "chmod 600 \"$last\"\n"
                                  "echo \"ssh-ed25519 AAAA $1 $2 $3 $4 $5 $6 $7 $8\" > \"$last.pub\"\n"
                                  "echo x >> \"$0.calls\"\n";

static int setup(void **state)
{
    auto_mem char *bin = NULL;
    auto_mem char *program = NULL;
    auto_mem char *path = NULL;

    if (temp_dir_setup(state) != 0)
        return -1;
    bin = temp_path("bin");
    program = temp_path("bin/ssh-keygen");
    path = mem_printf("%s:%s", bin, getenv("PATH"));
    return dir_make(bin, 0700, NULL) && setenv("PATH", path, 1) == 0 &&
                   file_write_atomic(program, sv_of(fake_keygen), 0700, NULL)
               ? 0 : -1;
}

static void write_text(const char *name, const char *text)
{
    auto_mem char *path = temp_path(name);

    assert_true(file_write_atomic(path, sv_of(text), 0600, NULL));
}

static size_t keygen_calls(void)
{
    auto_mem char *path = temp_path("bin/ssh-keygen.calls");
    uint64_t size = 0;

    return file_size(path, &size, NULL) ? (size_t)size / 2 : 0;
}

static void the_pair_is_made_once(void **state)
{
    auto_mem char *config = temp_path("home/_config");
    auto_strv struct strv keys = { 0 }, names = { 0 };
    struct stat st;
    size_t before = keygen_calls();

    assert_true(ssh_keys_ensure(config, NULL));
    assert_true(ssh_keys_ensure(config, NULL));
    assert_int_equal(keygen_calls() - before, 1);
    assert_int_equal(stat(config, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_true(dir_list(config, &names, NULL));
    assert_int_equal(names.n, 2); /* nothing else is left */
    assert_true(ssh_keys_public(config, NULL, &keys, NULL));
    assert_string_equal(keys.v[0], "ssh-ed25519 AAAA -t ed25519 -q -N  -C lima -f");
}

static void half_a_pair_is_made_anew(void **state)
{
    auto_mem char *config = temp_path("half");
    auto_mem char *private_path = temp_path("half/user");

    assert_true(ssh_keys_ensure(config, NULL));
    assert_true(file_remove(private_path, NULL));
    assert_true(ssh_keys_ensure(config, NULL));
    assert_true(file_exists(private_path));
}

static void a_failing_keygen_leaves_nothing(void **state)
{
    auto_mem char *config = temp_path("failing");
    auto_mem char *flag = temp_path("bin/ssh-keygen.fail");
    auto_strv struct strv names = { 0 };
    auto_err struct err *err = NULL;

    write_text("bin/ssh-keygen.fail", "");
    assert_false(ssh_keys_ensure(config, &err));
    assert_int_equal(err_kind(err), ERR_CHILD);
    assert_non_null(strstr(err_text(err), "no entropy"));
    assert_true(dir_list(config, &names, NULL));
    assert_int_equal(names.n, 0);
    assert_true(file_remove(flag, NULL));
}

static void the_user_s_keys_are_added_on_request(void **state)
{
    auto_mem char *home = temp_path("user");
    auto_mem char *dot_ssh = temp_path("user/.ssh");
    auto_mem char *config = temp_path("user/_config");
    auto_mem char *expected = NULL;
    auto_strv struct strv own = { 0 }, all = { 0 }, identities = { 0 };
    auto_mem char *joined = NULL;

    assert_true(dir_make_all(dot_ssh, 0700, NULL));
    write_text("user/.ssh/id_b", "secret");
    write_text("user/.ssh/id_b.pub", "ssh-rsa BBBB me@host\n");
    write_text("user/.ssh/id_a.pub", "ecdsa-sha2-nistp256 AAAA\n"); /* its private key is elsewhere */
    write_text("user/.ssh/junk.pub", "hello\nworld\n");
    assert_true(ssh_keys_ensure(config, NULL));

    assert_true(ssh_keys_public(config, NULL, &own, NULL));
    assert_int_equal(own.n, 1);
    assert_true(ssh_keys_public(config, home, &all, NULL));
    assert_int_equal(all.n, 3);
    assert_string_equal(all.v[1], "ecdsa-sha2-nistp256 AAAA");
    assert_string_equal(all.v[2], "ssh-rsa BBBB me@host");

    assert_true(ssh_keys_identities(config, home, &identities, NULL));
    joined = strv_join(&identities, "|");
    expected = mem_printf("%s/user|%s/id_b", config, dot_ssh);
    assert_string_equal(joined, expected);
}

static void a_missing_key_is_not_found(void **state)
{
    auto_mem char *config = temp_path("nowhere");
    auto_strv struct strv out = { 0 };
    auto_err struct err *err = NULL, *err2 = NULL;

    assert_false(ssh_keys_identities(config, NULL, &out, &err));
    assert_int_equal(err_kind(err), ERR_NOT_FOUND);
    assert_false(ssh_keys_public(config, NULL, &out, &err2));
    assert_int_equal(err_kind(err2), ERR_NOT_FOUND);
}

static void a_dead_master_socket_is_removed(void **state)
{
    auto_mem char *dir = temp_path("inst");
    auto_mem char *path = temp_path("inst/ssh.sock");
    auto_strv struct strv program = { 0 }, options = { 0 };
    int fd = -1;

    assert_true(dir_make(dir, 0700, NULL));
    assert_int_equal(ssh_master_probe(dir), SSH_MASTER_NONE);
    assert_true(sock_unix_listen(path, SOCK_STREAM, &fd, NULL));
    assert_int_equal(ssh_master_probe(dir), SSH_MASTER_ALIVE);
    assert_int_equal(close(fd), 0);
    strv_push(&program, "/no/such/ssh"); /* must not be called */
    assert_true(ssh_master_exit(&program, &options, dir, 22, "127.0.0.1", NULL));
    assert_false(file_exists(path));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_pair_is_made_once),
        cmocka_unit_test(half_a_pair_is_made_anew),
        cmocka_unit_test(a_failing_keygen_leaves_nothing),
        cmocka_unit_test(the_user_s_keys_are_added_on_request),
        cmocka_unit_test(a_missing_key_is_not_found),
        cmocka_unit_test(a_dead_master_socket_is_removed),
    };

    return cmocka_run_group_tests(tests, setup, temp_dir_teardown);
}
