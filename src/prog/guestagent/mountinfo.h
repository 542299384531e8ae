/*
 * Lines of /proc/PID/mountinfo (proc_pid_mountinfo(5)):
 *
 *     ID PARENT MAJOR:MINOR ROOT POINT OPTIONS [TAG]... - TYPE SOURCE SUPER_OPTIONS
 */
#ifndef PROG_GUESTAGENT_MOUNTINFO_H
#define PROG_GUESTAGENT_MOUNTINFO_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/sb.h"
#include "base/vec.h"

/* Views into the text. Texts are escaped: \040 for a blank. */
struct mountinfo_line {
    uint32_t id, parent, major, minor;
    struct sv root, point;
    struct sv type, source; /* empty when the line ends before them */
};

typedef VEC(struct mountinfo_line) mountinfo_lines;

/* Lines that are none are left out. End it with vec_done(). */
void mountinfo_parse(struct sv text, mountinfo_lines *out);
/* process: its id, or "self". */
bool mountinfo_read(const char *process, struct sb *out, struct err **errp) MUST_USE;
/* The same by a descriptor of the process's directory in /proc. */
bool mountinfo_read_at(int process_fd, struct sb *out, struct err **errp) MUST_USE;
/* Id of the mount that the descriptor is on; 0 = unknown. */
uint32_t mountinfo_id_of(int fd);
/* A path as the tables of /proc write it, without its escapes. Owned. */
char *mountinfo_plain(struct sv escaped);

#endif
