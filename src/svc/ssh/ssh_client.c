#include "svc/ssh/ssh_client.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/quote.h"
#include "sys/host.h"
#include "sys/proc.h"

enum { PROBE_OUTPUT_MAX = 16 * 1024, PROBE_DEADLINE_MS = 30 * 1000 };

void ssh_client_command(struct strv *out)
{
    const char *command = getenv("SSH");
    auto_strv struct strv words = { 0 };
    auto_err struct err *why = NULL;

    if (command && !quote_shell_split(sv_of(command), &words, &why)) {
        log_warn("The variable SSH is ignored: %s", err_text(why));
        strv_clear(&words);
    }
    if (words.n == 0)
        strv_push(&words, "ssh");
    strv_extend(out, &words);
}

/* The number at the start of *rest, which moves behind it. */
static bool take_number(struct sv *rest, unsigned *out)
{
    size_t n = 0;
    uint32_t number;

    while (n < rest->n && rest->p[n] >= '0' && rest->p[n] <= '9')
        n++;
    if (!parse_u32(sv_slice(*rest, 0, n), &number))
        return false;
    *out = number;
    *rest = sv_slice(*rest, n, rest->n);
    return true;
}

void ssh_client_parse(struct ssh_client *client, const char *stderr_text)
{
    const char *name = strstr(stderr_text, "OpenSSH_");
    struct sv rest;
    unsigned major, minor;

    client->has_gssapi = !strstr(stderr_text, "GSSAPIAuthentication") &&
                         !strstr(stderr_text, "gssapiauthentication");
    client->version = (struct semver){ 0 };
    if (!name)
        return;
    rest = sv_of(name + strlen("OpenSSH_"));
    if (sv_starts(rest, SV("for_Windows_")))
        rest = sv_slice(rest, strlen("for_Windows_"), rest.n);
    if (!take_number(&rest, &major) || rest.n == 0 || rest.p[0] != '.')
        return;
    rest = sv_slice(rest, 1, rest.n);
    if (!take_number(&rest, &minor))
        return;
    client->version.major = major;
    client->version.minor = minor;
}

bool ssh_client_probe(struct ssh_client *out, struct err **errp)
{
    auto_cmd struct cmd cmd = { .in = CMD_TO_NULL, .out = CMD_TO_NULL,
                                .err = CMD_TO_PIPE(PROBE_OUTPUT_MAX),
                                .deadline_ms = PROBE_DEADLINE_MS };
    auto_cmd_result struct cmd_result res = { 0 };
    auto_strv struct strv command = { 0 };

    ssh_client_command(&command);
    strv_extend(&cmd.argv, &command);
    strv_push_list(&cmd.argv, "-o", "GSSAPIAuthentication=no", "-V", NULL);
    /* The status does not count: a client that does not know the option refuses to go on. */
    if (!cmd_run(&cmd, &res, errp)) {
        (void)err_wrap(errp, "asking ssh for its version");
        return err_hint(errp, "install OpenSSH's client, for example with \"apt install openssh-client\"");
    }
    *out = (struct ssh_client){ .has_aes = host_has_aes() };
    strv_extend(&out->argv, &command);
    ssh_client_parse(out, sb_str(&res.err));
    return true;
}

void ssh_client_done(struct ssh_client *client)
{
    strv_done(&client->argv);
    *client = (struct ssh_client){ 0 };
}

const char *ssh_client_log_level(const struct ssh_client *client)
{
    unsigned major = client->version.major, minor = client->version.minor;

    return major < 8 || (major == 8 && minor < 9) ? "QUIET" : "ERROR";
}
