/* Bytes of a stream to packets and back. */
#include <errno.h>
#include <unistd.h>

#include "svc/sftp/server.h"
#include "wire/sftp.h"

/* Replies are collected until there is as much, or nothing is left to serve. */
enum { CHUNK_LEN = 64 * 1024 };

static bool flush(int fd, struct sb *out, struct err **errp)
{
    size_t done = 0;

    while (done < out->n) {
        ssize_t n = write(fd, out->p + done, out->n - done);

        if (n < 0 && errno != EINTR)
            return err_set_os(errp, errno, "cannot write to the client");
        done += n > 0 ? (size_t)n : 0;
    }
    sb_truncate(out, 0);
    return true;
}

/* Serves the whole packets that are there. */
static bool serve_all(struct sftp_server *s, struct sb *in, struct sb *out, int out_fd,
                      struct err **errp)
{
    struct sv rest = sb_view(in);
    size_t n;

    for (;;) {
        if (!sftp_frame(rest, &n, errp))
            return false;
        if (n == 0)
            break;
        if (!sftp_server_take(s, sv_slice(rest, 0, n), out, errp))
            return false;
        rest = sv_slice(rest, n, rest.n);
        if (out->n >= CHUNK_LEN && !flush(out_fd, out, errp))
            return false;
    }
    sb_consume(in, in->n - rest.n);
    return flush(out_fd, out, errp);
}

bool sftp_session(struct sftp_server *s, int in_fd, int out_fd, struct err **errp)
{
    auto_sb struct sb in = { 0 }, out = { 0 };

    for (;;) {
        ssize_t n = read(in_fd, sb_reserve(&in, CHUNK_LEN), CHUNK_LEN);

        if (n == 0)
            return true;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_set_os(errp, errno, "cannot read from the client");
        sb_commit(&in, (size_t)n);
        if (!serve_all(s, &in, &out, out_fd, errp))
            return false;
    }
}
