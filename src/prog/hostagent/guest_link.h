/*
 * The link to the guest agent: the connection it opened (or that is opened for it), its messages,
 * and what it is sent (wire/guest.h).
 *
 * Over DEVICES the guest connects to GUEST_VSOCK_PORT whenever it likes; the newest connection
 * counts. Over SERIAL and SSH a Unix socket is connected to, again and again until a HELLO comes.
 * Everything from a guest is bounded, also how much of it is logged.
 *
 * guest_link_close() may be called at any time, from callbacks too, and on NULL; no callback
 * follows.
 */
#ifndef PROG_HOSTAGENT_GUEST_LINK_H
#define PROG_HOSTAGENT_GUEST_LINK_H

#include <stdbool.h>

#include "base/err.h"
#include "driver/driver.h"
#include "wire/guest.h"

struct guest_link;
struct devices_client;

struct guest_link_events {
    /* The guest agent spoke. hello is borrowed. */
    void (*on_hello)(void *arg, const struct guest_msg *hello);
    /* A phase, each time it is told; text is hostile. */
    void (*on_phase)(void *arg, enum guest_phase phase, enum guest_state state, struct sv text);
    /* Ports of the guest, or the answer to a LISTEN, MOUNT or UNMOUNT. All may be NULL. */
    void (*on_ports)(void *arg, const struct guest_msg *msg);
    void (*on_listen_result)(void *arg, const struct guest_msg *msg);
    void (*on_mount_result)(void *arg, const struct guest_msg *msg);
    /* The agent that had spoken is not connected any more: what was asked of it is void. May be
     * NULL. */
    void (*on_lost)(void *arg);
    /* `devices` is gone: no guest will connect any more. */
    void (*on_dead)(void *arg, const struct err *err);
};

/* events are borrowed for the life of the link. */
struct guest_link *guest_link_open(struct uv_loop_s *loop, struct driver_link where,
                                   const struct guest_link_events *events, void *arg,
                                   struct err **errp);
void guest_link_close(struct guest_link *link);

bool guest_link_is_up(const struct guest_link *link); /* greeted, and connected now */
/* Sends a message. False while the agent is not up, or in its initramfs. */
bool guest_link_send(struct guest_link *link, const struct guest_msg *msg);
/* The way to the guest's vsock ports; NULL where the link is another one. Valid until on_dead. */
struct devices_client *guest_link_devices(const struct guest_link *link);
/* Both the guest agent and `devices` can forward in chunks (wire/tunnel.h). */
bool guest_link_is_chunked(const struct guest_link *link);
/* Tells the guest what time it is. Nothing happens while it is not up, or in its initramfs. */
void guest_link_send_time(struct guest_link *link);
/* Replaces the guest agent's program by the file. */
bool guest_link_update(struct guest_link *link, const char *program_path,
                       struct err **errp) MUST_USE;

#endif
