/*
 * What stream_bench (host) asks of stream_peer (guest) on a vsock stream: a command byte and a
 * number of 8 bytes, in the host's byte order (both ends have little-endian processors).
 */
#ifndef TESTS_BENCH_STREAM_PROTO_H
#define TESTS_BENCH_STREAM_PROTO_H

#include <stdint.h>

#define STREAM_PEER_PORT 5000u /* the guest listens */
#define STREAM_HOST_PORT 6000u /* the host listens */

enum stream_command {
    STREAM_SEND = 'S',    /* send that many bytes, then end */
    STREAM_TAKE = 'T',    /* read to the end, then send how many bytes came */
    STREAM_ECHO = 'E',    /* send back what comes */
    STREAM_CONNECT = 'C', /* connect to the host that many times, exchange a byte each; then say how
                             often it worked */
};

struct stream_request {
    uint64_t command, number;
};

#endif
