/*
 * `exporter`: shows one folder of the host to a guest, in one of two ways (options.h).
 *
 * For the file system device it makes the folder into a detached mount (export.h) and sends its
 * descriptor over the socket that it inherited; then it ends. The reply is one message:
 * EXPORTER_DONE with the descriptor, or why there is none. The exit status is 0 when it was sent,
 * whatever it says.
 *
 * For reverse-sshfs it serves the folder over SFTP on its standard input and output until the
 * client hangs up, confined to it (serve.h).
 *
 * It needs no rights but a user namespace of its own.
 */
#include <sched.h>
#include <string.h>

#include "base/log.h"
#include "base/sb.h"
#include "prog/exporter/export.h"
#include "prog/exporter/options.h"
#include "prog/exporter/serve.h"
#include "sys/sock.h"
#include "sys/userns.h"
#include "wire/exporter.h"

static void put_error(struct sb *out, const struct err *err)
{
    sb_puts(out, err_text(err));
    if (err_hint_text(err))
        sb_putf(out, "; %s", err_hint_text(err));
    if (out->n > EXPORTER_REPLY_LEN_MAX)
        sb_truncate(out, EXPORTER_REPLY_LEN_MAX);
}

static bool hand_over(const struct exporter_options *o, struct err **errp)
{
    auto_err struct err *err = NULL;
    auto_sb struct sb reply = { 0 };
    auto_fd int fd = -1;

    if (userns_enter(CLONE_NEWNS, &err) && export_folder_or_file(o->path, o->read_only, &fd, &err))
        sb_puts(&reply, EXPORTER_DONE);
    else
        put_error(&reply, err);
    return sock_send_fds(o->reply_fd, sb_str(&reply), reply.n, &fd, fd >= 0 ? 1 : 0, errp);
}

int main(int argc, char **argv)
{
    auto_err struct err *err = NULL;
    auto_sb struct sb why = { 0 };
    struct exporter_options o;

    log_setup(LOG_INFO, LOG_FORMAT_TEXT);
    if (argc > 0 && exporter_options_parse(argv + 1, &o, &err) &&
        (o.sftp ? serve_folder(&o, &err) : hand_over(&o, &err)))
        return 0;
    put_error(&why, err);
    log_error("exporter: %s", sb_str(&why));
    return 1;
}
