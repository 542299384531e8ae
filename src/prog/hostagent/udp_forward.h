/*
 * A UDP port of the host, forwarded to the guest. Each peer has a session of its own: a stream to
 * the guest (wire/tunnel.h), over which the guest sees one source address for one peer.
 *
 *     CONNECTING --> OPEN --> gone: silence, the end of the stream, or room is needed for others
 *
 * While CONNECTING a few datagrams are kept. Silence is UDP_IDLE_MS without a datagram in either
 * direction; a timer runs only while there are sessions.
 *
 * udp_forward_close() may be called from anywhere, and on NULL; the socket is closed at once, the
 * memory goes by itself.
 */
#ifndef PROG_HOSTAGENT_UDP_FORWARD_H
#define PROG_HOSTAGENT_UDP_FORWARD_H

#include <stdint.h>

#include "base/err.h"
#include "svc/devices/devices_client.h"
#include "wire/tunnel.h"

#define UDP_SESSIONS_MAX 512
#define UDP_IDLE_MS      (60 * 1000)

struct udp_forward;

struct udp_forward_params {
    struct uv_loop_s *loop;
    int take_fd; /* bound; closed on failure too */
    /* The way to the guest now; NULL = none. */
    struct devices_client *(*get_devices)(void *arg);
    void *arg;
    uint64_t idle_ms;              /* 0 = UDP_IDLE_MS */
    struct tunnel_preface preface; /* kind, address, port; the address is copied */
};

struct udp_forward *udp_forward_open(const struct udp_forward_params *params, struct err **errp);
void udp_forward_close(struct udp_forward *u);

/* Sends new sessions to another target; the present ones end. */
void udp_forward_retarget(struct udp_forward *u, const struct tunnel_preface *preface);
/* Adds sessions (live, total) and bytes of payload. */
void udp_forward_count(const struct udp_forward *u, struct devctl_counters *counters);

#endif
