/* A packet of the control socket: decoded, encoded and decoded again it stays the same. */
#include <assert.h>
#include <string.h>

#include "wire/devctl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    auto_err struct err *err = NULL;
    uint8_t packet[DEVCTL_MESSAGE_SIZE_MAX];
    struct devctl_msg msg, again;
    size_t n;
    bool ok;

    if (!devctl_decode(&msg, (struct sv){ (const char *)data, size }, &err)) {
        assert(err_kind(err) == ERR_PROTOCOL || err_kind(err) == ERR_UNSUPPORTED);
        return 0;
    }
    n = devctl_encode(&msg, packet);
    assert(n <= size && memcmp(packet, data, n) == 0);
    ok = devctl_decode(&again, (struct sv){ (char *)packet, n }, NULL);
    assert(ok && again.type == msg.type && again.id == msg.id && sv_eq(again.data, msg.data));
    return 0;
}
