/*
 * The host's part of a measurement, on connected blocking sockets that lead to stream_peer,
 * whichever way they go there. Functions return false, with errno, when a connection fails; errno
 * is 0 when it ended early.
 */
#ifndef TESTS_BENCH_STREAM_CLIENT_H
#define TESTS_BENCH_STREAM_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "stream_proto.h"

#define STREAM_CLIENT_MAX 64 /* streams at once */

double stream_now(void); /* seconds */
bool stream_ask(int fd, enum stream_command command, uint64_t number);
/* Sends a byte and awaits one. */
bool stream_exchange(int fd);
/* Moves the bytes of STREAM_SEND or STREAM_TAKE, which were asked for over n sockets, `each` over
 * every one of them; closes the sockets. */
bool stream_move(const int *take_fds, unsigned n, enum stream_command command, uint64_t each);

#endif
