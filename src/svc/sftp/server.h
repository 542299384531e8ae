/*
 * An SFTP server for one folder. The client names files by absolute paths of this host, as sshfs
 * does that mounts ":LOCATION"; whatever is not LOCATION or below it does not exist. Paths are
 * resolved below the folder's descriptor (sys/beneath.h), so no link and no "..", not even one that
 * is put there meanwhile, leads elsewhere.
 *
 * Links are for the client: the server passes through them only where follow_links says so, and
 * then only those that are relative and stay in the folder. What is made on the host never gets
 * bits that set ids.
 *
 * The server works on packets, blocking; a read-only folder is the caller's to make: root_fd is of
 * a read-only mount then.
 */
#ifndef SVC_SFTP_SERVER_H
#define SVC_SFTP_SERVER_H

#include <stdbool.h>

#include "base/err.h"
#include "base/sb.h"

struct sftp_server;

struct sftp_server_options {
    int root_fd;          /* of the folder; borrowed for the life of the server */
    const char *location; /* its absolute path, as the client says it */
    bool follow_links;
};

struct sftp_server *sftp_server_new(const struct sftp_server_options *options);
/* NULL is allowed. Open files are closed. */
void sftp_server_free(struct sftp_server *s);

/* Serves one packet (wire/sftp.h, sftp_frame()) and appends the reply. ERR_PROTOCOL: not a client
 * of SFTP, the connection is to be closed. */
bool sftp_server_take(struct sftp_server *s, struct sv packet, struct sb *out,
                      struct err **errp) MUST_USE;

/* Serves the client behind two blocking descriptors, which may be the same, until it hangs up. */
bool sftp_session(struct sftp_server *s, int in_fd, int out_fd, struct err **errp) MUST_USE;

#endif
