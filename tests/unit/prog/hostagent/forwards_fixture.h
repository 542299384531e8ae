/*
 * Forwards with a real guest link and a real connection to `devices`, whose other ends the test
 * plays (fake_devices.h).
 */
#ifndef TESTS_FORWARDS_FIXTURE_H
#define TESTS_FORWARDS_FIXTURE_H

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "model/config/config.h"
#include "prog/hostagent/forwards.h"
#include "sys/file.h"
#include "temp_dir.h"

#include "fake_devices.h"
#include "config_host.h"

struct fixture {
    struct instance_config config;
    struct events events;
    struct forwards_params params;
    struct strv none;
    struct forwards *forwards;
    struct guest_link *link;
    struct fake_devices devices;
    char *dir, *events_path, *devices_path;
    bool is_greeted;
};

static inline void load(struct instance_config *out, const char *dir, const char *yaml)
{
    AUTO_CALL(config_env_done) struct config_env env = config_host(temp_dir);
    auto_mem char *text = mem_printf("images: [{location: /x.img}]\n%s", yaml);
    struct config_input in = { .name = "x", .dir = dir, .path = "lima.yaml", .text = sv_of(text) };
    auto_err struct err *err = NULL;

    if (!config_load(out, &env, &in, NULL, &err) || !config_check(out, &env, &err))
        fail_msg("%s: %s", yaml, err_text(err));
}

static inline void on_hello(void *arg, const struct guest_msg *hello)
{
    struct fixture *f = arg;

    f->is_greeted = true;
    forwards_greeted(f->forwards);
}

static inline void on_phase(void *arg, enum guest_phase phase, enum guest_state state,
                            struct sv text)
{
}

static inline void on_ports(void *arg, const struct guest_msg *msg)
{
    struct fixture *f = arg;

    forwards_ports(f->forwards, msg);
}

static inline void on_listen_result(void *arg, const struct guest_msg *msg)
{
    struct fixture *f = arg;

    forwards_answer(f->forwards, msg);
}

static inline void on_lost(void *arg)
{
    struct fixture *f = arg;

    f->is_greeted = false;
    forwards_lost(f->forwards);
}

static inline void close_link(struct fixture *f)
{
    forwards_detach(f->forwards);
    guest_link_close(MOVE(f->link));
}

static inline void on_dead(void *arg, const struct err *err)
{
    close_link(arg);
}

static const struct guest_link_events link_events = {
    .on_hello = on_hello,
    .on_phase = on_phase,
    .on_ports = on_ports,
    .on_listen_result = on_listen_result,
    .on_lost = on_lost,
    .on_dead = on_dead,
};

static inline void fixture_open(struct fixture *f, const char *yaml)
{
    *f = (struct fixture){ .dir = temp_path("x"), .events_path = temp_path("events") };
    f->devices_path = temp_path("devices.sock");
    if (!dir_exists(f->dir))
        assert_true(dir_make(f->dir, 0700, NULL));
    f->events.fd = open(f->events_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(f->events.fd >= 0);
    load(&f->config, f->dir, yaml);
    f->params = (struct forwards_params){
        .loop = &test_loop,
        .config = &f->config,
        .name = "x",
        .dir = f->dir,
        .home = temp_dir,
        .ssh.program = &f->none,
        .ssh.options = &f->none,
        .ssh.address = "127.0.0.1",
        .ssh.port = 60022,
        .events = &f->events,
    };
    f->forwards = forwards_open(&f->params);
    fake_open(&f->devices, f->devices_path);
    f->link = guest_link_open(
        &test_loop, (struct driver_link){ .kind = DRIVER_LINK_DEVICES, .path = f->devices_path },
        &link_events, f, NULL);
    assert_non_null(f->link);
    fake_accept(&f->devices);
    forwards_attach(f->forwards, f->link);
    fake_agent_connect(&f->devices);
    run_until(f->is_greeted && fake_agent_heard(&f->devices, GUEST_WATCH_PORTS));
}

static inline void fixture_close(struct fixture *f)
{
    if (f->link)
        close_link(f);
    forwards_close(f->forwards);
    fake_close(&f->devices);
    (void)close(f->events.fd);
    events_done(&f->events);
    config_done(&f->config);
    assert_true(file_remove(f->devices_path, NULL));
    free(f->dir);
    free(f->events_path);
    free(f->devices_path);
}

/* Has an event with this text been written? */
static inline bool has_told(const struct fixture *f, const char *text)
{
    auto_mem char *events = NULL;

    assert_true(file_read_text(f->events_path, 16 << 20, &events, NULL));
    return strstr(events, text) != NULL;
}

static inline uint16_t free_port(void)
{
    uint16_t port;

    assert_true(sock_tcp_free_port(&port, NULL));
    return port;
}

static inline bool is_open(uint16_t port)
{
    return !sock_tcp_is_free("127.0.0.1", port);
}

static inline int dial(uint16_t port)
{
    int fd;

    assert_true(sock_tcp_connect("127.0.0.1", port, 1000, &fd, NULL));
    return fd;
}

static inline void settle(struct fixture *f)
{
    size_t before = f->devices.said.n;

    fake_agent_say(&f->devices, &(struct guest_msg){ .type = GUEST_PING, .id = 1 });
    run_until(f->devices.said.n > before);
}

static inline bool is_readable(int fd)
{
    struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

    return poll(&poll_fd, 1, 0) == 1;
}

#endif
