#include "prog/guestagent/sock_diag.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>
/* after sys/socket.h, whose types it uses */
#include <linux/netlink.h>

#include "base/log.h"
#include "base/num.h"
#include "prog/guestagent/netlink.h"
#include "sys/file.h"

enum {
    STATE_UNCONNECTED = 7,
    STATE_LISTEN = 10,
    TABLE_SIZE_MAX = 16 * 1024 * 1024,
};

static const struct {
    unsigned protocol; /* GUEST_WATCH_* */
    enum guest_proto proto;
    uint8_t family, ip_protocol;
    unsigned state;
    const char *table;
} sources[] = {
    { GUEST_WATCH_TCP, GUEST_TCP, AF_INET, IPPROTO_TCP, STATE_LISTEN, "/proc/net/tcp" },
    { GUEST_WATCH_TCP, GUEST_TCP, AF_INET6, IPPROTO_TCP, STATE_LISTEN, "/proc/net/tcp6" },
    { GUEST_WATCH_UDP, GUEST_UDP, AF_INET, IPPROTO_UDP, STATE_UNCONNECTED, "/proc/net/udp" },
    { GUEST_WATCH_UDP, GUEST_UDP, AF_INET6, IPPROTO_UDP, STATE_UNCONNECTED, "/proc/net/udp6" },
};

static unsigned listening_state(enum guest_proto proto)
{
    return proto == GUEST_TCP ? STATE_LISTEN : STATE_UNCONNECTED;
}

void sock_diag_parse(struct sv payload, enum guest_proto proto, struct ports *out)
{
    struct inet_diag_msg msg;

    if (payload.n < sizeof(msg))
        return;
    memcpy(&msg, payload.p, sizeof(msg));
    if (msg.idiag_state != listening_state(proto) ||
        (msg.idiag_family != AF_INET && msg.idiag_family != AF_INET6))
        return;
    ports_add(out, proto, 0, msg.id.idiag_src, msg.idiag_family == AF_INET ? 4 : 16,
              ntohs(msg.id.idiag_sport));
}

/* Word i of a line; empty when there are fewer. */
static struct sv word(struct sv line, size_t i)
{
    for (;;) {
        size_t n = 0;

        line = sv_trim(line);
        while (n < line.n && line.p[n] != ' ')
            n++;
        if (i-- == 0 || n == 0)
            return sv_slice(line, 0, n);
        line = sv_slice(line, n, line.n);
    }
}

/* "0100007F:0050": words of 32 bits as this machine has them in memory. */
static bool parse_local(struct sv text, uint8_t address[16], size_t *out_n, uint16_t *out_port)
{
    ptrdiff_t colon = sv_rfind(text, ':');
    uint64_t number;

    if (colon != 8 && colon != 32)
        return false;
    *out_n = (size_t)colon / 2;
    for (size_t at = 0; at < *out_n; at += 4) {
        uint32_t group;

        if (!parse_u64_base(sv_slice(text, 2 * at, 2 * at + 8), 16, &number))
            return false;
        group = (uint32_t)number;
        memcpy(address + at, &group, sizeof(group));
    }
    if (!parse_u64_base(sv_slice(text, (size_t)colon + 1, text.n), 16, &number) ||
        number > UINT16_MAX)
        return false;
    *out_port = (uint16_t)number;
    return true;
}

void sock_diag_parse_table(struct sv table, enum guest_proto proto, struct ports *out)
{
    for (struct sv line; sv_next_line(&table, &line);) {
        uint8_t address[16];
        uint64_t state;
        uint16_t port;
        size_t n;

        if (parse_u64_base(word(line, 3), 16, &state) && state == listening_state(proto) &&
            parse_local(word(line, 1), address, &n, &port))
            ports_add(out, proto, 0, address, n, port);
    }
}

struct dump {
    enum guest_proto proto;
    struct ports *out; /* borrowed */
};

static void take_socket(void *arg, uint16_t type, struct sv payload)
{
    struct dump *dump = arg;

    if (type == SOCK_DIAG_BY_FAMILY)
        sock_diag_parse(payload, dump->proto, dump->out);
}

static bool dump_source(size_t i, struct ports *out, struct err **errp)
{
    struct inet_diag_req_v2 request = { .sdiag_family = sources[i].family,
                                        .sdiag_protocol = sources[i].ip_protocol,
                                        .idiag_states = 1u << sources[i].state };
    struct dump dump = { sources[i].proto, out };
    auto_fd int fd = -1;

    return netlink_open(NETLINK_SOCK_DIAG, 0, &fd, errp) &&
           netlink_ask(fd, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP,
                       (struct sv){ (char *)&request, sizeof(request) }, take_socket, &dump, errp);
}

static void read_table(size_t i, struct ports *out)
{
    auto_sb struct sb text = { 0 };
    auto_err struct err *err = NULL;

    if (file_read_all(sources[i].table, TABLE_SIZE_MAX, &text, &err))
        sock_diag_parse_table(sb_view(&text), sources[i].proto, out);
    else
        log_debug("%s", err_text(err));
}

void sock_diag_list(unsigned protocols, unsigned *missing, struct ports *out)
{
    for (size_t i = 0; i < COUNT(sources); i++) {
        auto_err struct err *err = NULL;
        size_t n = out->list.n;

        if (!(sources[i].protocol & protocols) ||
            (!(*missing & 1u << i) && dump_source(i, out, &err)))
            continue;
        if (err && err_errno(err) == ENOENT)
            *missing |= 1u << i;
        out->list.n = n; /* a part would look as if the rest had gone */
        read_table(i, out);
    }
}
