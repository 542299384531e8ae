/*
 * A driver with its loop, its instance directory and a log of its events, for tests of drivers. The
 * fake QEMU (tests/fake/fake_qemu.c), whose path is the program's argument, stands for the real
 * one.
 *
 *     fixture_init(&f, "qemu");
 *     ... behaviour: f.config, set_option(), setenv("FAKE_QEMU", ...) ...
 *     open_driver(&f);
 *     start(&f);
 *     run_until(&f, &f.n_started);
 *     ...
 *     tear_down(&f);
 */
#ifndef TESTS_DRIVER_FIXTURE_H
#define TESTS_DRIVER_FIXTURE_H

#include <signal.h>
#include <uv.h>

#include "base/mem.h"
#include "driver/driver.h"
#include "lang/yaml/node.h"
#include "model/config/instance.h"
#include "sys/dir.h"
#include "sys/file.h"
#include "sys/host.h"
#include "sys/pidfile.h"
#include "temp_dir.h"
#include "unit_test.h"

struct fixture {
    const char *driver;
    uint64_t stop_deadline_ms;
    uv_loop_t loop;
    char *dir;
    struct instance_config config;
    struct driver *d;
    unsigned n_started, n_paused, n_resumed, n_renewed, n_lost, n_exited;
    enum driver_exit exit;
    char *exit_text, *pause_text;
    struct strv notes;
    bool close_in_callback, stop_in_callback;
};

static inline void on_note(void *arg, enum log_level level, const char *text)
{
    struct fixture *f = arg;

    strv_push(&f->notes, text);
}

static inline void on_event(void *arg, const struct driver_event *event)
{
    struct fixture *f = arg;

    switch (event->kind) {
    case DRIVER_EVENT_STARTED:
        assert_int_equal(driver_get_state(f->d), DRIVER_RUNNING);
        assert_int_equal(f->n_exited, 0);
        f->n_started++;
        break;
    case DRIVER_EVENT_EXITED:
        assert_int_equal(driver_get_state(f->d), DRIVER_EXITED);
        assert_true((event->exit == DRIVER_EXIT_FAILED) == (event->err != NULL));
        f->n_exited++;
        f->exit = event->exit;
        mem_replace(&f->exit_text, mem_strdup(event->err ? err_text(event->err) : ""));
        break;
    case DRIVER_EVENT_PAUSED:
        f->n_paused++;
        mem_replace(&f->pause_text, mem_strdup(event->text));
        break;
    case DRIVER_EVENT_RESUMED:
        f->n_resumed++;
        break;
    case DRIVER_EVENT_LINK_RENEWED:
    case DRIVER_EVENT_FILES_RENEWED:
        f->n_renewed++;
        break;
    case DRIVER_EVENT_LINK_LOST:
    case DRIVER_EVENT_FILES_LOST:
        f->n_lost++;
        break;
    }
    uv_stop(&f->loop);
    if (f->stop_in_callback && event->kind == DRIVER_EVENT_STARTED)
        assert_true(driver_stop(f->d, NULL));
    if (f->close_in_callback) {
        driver_close(f->d);
        f->d = NULL;
    }
}

static inline void open_driver(struct fixture *f)
{
    const struct driver_type *type = driver_type_find(f->driver, NULL);
    struct err *err = NULL;

    assert_non_null(type);
    f->n_started = f->n_paused = f->n_resumed = f->n_renewed = f->n_lost = f->n_exited = 0;
    f->d = driver_open(type,
                       &(struct driver_params){
                           .inst = { .config = &f->config,
                                     .name = "x",
                                     .dir = f->dir,
                                     .on_note = on_note,
                                     .note_arg = f },
                           .ssh_port = 22222,
                           .mac = "52:55:55:00:00:01",
                           .stop_deadline_ms = f->stop_deadline_ms,
                           .loop = &f->loop,
                           .on_event = on_event,
                           .arg = f,
                       },
                       &err);
    if (!f->d)
        fail_msg("%s", err_text(err));
}

