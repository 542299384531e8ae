/*
 * What `exporter` replies to the host agent: one message over a Unix socket, EXPORTER_DONE with the
 * descriptor of a detached mount, or a text that says why there is none.
 */
#ifndef WIRE_EXPORTER_H
#define WIRE_EXPORTER_H

/* A single file is in a directory of its own, which has nothing else, under this name. */
#define EXPORTER_FILE_NAME "file"

#define EXPORTER_DONE          "ok"
#define EXPORTER_REPLY_LEN_MAX 2048

#endif
