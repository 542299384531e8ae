/*
 * A byte stream over a connected Unix socket on the loop. Framing is the owner's: it feeds what
 * arrives into a reader of wire/.
 *
 * on_end comes once, when the peer closed or will send no more (err NULL), or the connection broke;
 * the owner then closes the stream, at once or after a last answer. stream_close() may be called
 * from every callback and on NULL; no callback follows it, unsent bytes are dropped, and the memory
 * goes by itself. The program ignores SIGPIPE.
 */
#ifndef SVC_LOOP_STREAM_H
#define SVC_LOOP_STREAM_H

#include <stddef.h>

#include "base/err.h"
#include "base/sv.h"

struct stream;
struct uv_loop_s;

struct stream_events {
    void (*on_data)(void *arg, struct sv bytes);
    void (*on_end)(void *arg, const struct err *err); /* err is borrowed */
    void (*on_drained)(void *arg);                    /* everything sent has left; may be NULL */
};

/* take_fd is closed on failure too; events must outlive the stream. */
struct stream *stream_open(struct uv_loop_s *loop, int take_fd, const struct stream_events *events,
                           void *arg, struct err **errp);
/* Copies the bytes. When the connection is broken they are dropped. */
void stream_send(struct stream *s, struct sv bytes);
/* Bytes sent that have not left yet: whoever sends much waits for on_drained. */
size_t stream_pending(const struct stream *s);
void stream_close(struct stream *s);

#endif
