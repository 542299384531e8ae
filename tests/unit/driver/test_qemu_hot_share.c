/*
 * The conversation about folders with a QEMU that the test plays, and the link that is pointed at
 * them.
 */
#include "driver/qemu/hot_share.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "base/mem.h"
#include "base/strv.h"
#include "svc/loop/qmp_client.h"
#include "sys/sock.h"
#include "temp_dir.h"
#include "unit_test.h"

#define PORT(n, inner) "{\"qdev_id\":\"port-spare" n "\",\"pci_bridge\":{" inner "}}"
#define PORTS(list)    "\"return\":[{\"bus\":0,\"devices\":[" list "]}]"
#define TAKEN          "\"devices\":[{}]"

struct fixture {
    uv_loop_t loop;
    struct qmp_client *qmp;
    struct hot_shares *shares;
    int fd; /* QEMU's end */
    unsigned id;
    struct strv heard;
};

static void on_done(void *arg, const struct err *err)
{
    struct fixture *f = arg;

    strv_push(&f->heard, err ? err_text(err) : "done");
}

static void on_event(void *arg, const char *name, json_t *data)
{
}

static void on_lost(void *arg, const struct err *err)
{
}

static void run(struct fixture *f)
{
    for (int i = 0; i < 4; i++)
        (void)uv_run(&f->loop, UV_RUN_NOWAIT);
}

/* The next command contains the text; it is answered. */
static void expect(struct fixture *f, const char *command, const char *reply)
{
    auto_mem char *answer = mem_printf("{%s,\"id\":%u}\n", reply, ++f->id);
    char text[2048];
    ssize_t n;

    run(f);
    n = read(f->fd, text, sizeof(text) - 1);
    assert_true(n > 0);
    text[n] = '\0';
    check_row(strstr(text, command), text);
    assert_int_equal(write(f->fd, answer, strlen(answer)), strlen(answer));
    run(f);
}

static void set_up(struct fixture *f)
{
    static const char hello[] = "{\"QMP\":{\"version\":{\"qemu\":{\"micro\":1,\"minor\":2,"
                                "\"major\":8},\"package\":\"\"}}}\n";
    int fds[2];

    memset(f, 0, sizeof(*f));
    assert_int_equal(uv_loop_init(&f->loop), 0);
    assert_true(sock_pair(SOCK_STREAM, fds, NULL));
    f->fd = fds[1];
    f->shares = hot_shares_open(temp_dir);
    f->qmp = qmp_client_open(
        &(struct qmp_client_params){
            .loop = &f->loop, .on_event = on_event, .on_lost = on_lost, .arg = f },
        fds[0], NULL);
    assert_non_null(f->qmp);
    assert_int_equal(write(f->fd, hello, strlen(hello)), strlen(hello));
    expect(f, "qmp_capabilities", "\"return\":{}");
}

static void tear_down(struct fixture *f)
{
    qmp_client_close(f->qmp);
    hot_shares_close(f->shares);
    assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    (void)close(f->fd);
    strv_done(&f->heard);
}

static void attach(struct fixture *f, bool is_read_only)
{
    hot_shares_attach(
        f->shares, f->qmp,
        &(struct driver_hot_share){ .path = "/a b", .tag = "hot-1", .is_read_only = is_read_only },
        on_done, f);
}

static void a_folder_takes_the_last_port_that_is_empty(void **state)
{
    auto_mem char *path = temp_path("share-link2");
    char target[64] = "";
    struct fixture f;

    set_up(&f);
    attach(&f, false);
    attach(&f, true); /* it waits */
    for (int i = 0; i < 2; i++) {
        expect(&f, "query-pci", PORTS(PORT("1", "") "," PORT("2", "") "," PORT("3", TAKEN)));
        assert_int_equal(readlink(path, target, sizeof(target) - 1), 4);
        assert_string_equal(target, "/a b");
        expect(&f, i == 1 ? "\"fsdev\":\"share-read2\"" : "\"fsdev\":\"share-write2\"",
               "\"return\":{}");
        assert_int_equal(faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW),
                         -1); /* QEMU has the folder open */
    }
    assert_true(hot_share_detach(f.qmp, "hot-1", NULL));
    expect(&f, "device_del", "\"return\":{}");
    assert_int_equal(f.heard.n, 2);
    assert_string_equal(f.heard.v[1], "done");
    tear_down(&f);
}

static void failures_are_told_in_words_of_ours(void **state)
{
    static const struct {
        const char *ports, *reply, *why;
    } cases[] = {
        { PORTS(PORT("1", TAKEN)), NULL, "are taken" },
        { PORTS("{\"qdev_id\":\"other\"}"), NULL, "without places" },
        { PORTS(PORT("1", "")),
          "\"error\":{\"class\":\"GenericError\",\"desc\":\"9pfs device couldn't find fsdev with "
          "the "
          "id = x\"}",
          "without places" },
        { PORTS(PORT("1", "\"devices\":[{\"qdev_id\":\"hot-1\"}]")), NULL, "already" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        auto_mem char *path = temp_path("share-link1");
        struct fixture f;

        set_up(&f);
        attach(&f, false);
        expect(&f, "query-pci", cases[i].ports);
        if (cases[i].reply)
            expect(&f, "device_add", cases[i].reply);
        assert_int_equal(f.heard.n, 1);
        check_row(strstr(f.heard.v[0], cases[i].why), f.heard.v[0]);
        assert_int_equal(faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW), -1);
        tear_down(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_folder_takes_the_last_port_that_is_empty),
        cmocka_unit_test(failures_are_told_in_words_of_ours),
    };

    return cmocka_run_group_tests(tests, temp_dir_setup, temp_dir_teardown);
}
