/* The first byte chooses the parser; whatever ports come out must survive the way to the host. */
#include "fuzz.h"

#include <assert.h>
#include <sys/socket.h>

#include "prog/guestagent/local_address.h"
#include "prog/guestagent/nat_rules.h"
#include "prog/guestagent/nat_tables.h"
#include "prog/guestagent/netlink.h"
#include "prog/guestagent/sock_diag.h"

enum { BOTH = GUEST_WATCH_TCP | GUEST_WATCH_UDP };

static void check_messages(const struct sb *frames, size_t n_ports)
{
    struct sv rest = sb_view(frames);
    size_t n = 0;

    while (rest.n > 0) {
        size_t len =
            (size_t)(uint8_t)rest.p[1] << 16 | (size_t)(uint8_t)rest.p[2] << 8 | (uint8_t)rest.p[3];
        struct guest_port port;
        struct guest_msg msg;

        assert(guest_decode(&msg, sv_slice(rest, 4, 4 + len), NULL));
        while (guest_port_next(&msg.data, &port))
            n++;
        rest = sv_slice(rest, 4 + len, rest.n);
    }
    assert(n == n_ports);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sv in = { (const char *)data + 1, size - 1 };
    struct ports ports = { 0 }, none = { 0 };
    auto_sb struct sb frames = { 0 };
    struct local_address_info info;
    struct netlink_message msg;

    if (size == 0)
        return 0;
    switch (data[0] % 7) {
    case 0:
        nat_rules_parse(in, BOTH, &ports);
        break;
    case 1:
        sock_diag_parse(in, GUEST_TCP, &ports);
        break;
    case 2:
        sock_diag_parse_table(in, GUEST_UDP, &ports);
        break;
    case 3:
        if (local_address_parse(in, &info))
            assert(info.address.n == 4 || info.address.n == 16);
        break;
    case 4:
        while (netlink_next(&in, &msg))
            assert(msg.payload.n < size);
        break;
    case 5:
        nat_tables_parse(AF_INET, in, BOTH, &ports);
        break;
    case 6:
        nat_tables_parse(AF_INET6, in, BOTH, &ports);
        break;
    }
    ports_settle(&ports);
    ports_put_changes(&none, &ports, true, &frames);
    check_messages(&frames, ports.list.n);
    ports_done(&ports);
    return 0;
}
