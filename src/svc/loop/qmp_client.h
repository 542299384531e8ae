/*
 * A QMP conversation on the loop: handshake, commands with replies, events.
 *
 *     GREETING --greeting--> NEGOTIATING --capabilities--> READY --end of stream--> LOST
 *         |                       |                          |
 *         +-- time, bad message --+--------- bad message ----+--------------------> LOST
 *
 * Commands may be sent from the start; they are held back until READY. When the connection is lost,
 * each command without a reply gets its callback with an error, once and in order, then on_lost is
 * called, once. qmp_client_close() ends everything at once: no callback follows, whatever was
 * pending. It may be called from inside every callback.
 *
 * Callbacks never run inside qmp_client_open() or qmp_client_send(). The program ignores SIGPIPE.
 */
#ifndef SVC_LOOP_QMP_CLIENT_H
#define SVC_LOOP_QMP_CLIENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/semver.h"

struct qmp_client;
struct uv_loop_s;

struct qmp_client_params {
    struct uv_loop_s *loop;
    uint64_t handshake_ms; /* longest time until READY; 0 = for ever */
    void (*on_ready)(void *arg, const struct semver *qemu_version); /* may be NULL */
    /* data is borrowed and may be NULL. */
    void (*on_event)(void *arg, const char *name, json_t *data);
    /* err says why; ERR_NOT_FOUND when QEMU simply closed the connection. Borrowed. */
    void (*on_lost)(void *arg, const struct err *err);
    void *arg;
};

/* Exactly one of data and err is given; both are borrowed during the call. */
typedef void (*qmp_reply_fn)(void *arg, json_t *data, const struct err *err);

/* take_fd is a connected stream socket. Returns NULL on failure. */
struct qmp_client *qmp_client_open(const struct qmp_client_params *params, int take_fd,
                                   struct err **errp);
/* take_args may be NULL, on_reply may be NULL. ERR_NOT_FOUND when the connection is lost already;
 * on_reply is not called then. */
bool qmp_client_send(struct qmp_client *c, const char *command, json_t *take_args,
                     qmp_reply_fn on_reply, void *arg, struct err **errp);
/* The same with a descriptor, for "add-fd" and the like; it is closed here whatever happens. */
bool qmp_client_send_fd(struct qmp_client *c, const char *command, json_t *take_args, int take_fd,
                        qmp_reply_fn on_reply, void *arg, struct err **errp);
bool qmp_client_is_ready(const struct qmp_client *c);
/* NULL and repeated calls are allowed. */
void qmp_client_close(struct qmp_client *c);

#endif
