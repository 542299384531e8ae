/*
 * Is a qcow2 file complete? Its tables name the clusters; none may lie behind the end of the file, as it
 * would after a download that broke off.
 */
#ifndef SVC_IMAGE_QCOW2_TABLES_H
#define SVC_IMAGE_QCOW2_TABLES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "svc/image/qcow2.h"

/* name is for messages. Reads the L1 table and the L2 tables, nothing else. */
bool qcow2_tables_check(int fd, const char *name, const struct qcow2_header *header,
                        uint64_t file_size, struct err **errp) MUST_USE;

#endif
