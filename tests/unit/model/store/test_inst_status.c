#include "model/store/inst_status.h"

#include <sys/socket.h>
#include <sys/wait.h>

#include "base/mem.h"
#include "lang/json/json.h"
#include "model/store/inst_data.h"
#include "model/store/names.h"
#include "sys/pidfile.h"
#include "sys/sock.h"

#include "store_fixture.h"
#include "unit_test.h"

static const char plain_yaml[] = "images: [{location: /x.img}]\nvmType: qemu\n";

static void inspect(struct instance *out, const char *yaml)
{
    assert_true(store_write("i", NAME_LIMA_YAML, yaml));
    assert_true(instance_inspect(out, &store, "i", NULL));
}

/* Locks HOME/i/name as a living daemon does. */
static int live(const char *name)
{
    auto_mem char *folder = store_path(&store, "i"), *path = path_join(folder, name);
    int fd = -1;

    assert_true(dir_make_all(folder, 0700, NULL));
    assert_true(pidfile_acquire(path, &fd, NULL));
    return fd;
}

/* A host agent in a child that answers one question. */
static pid_t serve(const char *text)
{
    auto_mem char *path = store_path(&store, "i/" NAME_HA_SOCK);
    auto_fd int listen_fd = -1;
    pid_t pid;

    assert_true(sock_unix_listen(path, SOCK_STREAM, &listen_fd, NULL));
    pid = fork();
    if (pid == 0) {
        char bytes[1024];
        int fd = -1;

        if (sock_accept(listen_fd, &fd, NULL) && recv(fd, bytes, sizeof(bytes), 0) > 0)
            (void)!send(fd, text, strlen(text), MSG_NOSIGNAL);
        _exit(0);
    }
    return pid;
}

static void a_missing_instance_is_not_found(void **state)
{
    struct instance inst = { 0 };
    auto_err struct err *err = NULL;
    auto_mem char *expected =
        mem_printf("open %s/i/lima.yaml: no such file or directory", store.home);

    assert_false(instance_inspect(&inst, &store, "i", &err));
    assert_int_equal(err_kind(err), ERR_NOT_FOUND);
    assert_string_equal(err_text(err), expected);
}

static void a_directory_without_yaml_is_broken_in_listings(void **state)
{
    auto_instance struct instance inst = { 0 };

    assert_true(store_write("i", NAME_DISK, ""));
    instance_inspect_any(&inst, &store, "i");
    assert_int_equal(inst.status, INST_BROKEN);
    assert_int_equal(inst.errors.n, 1);
    assert_string_equal(inst.hostname, "");
    assert_false(inst.has_config);
}

static void unusable_yaml_has_no_status(void **state)
{
    static const char *const cases[] = { "", "cpus: [", "images: 7", "images: [{location: ''}]" };

    for (size_t i = 0; i < COUNT(cases); i++) {
        auto_instance struct instance inst = { 0 };

        inspect(&inst, cases[i]);
        check_row(inst.status == INST_UNKNOWN, cases[i]);
        check_row(inst.errors.n == 1, cases[i]);
        assert_string_equal(inst.hostname, "lima-i");
    }
}

static void huge_yaml_is_broken(void **state)
{
    size_t n = (size_t)20 << 20;
    auto_mem char *text = mem_alloc(n + 1);
    auto_instance struct instance inst = { 0 };

    memset(text, '#', n);
    inspect(&inst, text);
    assert_int_equal(inst.status, INST_BROKEN);
    assert_non_null(strstr(inst.errors.v[0], "is larger than"));
}

static void without_processes_it_is_stopped(void **state)
{
    auto_instance struct instance inst = { 0 };

    assert_true(store_write("i", NAME_LIMA_VERSION, "2.2.0"));
    assert_true(store_write("i", NAME_PROTECTED, ""));
    assert_true(
        store_write("i", NAME_SSH_CONFIG, "Host lima-i\n  Hostname 127.0.0.1\n  Port 4022\n"));
    inspect(&inst, plain_yaml);
    assert_int_equal(inst.status, INST_STOPPED);
    assert_int_equal(inst.errors.n, 0);
    assert_string_equal(inst.lima_version, "2.2.0");
    assert_string_equal(inst.ssh_address, "127.0.0.1");
    assert_int_equal(inst.ssh_local_port, 4022);
    assert_true(inst.is_protected);
}

static void pid_files_of_the_dead_count_for_nothing(void **state)
{
    auto_instance struct instance inst = { 0 };

    assert_true(store_write("i", NAME_HA_PID, "2147483646\n"));
    assert_true(store_write("i", "qemu.pid", "garbage"));
    inspect(&inst, plain_yaml);
    assert_int_equal(inst.status, INST_STOPPED);
    assert_int_equal(inst.host_agent_pid, 0);
}

static void with_both_and_an_answer_it_is_running(void **state)
{
    auto_instance struct instance inst = { 0 };
    auto_fd int agent = live(NAME_HA_PID), driver = live("qemu.pid");
    pid_t server = serve("HTTP/1.1 200 OK\r\n\r\n{\"sshLocalPort\":4711}");

    inspect(&inst, plain_yaml);
    assert_true(agent >= 0 && driver >= 0);
    assert_int_equal(inst.status, INST_RUNNING);
    assert_int_equal(inst.ssh_local_port, 4711);
    assert_int_equal(inst.host_agent_pid, getpid());
    assert_int_equal(inst.driver_pid, getpid());
    assert_int_equal(waitpid(server, NULL, 0), server);
}

