/*
 * QMP, the QEMU machine protocol, as bytes: requests to lines, received JSON to messages. The
 * conversation itself is svc/loop/qmp_client. Source of the format: docs/interop/qmp-spec of QEMU.
 *
 * A decoded message owns its document; the borrowed members point into it until qmp_message_done().
 */
#ifndef WIRE_QMP_H
#define WIRE_QMP_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/semver.h"

/* Answers to queries of a large QEMU reach some 200 KiB. */
enum { QMP_LINE_LIMIT = 4 * 1024 * 1024 };

enum qmp_message_kind {
    QMP_GREETING, /* version, package */
    QMP_REPLY,    /* id, data */
    QMP_ERROR,    /* id, name (class), text */
    QMP_EVENT,    /* name, data */
};

struct qmp_message {
    enum qmp_message_kind kind;
    bool has_id; /* an error may come without one */
    uint64_t id;
    struct semver version;
    const char *package; /* borrowed; may be "" */
    const char *name;    /* borrowed */
    const char *text;    /* borrowed */
    json_t *data;        /* borrowed; NULL when an event has none */
    json_t *doc;
};

/* Takes the document, also on failure. ERR_PROTOCOL when it is none of the four messages. */
bool qmp_decode(json_t *take_doc, struct qmp_message *out, struct err **errp) MUST_USE;
void qmp_message_done(struct qmp_message *msg);
#define auto_qmp_message AUTO_CALL(qmp_message_done)

/* The version object of the greeting and of the reply to "query-version". */
bool qmp_decode_version(const json_t *version, struct semver *out, struct err **errp) MUST_USE;

/* One line with its LF; owned. args is borrowed and may be NULL. */
char *qmp_encode(const char *command, json_t *args, uint64_t id);

#endif
