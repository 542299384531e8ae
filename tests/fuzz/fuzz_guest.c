/* The first byte is the size of the pieces; whatever decodes must come back the same after
 * encoding, and however a stream is cut, the messages must be the same. */
#include "fuzz.h"

#include <assert.h>
#include <string.h>

#include "wire/guest.h"

static void check_ports(struct sv data)
{
    auto_sb struct sb again = { 0 };
    struct guest_port port, other;

    while (guest_port_next(&data, &port)) {
        sb_truncate(&again, 0);
        guest_port_put(&again, &port);

        struct sv rest = sb_view(&again);

        assert(guest_port_next(&rest, &other) && rest.n == 0);
        assert(memcmp(&other.address, &port.address, sizeof(port.address)) == 0 &&
               other.port == port.port && other.is_removed == port.is_removed);
    }
}

static void check_round_trip(const struct guest_msg *msg)
{
    auto_sb struct sb once = { 0 }, twice = { 0 };
    struct guest_msg back;

    guest_encode(&once, msg);
    assert(guest_decode(&back, sv_slice(sb_view(&once), 4, once.n), NULL));
    assert(back.type == msg->type);
    if (msg->type == GUEST_PORTS)
        check_ports(msg->data);
    guest_encode(&twice, &back);
    assert(sv_eq(sb_view(&once), sb_view(&twice)));
}

/* Returns false once the stream is broken. */
static bool drain(struct guest_reader *reader, size_t *n_messages)
{
    enum guest_read status;
    struct guest_msg msg;

    while ((status = guest_reader_next(reader, &msg, NULL)) == GUEST_READ_MESSAGE) {
        check_round_trip(&msg);
        ++*n_messages;
    }
    return status == GUEST_READ_MORE;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;

    size_t piece = data[0] ? data[0] : 1;
    struct guest_reader whole = { 0 }, cut = { 0 };
    size_t n_whole = 0, n_cut = 0;

    data++;
    size--;
    guest_reader_feed(&whole, data, size);
    (void)drain(&whole, &n_whole);
    for (size_t at = 0; at < size; at += piece) {
        guest_reader_feed(&cut, data + at, size - at < piece ? size - at : piece);
        if (!drain(&cut, &n_cut))
            break;
    }
    assert(n_whole == n_cut);
    guest_reader_done(&whole);
    guest_reader_done(&cut);
    return 0;
}