static void an_agent_that_does_not_answer_is_broken(void **state)
{
    auto_instance struct instance inst = { 0 };
    auto_fd int agent = live(NAME_HA_PID), driver = live("qemu.pid");

    assert_true(agent >= 0 && driver >= 0);
    inspect(&inst, plain_yaml);
    assert_int_equal(inst.status, INST_BROKEN);
    assert_non_null(strstr(inst.errors.v[0], "failed to get Info from"));
}

static void one_process_alone_is_broken(void **state)
{
    auto_instance struct instance alone = { 0 }, orphan = { 0 };
    int agent = live(NAME_HA_PID), driver;
    pid_t server = serve("HTTP/1.1 200 OK\r\n\r\n{}");

    inspect(&alone, plain_yaml);
    assert_int_equal(alone.status, INST_BROKEN);
    assert_string_equal(alone.errors.v[0], "host agent is running but driver is not");
    assert_int_equal(waitpid(server, NULL, 0), server);

    close(agent);
    driver = live("qemu.pid");
    assert_true(store_write("i", NAME_HA_PID, ""));
    inspect(&orphan, plain_yaml);
    assert_int_equal(orphan.status, INST_BROKEN);
    assert_string_equal(orphan.errors.v[0], "qemu driver is running but host agent is not");
    close(driver);
}

static void messages_are_expanded(void **state)
{
    auto_instance struct instance good = { 0 }, bad = { 0 };
    auto_mem char *text = mem_printf("%s%s", plain_yaml, "message: |\n  {{.Name}} at {{.Dir}}\n");
    auto_mem char *broken = mem_printf("%s%s", plain_yaml, "message: '{{.Name'\n");
    auto_mem char *expected = mem_printf("i at %s/i", store.home);

    inspect(&good, text);
    assert_string_equal(good.message, expected);
    inspect(&bad, broken);
    assert_int_equal(bad.status, INST_BROKEN);
    assert_non_null(strstr(bad.errors.v[0], "is not a valid template"));
}

static void json_has_the_keys_in_their_order(void **state)
{
    static const char yaml[] =
        "images: [{location: /x.img}]\nvmType: qemu\ncpus: 2\nmemory: 2GiB\n"
        "networks: [{lima: user-v2}]\nadditionalDisks: [data]\n"
        "message: hi\nparam: {a: b}\n"
        "provision: [{script: 'echo {{.Param.a}}'}]\nssh: {localPort: 4022}\n";
    static const char expected[] =
        "name hostname status dir vmType arch cpus memory disk message additionalDisks network "
        "sshLocalPort sshConfigFile config sshAddress protected limaVersion param HostOS HostArch "
        "LimaHome IdentityFile";
    auto_instance struct instance inst = { 0 };
    auto_strv struct strv keys = { 0 };
    auto_mem char *joined = NULL;
    auto_json json_t *json = NULL;
    const char *key;
    json_t *value;

    inspect(&inst, yaml);
    json = instance_to_json(&inst, &store);
    json_object_foreach(json, key, value) strv_push(&keys, key);
    joined = strv_join(&keys, " ");
    assert_string_equal(joined, expected);
    assert_int_equal(json_integer_value(json_object_get(json, "memory")), INT64_C(2) << 30);
}

static void json_of_a_broken_one_is_short(void **state)
{
    auto_instance struct instance inst = { 0 };
    auto_mem char *text = NULL, *expected = NULL;
    auto_json json_t *json = NULL;

    assert_true(store_write("i", NAME_DISK, ""));
    instance_inspect_any(&inst, &store, "i");
    json = instance_to_json(&inst, &store);
    text = json_text(json, JSON_STYLE_COMPACT);
    expected = mem_printf(
        "{\"name\":\"i\",\"hostname\":\"\",\"status\":\"Broken\",\"dir\":\"%s/i\",\"vmType\":\"\","
        "\"arch\":\"\",\"errors\":[\"open %s/i/lima.yaml: no such file or directory\"],"
        "\"protected\":false,\"limaVersion\":\"\",\"HostOS\":\"linux\",\"HostArch\":\"%s\","
        "\"LimaHome\":\"%s\",\"IdentityFile\":\"%s/_config/user\"}",
        store.home, store.home, store.env.host.arch, store.home, store.home);
    assert_string_equal(text, expected);
}

static void template_data_has_go_names(void **state)
{
    auto_instance struct instance inst = { 0 };
    auto_json json_t *data = NULL;
    const json_t *config, *again;

    inspect(&inst, plain_yaml);
    data = instance_data(&inst, &store);
    config = json_object_get(data, "Config");
    again = json_object_get(json_object_get(data, "Instance"), "Config");
    assert_string_equal(json_string_value(json_object_get(data, "VMType")), "qemu");
    assert_string_equal(json_string_value(json_object_get(data, "Status")), "Stopped");
    assert_true(json_is_integer(json_object_get(config, "CPUs")));
    assert_true(json_equal(config, again));
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, store_setup, store_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(a_missing_instance_is_not_found),
        WITH_STORE(a_directory_without_yaml_is_broken_in_listings),
        WITH_STORE(unusable_yaml_has_no_status),
        WITH_STORE(huge_yaml_is_broken),
        WITH_STORE(without_processes_it_is_stopped),
        WITH_STORE(pid_files_of_the_dead_count_for_nothing),
        WITH_STORE(with_both_and_an_answer_it_is_running),
        WITH_STORE(an_agent_that_does_not_answer_is_broken),
        WITH_STORE(one_process_alone_is_broken),
        WITH_STORE(messages_are_expanded),
        WITH_STORE(json_has_the_keys_in_their_order),
        WITH_STORE(json_of_a_broken_one_is_short),
        WITH_STORE(template_data_has_go_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
