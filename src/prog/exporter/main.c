/*
 * `exporter`: makes one folder of the host into a detached mount (export.h) and sends its
 * descriptor over the socket that it inherited; then it ends. It needs no rights but a user
 * namespace of its own.
 *
 *     exporter --reply-fd N [--read-only] PATH
 *
 * The reply is one message: EXPORTER_DONE with the descriptor, or why there is none. The exit
 * status is 0 when it was sent, whatever it says.
 */
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/num.h"
#include "base/sb.h"
#include "prog/exporter/export.h"
#include "sys/sock.h"
#include "sys/userns.h"
#include "wire/exporter.h"

struct options {
    const char *path;
    int reply_fd;
    bool read_only;
};

static bool parse(int argc, char **argv, struct options *out, struct err **errp)
{
    struct options o = { .reply_fd = -1 };
    uint32_t fd;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--read-only") == 0) {
            o.read_only = true;
        } else if (strcmp(argv[i], "--reply-fd") == 0 && i + 1 < argc &&
                   parse_u32(sv_of(argv[i + 1]), &fd) && fd > 2 && fd < 1024) {
            o.reply_fd = (int)fd;
            i++;
        } else if (argv[i][0] == '/' && !o.path) {
            o.path = argv[i];
        } else {
            return err_set(errp, ERR_INVALID, "unexpected argument \"%s\"", argv[i]);
        }
    }
    if (o.reply_fd < 0 || !o.path)
        return err_set(errp, ERR_INVALID, "--reply-fd and an absolute path are needed");
    *out = o;
    return true;
}

static void put_error(struct sb *out, const struct err *err)
{
    sb_puts(out, err_text(err));
    if (err_hint_text(err))
        sb_putf(out, "; %s", err_hint_text(err));
    if (out->n > EXPORTER_REPLY_LEN_MAX)
        sb_truncate(out, EXPORTER_REPLY_LEN_MAX);
}

int main(int argc, char **argv)
{
    auto_err struct err *err = NULL, *lost = NULL;
    auto_sb struct sb reply = { 0 };
    auto_fd int fd = -1;
    struct options o = { 0 };

    log_setup(LOG_INFO, LOG_FORMAT_TEXT);
    if (!parse(argc, argv, &o, &err)) {
        log_error("exporter: %s", err_text(err));
        return 1;
    }
    if (userns_enter(CLONE_NEWNS, &err) && export_make(o.path, o.read_only, &fd, &err))
        sb_puts(&reply, EXPORTER_DONE);
    else
        put_error(&reply, err);
    if (!sock_send_fds(o.reply_fd, sb_str(&reply), reply.n, &fd, fd >= 0 ? 1 : 0, &lost)) {
        log_error("exporter: %s", err_text(lost));
        return 1;
    }
    return 0;
}
