/*
 * Waits until an ssh server answers on a port of this host. The port itself always accepts: QEMU
 * forwards it, whatever the guest does. A greeting is looked for every few seconds, and no key is
 * exchanged, so it costs a booting guest next to nothing.
 */
#ifndef PROG_HOSTAGENT_SSH_BANNER_H
#define PROG_HOSTAGENT_SSH_BANNER_H

#include <stdint.h>

struct ssh_banner;
struct uv_loop_s;

typedef void (*ssh_banner_fn)(void *arg);

/* on_answer comes once; then the owner closes. */
struct ssh_banner *ssh_banner_open(struct uv_loop_s *loop, const char *address, uint16_t port,
                                   uint64_t interval_ms, ssh_banner_fn on_answer, void *arg);
/* NULL is allowed; no callback follows. */
void ssh_banner_close(struct ssh_banner *b);

#endif
