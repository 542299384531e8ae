/* limactl debug: for developers. `debug dns` becomes libexec/lima/dns. */
#include "base/mem.h"
#include "base/num.h"
#include "prog/limactl/verb.h"
#include "sys/prefix.h"
#include "sys/proc.h"

struct dns_opts {
    struct arg_bool ipv6;
};

static const struct opt dns_rows[] = {
    { OPT_AT(BOOL, struct dns_opts, ipv6), .letter = '6', .name = "ipv6",
      .help = "Answer with IPv6 addresses, too" },
};

static bool check_port(const char *text, struct err **errp)
{
    uint64_t n;

    return (parse_u64(sv_of(text), &n) && n <= UINT16_MAX) ||
           err_set(errp, ERR_INVALID, "invalid port: \"%s\"", text);
}

static bool dns_run(struct ctx *ctx, void *opts, const struct strv *args, struct err **errp)
{
    const struct dns_opts *o = opts;
    const char *tcp_port = args->n > 1 ? args->v[1] : "0";
    auto_cmd struct cmd cmd = { 0 };
    auto_mem char *program = NULL;

    if (!check_port(args->v[0], errp) || !check_port(tcp_port, errp))
        return false;
    if (!prefix_find("libexec/lima/dns", &program, errp))
        return err_wrap(errp, "looking for the DNS server");
    strv_push(&cmd.argv, program);
    strv_push(&cmd.argv, args->v[0]);
    strv_push(&cmd.argv, tcp_port);
    if (o->ipv6.v)
        strv_push(&cmd.argv, "--ipv6");
    return cmd_exec(&cmd, errp);
}

static const struct verb verb_debug_dns = {
    .name = "dns",
    .group = VERB_BASIC,
    .args = "UDPPORT [TCPPORT]",
    .summary = "Run the built-in DNS server on 127.0.0.1",
    .details = "Without a TCP port, or with 0, the system chooses one; the log names it.",
    .args_min = 1,
    .args_max = 2,
    .opts = { { NULL, dns_rows, COUNT(dns_rows), 0 } },
    .opts_size = sizeof(struct dns_opts),
    .run = dns_run,
};

static const struct verb *const subs[] = { &verb_debug_dns, NULL };

const struct verb verb_debug = {
    .name = "debug",
    .group = VERB_HIDDEN,
    .summary = "Try parts by themselves",
    .subs = subs,
};
