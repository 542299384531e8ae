/*
 * The DNS server on sockets of the host: what `limactl debug dns` runs, to try the server without a
 * guest. It serves who can reach its addresses and is not meant for more than that.
 */
#ifndef PROG_DNS_SERVE_H
#define PROG_DNS_SERVE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct serve;
struct uv_loop_s;

/* Listens on 127.0.0.1; port 0 lets the system choose. out_ports: UDP, TCP. */
struct serve *serve_open(struct uv_loop_s *loop, const uint16_t ports[2], bool answers_aaaa,
                         uint16_t out_ports[2], struct err **errp) MUST_USE;
/* The memory goes by itself. NULL is fine. */
void serve_close(struct serve *serve);

#endif