static inline void fixture_init(struct fixture *f, const char *driver)
{
    static unsigned n_dirs;
    auto_mem char *name = mem_printf("inst%u", n_dirs++);
    auto_mem char *path = temp_path(name);

    /* Long: machines may be slow. */
    *f = (struct fixture){ .driver = driver, .dir = MOVE(path), .stop_deadline_ms = 10000 };
    assert_true(dir_make(f->dir, 0700, NULL));
    assert_int_equal(uv_loop_init(&f->loop), 0);
    f->config.arch = mem_strdup(host_arch());
    f->config.os = mem_strdup("Linux");
    f->config.cpus = (struct opt_int){ true, 1 };
    f->config.memory.bytes = 64 << 20;
}

/* What QEMU needs to start: a disk, and firmware whatever the host has. */
static inline void put_qemu_files(struct fixture *f)
{
    auto_mem char *disk = path_join(f->dir, "disk");
    auto_mem char *firmware = path_join(f->dir, "qemu-efi-code.fd");

    assert_true(file_write_atomic(firmware, SV("x"), 0600, NULL));
    assert_true(file_write_atomic(disk, SV("raw bytes"), 0600, NULL));
}

/* Sets the only key of vmOpts.DRIVER. */
static inline void set_option(struct fixture *f, const char *key, const char *value)
{
    struct yaml_doc *doc = yaml_doc_new();
    struct yaml_node *options = yaml_new_map(doc);

    doc->root = yaml_new_map(doc);
    yaml_set(doc, options, sv_of(key), yaml_new_plain(doc, sv_of(value)));
    yaml_set(doc, doc->root, sv_of(f->driver), options);
    f->config.vm_opts.doc = doc;
}

static inline void run_until(struct fixture *f, const unsigned *counter)
{
    while (*counter == 0) /* on_event() interrupts */
        assert_true(uv_run(&f->loop, UV_RUN_DEFAULT) != 0 || *counter > 0);
}

/* The loop is empty afterwards. */
static inline void close_driver(struct fixture *f)
{
    driver_close(f->d);
    f->d = NULL;
    assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
}

static inline void assert_no_traces(struct fixture *f)
{
    auto_strv struct strv names = { 0 };

    assert_true(dir_list(f->dir, &names, NULL));
    for (size_t i = 0; i < names.n; i++)
        check_row(!str_ends(names.v[i], ".pid") && !str_ends(names.v[i], ".sock"), names.v[i]);
}

static inline void tear_down(struct fixture *f)
{
    close_driver(f);
    assert_no_traces(f);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    assert_true(dir_remove_tree(f->dir, NULL));
    yaml_doc_free(f->config.vm_opts.doc);
    strv_done(&f->notes);
    free(f->pause_text);
    free(f->config.arch);
    free(f->config.os);
    free(f->exit_text);
    free(f->dir);
}

static inline void start(struct fixture *f)
{
    struct err *err = NULL;

    if (!driver_start(f->d, &err))
        fail_msg("%s: %s", f->driver, err_text(err));
    assert_int_equal(driver_get_state(f->d), DRIVER_STARTING);
    assert_int_equal(f->n_started + f->n_exited, 0);
}

static inline void assert_exit(struct fixture *f, enum driver_exit expected)
{
    run_until(f, &f->n_exited);
    if (f->exit != expected)
        fail_msg("%s: exit is \"%s\" instead of \"%s\": %s", f->driver, driver_exit_names[f->exit],
                 driver_exit_names[expected], f->exit_text);
    assert_int_equal(f->n_exited, 1);
    assert_int_equal(driver_get_pid(f->d), 0);
}

static inline enum pidfile_state probe_pid_file(struct fixture *f, pid_t *out_pid)
{
    auto_mem char *path = path_join(f->dir, driver_get_type(f->d)->pid_name);

    return pidfile_probe(path, out_pid);
}

/* For main(): the program of the first argument is QEMU, and emulates. */
static inline bool use_fake_qemu(int argc, char **argv)
{
    static const char *const variables[] = {
        "QEMU_SYSTEM_X86_64",  "QEMU_SYSTEM_AARCH64", "QEMU_SYSTEM_ARM",
        "QEMU_SYSTEM_RISCV64", "QEMU_SYSTEM_PPC64",   "QEMU_SYSTEM_S390X",
    };

    if (argc != 2)
        return false;
    for (size_t i = 0; i < COUNT(variables); i++)
        (void)setenv(variables[i], argv[1], 1);
    (void)setenv("LIMA_QEMU_ACCEL", "tcg", 1);
    (void)signal(SIGPIPE, SIG_IGN);
    return true;
}

#endif
