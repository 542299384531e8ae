/*
 * The host agent's connection to `devices` (wire/devctl.h), on a libuv loop: streams between the
 * host and the guest's vsock ports.
 *
 * Life cycle: open, then on_up whenever the guest's driver is ready and on_down when it is gone;
 * listens and connects may be asked for at any time after open. When `devices` goes away (QEMU
 * ended), every pending request fails, then on_closed is called once, and the owner closes the
 * client. devices_client_close() may be called at any time, twice, and on NULL; pending requests
 * fail with ERR_CANCELED inside it, on_closed is not called for it, the memory goes in the last
 * close callback of the loop.
 *
 * Descriptors handed to callbacks are owned by the callee: non-blocking, close-on-exec AF_UNIX
 * stream sockets (for uv_pipe_open()). A half-close passes through in both directions.
 *
 *     struct devices_client *c = devices_client_open(loop, path, &events, agent, errp);
 *     devices_client_listen(c, 2222, guest_link_accepted, link);
 */
#ifndef SVC_DEVICES_DEVICES_CLIENT_H
#define SVC_DEVICES_DEVICES_CLIENT_H

#include <stdbool.h>
#include <uv.h>

#include "base/err.h"
#include "wire/devctl.h"

struct devices_client;

struct devices_client_events {
    /* The guest's driver is ready. resumed: it had only been paused and all streams still live. */
    void (*on_up)(void *owner, bool resumed);
    void (*on_down)(void *owner);
    /* `devices` is gone; err says why and is borrowed. */
    void (*on_closed)(void *owner, const struct err *err);
};

/* A guest program connected to a port that is listened on. */
typedef void (*devices_accepted_fn)(void *arg, int take_fd, uint32_t port, uint32_t peer_port);
/* The same for devices_client_listen_hold(): answer with _accept() or _reject(), now or later. */
typedef void (*devices_held_fn)(void *arg, uint32_t stream, uint32_t port, uint32_t peer_port);
/* err is NULL on success, else borrowed; take_fd is -1 then. */
typedef void (*devices_connected_fn)(void *arg, int take_fd, const struct err *err);
typedef void (*devices_done_fn)(void *arg, const struct err *err);
typedef void (*devices_counters_fn)(void *arg, const struct devctl_counters *counters,
                                    const struct err *err);

/* Connects to the socket at path, which must exist. events and owner are borrowed. */
struct devices_client *devices_client_open(uv_loop_t *loop, const char *path,
                                           const struct devices_client_events *events, void *owner,
                                           struct err **errp) MUST_USE;
void devices_client_close(struct devices_client *c);

/* Known after the answer to our greeting; before: DEVCTL_SANDBOX_NONE and "". */
enum devctl_sandbox devices_client_sandbox(const struct devices_client *c);
const char *devices_client_version(const struct devices_client *c); /* borrowed */
bool devices_client_is_up(const struct devices_client *c);

/* Lets the guest connect to a host port. Asserts that the port is not listened on yet; a refusal by
 * `devices` ends the connection, as it means two host agents. */
void devices_client_listen(struct devices_client *c, uint32_t port, devices_accepted_fn on_accepted,
                           void *arg);
void devices_client_listen_hold(struct devices_client *c, uint32_t port, devices_held_fn on_held,
                                void *arg);
void devices_client_unlisten(struct devices_client *c, uint32_t port);

/* Connects to a guest port. ERR_NOT_FOUND: nobody listens there; ERR_TIMEOUT: no answer. */
void devices_client_connect(struct devices_client *c, uint32_t port,
                            devices_connected_fn on_connected, void *arg);
/* Connects to a guest port and lets `devices` move the bytes between it and a connected stream
 * socket, which is closed here. preface (at most DEVCTL_DATA_LEN_MAX bytes, borrowed for the call)
 * is sent to the guest first. tag groups streams for devices_client_stats(). When the guest refuses,
 * the socket is closed with a reset. on_done may be NULL. */
void devices_client_pump(struct devices_client *c, uint32_t port, int take_fd, struct sv preface,
                         uint32_t tag, devices_done_fn on_done, void *arg);
/* The same in chunks, over a stream that may have served another connection (TUNNEL_CHUNKED of
 * wire/tunnel.h, which the preface must say): only where `devices` can do it. */
void devices_client_forward(struct devices_client *c, uint32_t port, int take_fd, struct sv preface,
                            uint32_t tag);
bool devices_client_can_forward(const struct devices_client *c);
/* Answers to a held connection. */
void devices_client_accept(struct devices_client *c, uint32_t stream, int take_fd, uint32_t tag,
                           devices_done_fn on_done, void *arg);
void devices_client_reject(struct devices_client *c, uint32_t stream);

/* Makes a directory, a detached mount made by `exporter`, an entry of the guest's file system device.
 * ERR_EXISTS: there is one of that name; ERR_UNSUPPORTED: the machine has no such device. */
struct devices_export {
    const char *name;  /* borrowed for the call */
    uint32_t flags;    /* DEVCTL_EXPORT_... */
    uint32_t uid, gid; /* of the guest's user */
};
void devices_client_export(struct devices_client *c, const struct devices_export *export,
                           int take_root_fd, devices_done_fn on_done, void *arg);
/* ERR_NOT_FOUND when there is none. on_done may be NULL. */
void devices_client_unexport(struct devices_client *c, const char *name, devices_done_fn on_done,
                             void *arg);
/* The same, but what the guest has open stays until it lets go, where `devices` can do it. */
void devices_client_detach(struct devices_client *c, const char *name);

/* Counters of the streams of a tag; 0 = of all. */
void devices_client_stats(struct devices_client *c, uint32_t tag, devices_counters_fn on_counters,
                          void *arg);

#endif
