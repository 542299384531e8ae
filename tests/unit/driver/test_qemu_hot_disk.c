/*
 * The conversation about disks with a QEMU that the test plays: what is asked in which order, and
 * what is undone after a failure at any step.
 */
#include "driver/qemu/hot_disk.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include "base/mem.h"
#include "base/sb.h"
#include "base/strv.h"
#include "svc/loop/qmp_client.h"
#include "sys/sock.h"
#include "unit_test.h"

#define PORTS "[{\"bus\":0,\"devices\":[{\"qdev_id\":\"port-spare1\",\"pci_bridge\":{}}]}]"
#define HAS_HOT                                                      \
    "[{\"qdev\":\"/machine/peripheral/disk-spare1/virtio-backend\"," \
    "\"inserted\":{\"file\":\"/dev/fdset/4\"}}]"
#define HAS_SET "[{\"fdset-id\":4,\"fds\":[{\"fd\":9,\"opaque\":\"disk-spare1:/dev/x\"}]}]"
#define GONE    "{\"event\":\"DEVICE_DELETED\",\"data\":{\"device\":\"disk-spare1\"}}"

struct fixture {
    uv_loop_t loop;
    struct qmp_client *qmp;
    struct hot_disks *disks;
    int fd; /* QEMU's end */
    unsigned id;
    struct strv heard;
};

static void on_event(void *arg, const char *name, json_t *data)
{
    struct fixture *f = arg;

    hot_disks_event(f->disks, name, data);
}

static void on_lost(void *arg, const struct err *err)
{
    struct fixture *f = arg;

    hot_disks_talk(f->disks, NULL);
}

static void on_done(void *arg, const struct err *err)
{
    struct fixture *f = arg;

    strv_push(&f->heard, err ? err_text(err) : "done");
}

static void on_disks(void *arg, const struct driver_disk_state *disks, size_t n,
                     const struct err *err)
{
    struct fixture *f = arg;

    if (err)
        strv_push(&f->heard, err_text(err));
    for (size_t i = 0; i < n; i++)
        strv_pushf(&f->heard, "%s%s%s", disks[i].path, disks[i].is_block_device ? " device" : "",
                   disks[i].is_hot ? " hot" : "");
}

static void run(struct fixture *f)
{
    for (int i = 0; i < 4; i++)
        (void)uv_run(&f->loop, UV_RUN_NOWAIT);
}

/* The next command contains the text; it is answered. With it may come a descriptor. */
static int expect(struct fixture *f, const char *command, const char *reply)
{
    char text[2048];
    auto_mem char *answer = mem_printf("{%s,\"id\":%u}\n", reply, ++f->id);
    size_t n = 0, n_fds = 0;
    int fd = -1;

    run(f);
    assert_true(sock_recv_fds(f->fd, text, sizeof(text) - 1, &n, &fd, 1, &n_fds, NULL));
    text[n] = '\0';
    check_row(strstr(text, command) && strchr(text, '\n') == text + n - 1, text);
    assert_int_equal(write(f->fd, answer, strlen(answer)), strlen(answer));
    run(f);
    return fd;
}

static void says(struct fixture *f, const char *line)
{
    assert_int_equal(dprintf(f->fd, "%s\n", line), strlen(line) + 1);
    run(f);
}

static void expect_silence(struct fixture *f)
{
    char byte;

    run(f);
    assert_int_equal(recv(f->fd, &byte, 1, MSG_DONTWAIT), -1);
}

static void set_up(struct fixture *f, uint64_t deadline_ms)
{
    int fds[2];

    memset(f, 0, sizeof(*f));
    assert_int_equal(uv_loop_init(&f->loop), 0);
    assert_true(sock_pair(SOCK_STREAM, fds, NULL));
    f->fd = fds[1];
    f->disks = hot_disks_open(&f->loop, deadline_ms);
    f->qmp = qmp_client_open(
        &(struct qmp_client_params){
            .loop = &f->loop, .on_event = on_event, .on_lost = on_lost, .arg = f },
        fds[0], NULL);
    assert_non_null(f->qmp);
    says(f, "{\"QMP\":{\"version\":{\"qemu\":{\"micro\":1,\"minor\":2,\"major\":8},"
            "\"package\":\"\"}}}");
    assert_int_equal(expect(f, "qmp_capabilities", "\"return\":{}"), -1);
    hot_disks_talk(f->disks, f->qmp);
}

static void tear_down(struct fixture *f)
{
    hot_disks_close(f->disks);
    qmp_client_close(f->qmp);
    assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    (void)close(f->fd);
    strv_done(&f->heard);
}

static void assert_heard(struct fixture *f, const char *joined)
{
    auto_mem char *heard = strv_join(&f->heard, "; ");

    assert_string_equal(heard, joined);
    strv_clear(&f->heard);
}

static void ask_device(struct fixture *f)
{
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

    assert_true(fd >= 0);
    hot_disks_attach(f->disks, &(struct driver_hot_disk){ "/dev/x", "x", fd }, NULL, on_done, f);
}

