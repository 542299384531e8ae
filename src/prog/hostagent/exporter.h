/*
 * One run of the program `exporter`: a folder of the host becomes the descriptor of a detached
 * mount.
 */
#ifndef PROG_HOSTAGENT_EXPORTER_H
#define PROG_HOSTAGENT_EXPORTER_H

#include <stdbool.h>

#include "base/err.h"

struct exporter;
struct uv_loop_s;

/* Once. err is NULL on success, else borrowed, and take_fd is -1. The exporter may be closed
 * inside. */
typedef void (*exporter_fn)(void *arg, int take_fd, const struct err *err);

/* path is absolute and exists. program is that of the exporter; NULL: the installed one. */
struct exporter *exporter_open(struct uv_loop_s *loop, const char *program, const char *path,
                               bool read_only, exporter_fn on_done, void *arg,
                               struct err **errp) MUST_USE;
/* Allowed at any time, and on NULL; no callback follows. */
void exporter_close(struct exporter *e);

#endif
