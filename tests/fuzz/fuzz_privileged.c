/* A request that can be read is the same after it was put again. */
#include "fuzz.h"

#include <assert.h>

#include "wire/privileged.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sv text = { (const char *)data, size };
    struct privileged_request request;
    auto_sb struct sb again = { 0 };

    if (!privileged_request_decode(text, &request, NULL))
        return 0;
    privileged_request_put(&again, &request);
    assert(sv_eq(sb_view(&again), text));
    return 0;
}