static void expect_list(struct fixture *f, const char *blocks, const char *sets)
{
    auto_mem char *with_blocks = mem_printf("\"return\":%s", blocks);
    auto_mem char *with_sets = mem_printf("\"return\":%s", sets);

    (void)expect(f, "query-block", with_blocks);
    (void)expect(f, "query-fdsets", with_sets);
}

static void expect_clear(struct fixture *f)
{
    (void)expect(f, "\"blockdev-del\",\"arguments\":{\"node-name\":\"disk-spare1\"}",
                 "\"error\":{\"class\":\"GenericError\",\"desc\":\"no such node\"}");
    (void)expect(f, "query-fdsets", "\"return\":[]");
}

static void a_device_goes_in_as_a_descriptor(void **state)
{
    struct fixture f;
    struct stat st;
    int fd;

    set_up(&f, 0);
    ask_device(&f);
    expect_list(&f, "[]", "[]");
    (void)expect(&f, "query-pci", "\"return\":" PORTS);
    expect_clear(&f);
    fd = expect(&f, "\"opaque\":\"disk-spare1:/dev/x\"", "\"return\":{\"fdset-id\":4,\"fd\":9}");
    assert_int_equal(fstat(fd, &st), 0);
    assert_true(S_ISCHR(st.st_mode));
    (void)close(fd);
    (void)expect(&f, "\"driver\":\"host_device\",\"filename\":\"/dev/fdset/4\"", "\"return\":{}");
    (void)expect(&f, "\"bus\":\"port-spare1\",\"serial\":\"x\"", "\"return\":{}");
    assert_heard(&f, "done");
    expect_silence(&f);
    tear_down(&f);
}

static void an_image_goes_in_by_its_name(void **state)
{
    struct fixture f;

    set_up(&f, 0);
    hot_disks_attach(f.disks, &(struct driver_hot_disk){ "/i/data", "data", -1 }, "qcow2", on_done,
                     &f);
    expect_list(&f, "[]", "[]");
    (void)expect(&f, "query-pci", "\"return\":" PORTS);
    expect_clear(&f);
    (void)expect(&f, "\"driver\":\"qcow2\",\"node-name\":\"disk-spare1\"", "\"return\":{}");
    (void)expect(&f, "device_add", "\"return\":{}");
    assert_heard(&f, "done");
    tear_down(&f);
}

static void an_image_in_use_is_told_in_words_of_ours(void **state)
{
    struct fixture f;

    set_up(&f, 0);
    hot_disks_attach(f.disks, &(struct driver_hot_disk){ "/i/data", "data", -1 }, "qcow2", on_done,
                     &f);
    expect_list(&f, "[]", "[]");
    (void)expect(&f, "query-pci", "\"return\":" PORTS);
    expect_clear(&f);
    (void)expect(&f, "blockdev-add",
                 "\"error\":{\"class\":\"GenericError\",\"desc\":\"Failed to get \\\"write\\\" "
                 "lock\"}");
    expect_clear(&f);
    assert_heard(&f, "/i/data is in use by another program, which locks it");
    tear_down(&f);
}

/* At each step: the reason is told, and what had been done is undone. */
static void a_failure_leaves_nothing_behind(void **state)
{
    static const char *const refusal =
        "\"error\":{\"class\":\"GenericError\",\"desc\":\"out of luck\"}";

    for (int step = 0; step < 6; step++) {
        struct fixture f;
        int fd;

        set_up(&f, 0);
        ask_device(&f);
        (void)expect(&f, "query-block", step == 0 ? refusal : "\"return\":[]");
        if (step >= 1)
            (void)expect(&f, "query-fdsets", step == 1 ? refusal : "\"return\":[]");
        if (step >= 2)
            (void)expect(&f, "query-pci", step == 2 ? refusal : "\"return\":" PORTS);
        if (step >= 3) {
            expect_clear(&f);
            fd = expect(&f, "add-fd", step == 3 ? refusal : "\"return\":{\"fdset-id\":4}");
            (void)close(fd);
        }
        if (step >= 4)
            (void)expect(&f, "blockdev-add", step == 4 ? refusal : "\"return\":{}");
        if (step >= 5)
            (void)expect(&f, "device_add", refusal);
        if (step >= 3) {
            (void)expect(&f, "blockdev-del", "\"return\":{}");
            (void)expect(&f, "query-fdsets", "\"return\":" HAS_SET);
            (void)expect(&f, "\"remove-fd\",\"arguments\":{\"fdset-id\":4}", "\"return\":{}");
        }
        assert_int_equal(f.heard.n, 1);
        check_row(strstr(f.heard.v[0], "out of luck"), f.heard.v[0]);
        expect_silence(&f);
        tear_down(&f);
    }
}

static void a_disk_is_attached_once(void **state)
{
    struct fixture f;

    set_up(&f, 0);
    ask_device(&f);
    expect_list(&f, HAS_HOT, HAS_SET);
    assert_heard(&f, "the instance has the disk /dev/x already");
    expect_silence(&f);
    tear_down(&f);
}

