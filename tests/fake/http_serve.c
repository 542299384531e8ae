/*
 * http-serve STATUS FILE COMMAND [ARG...]: runs a command while FILE is served over HTTP, with that
 * status, at every path below $HTTP_URL. Ends as the command does.
 */
#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "http_server.h"
#include "sys/file.h"
#include "sys/proc.h"

int main(int argc, char **argv)
{
    struct http_server server;
    auto_err struct err *err = NULL;
    auto_sb struct sb body = { 0 };
    auto_cmd struct cmd cmd = { 0 };
    auto_cmd_result struct cmd_result result = { 0 };
    uint32_t status;

    if (argc < 4 || !parse_u32(sv_of(argv[1]), &status))
        errx(2, "usage: http-serve STATUS FILE COMMAND [ARG...]");
    http_server_start(&server);
    if (!file_read_all(argv[2], sizeof(server.script->body), &body, &err))
        errx(2, "%s", err_text(err));
    memcpy(server.script->body, sb_str(&body), body.n);
    server.script->body_size = body.n;
    server.script->status = status;
    for (int i = 3; i < argc; i++)
        strv_push(&cmd.argv, argv[i]);
    strv_pushf(&cmd.env, "HTTP_URL=http://127.0.0.1:%u", server.port);
    if (!cmd_run(&cmd, &result, &err))
        errx(2, "%s", err_text(err));
    http_server_stop(&server);
    return result.status;
}