static void a_disk_goes_when_the_guest_lets_go(void **state)
{
    struct fixture f;

    set_up(&f, 0);
    hot_disks_detach(f.disks, "/dev/x", on_done, &f);
    expect_list(&f, HAS_HOT, HAS_SET);
    (void)expect(&f, "\"device_del\",\"arguments\":{\"id\":\"disk-spare1\"}", "\"return\":{}");
    expect_silence(&f);
    assert_heard(&f, "");
    says(&f, GONE);
    (void)expect(&f, "blockdev-del", "\"return\":{}");
    (void)expect(&f, "query-fdsets", "\"return\":" HAS_SET);
    (void)expect(&f, "remove-fd", "\"return\":{}");
    assert_heard(&f, "done");
    tear_down(&f);
}

static void what_cannot_go_is_told(void **state)
{
    struct fixture f;

    set_up(&f, 0);
    hot_disks_detach(f.disks, "/dev/y", on_done, &f);
    expect_list(&f, HAS_HOT, HAS_SET);
    assert_heard(&f, "the instance does not have the disk /dev/y");
    hot_disks_detach(f.disks, "/dev/b", on_done, &f);
    expect_list(&f, "[{\"qdev\":\"/machine/peripheral/block0/virtio-backend\"}]",
                "[{\"fdset-id\":0,\"fds\":[{\"fd\":9,\"opaque\":\"block0:/dev/b\"}]}]");
    assert_heard(&f, "the disk /dev/b was there when the instance started, and stays until it "
                     "stops");
    hot_disks_detach(f.disks, "/dev/x", on_done, &f);
    expect_list(&f, HAS_HOT, HAS_SET);
    (void)expect(&f, "device_del", "\"return\":{}");
    says(&f, "{\"event\":\"DEVICE_UNPLUG_GUEST_ERROR\",\"data\":{\"device\":\"disk-spare1\"}}");
    assert_heard(&f, "the guest refuses to let the disk /dev/x go");
    tear_down(&f);
}

/* The question ends; the disk is cleared away when it goes after all. */
static void a_guest_that_is_late_is_not_waited_for(void **state)
{
    struct fixture f;

    set_up(&f, 1);
    hot_disks_detach(f.disks, "/dev/x", on_done, &f);
    expect_list(&f, HAS_HOT, HAS_SET);
    (void)expect(&f, "device_del", "\"return\":{}");
    while (f.heard.n == 0)
        (void)uv_run(&f.loop, UV_RUN_ONCE);
    assert_heard(&f, "the guest does not let the disk /dev/x go");
    says(&f, GONE);
    expect_clear(&f);
    expect_silence(&f);
    tear_down(&f);
}

static void a_second_try_waits_for_the_first_removal(void **state)
{
    struct fixture f;

    set_up(&f, 0);
    hot_disks_detach(f.disks, "/dev/x", on_done, &f);
    expect_list(&f, HAS_HOT, HAS_SET);
    (void)expect(
        &f, "device_del",
        "\"error\":{\"class\":\"GenericError\",\"desc\":\"Device disk-spare1 is already in "
        "the process of unplug\"}");
    says(&f, GONE);
    expect_clear(&f);
    assert_heard(&f, "done");
    tear_down(&f);
}

static void questions_wait_for_each_other(void **state)
{
    struct fixture f;

    set_up(&f, 0);
    hot_disks_list(f.disks, on_disks, &f);
    hot_disks_list(f.disks, on_disks, &f);
    expect_list(&f, HAS_HOT, HAS_SET);
    assert_heard(&f, "/dev/x device hot");
    expect_list(&f, "[]", "[]");
    assert_heard(&f, "");
    tear_down(&f);
}

static void the_end_of_the_machine_answers_all(void **state)
{
    struct fixture f;

    set_up(&f, 0);
    hot_disks_detach(f.disks, "/dev/x", on_done, &f);
    ask_device(&f);
    hot_disks_list(f.disks, on_disks, &f);
    expect_list(&f, HAS_HOT, HAS_SET);
    (void)expect(&f, "device_del", "\"return\":{}");
    assert_int_equal(shutdown(f.fd, SHUT_RDWR), 0);
    run(&f);
    assert_heard(&f, "the virtual machine has ended; the virtual machine has ended; the virtual "
                     "machine has ended");
    tear_down(&f);
}

static void closing_drops_questions_silently(void **state)
{
    struct fixture f;

    set_up(&f, 0);
    ask_device(&f);
    ask_device(&f);
    expect_list(&f, "[]", "[]");
    assert_heard(&f, "");
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_device_goes_in_as_a_descriptor),
        cmocka_unit_test(an_image_goes_in_by_its_name),
        cmocka_unit_test(an_image_in_use_is_told_in_words_of_ours),
        cmocka_unit_test(a_failure_leaves_nothing_behind),
        cmocka_unit_test(a_disk_is_attached_once),
        cmocka_unit_test(a_disk_goes_when_the_guest_lets_go),
        cmocka_unit_test(what_cannot_go_is_told),
        cmocka_unit_test(a_guest_that_is_late_is_not_waited_for),
        cmocka_unit_test(a_second_try_waits_for_the_first_removal),
        cmocka_unit_test(questions_wait_for_each_other),
        cmocka_unit_test(the_end_of_the_machine_answers_all),
        cmocka_unit_test(closing_drops_questions_silently),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
