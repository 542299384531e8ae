/* What a host agent answers may be anything; what is accepted is within limits. */
#include "fuzz.h"

#include <assert.h>
#include <string.h>

#include "model/store/ha_client.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ha_info info = { 0 };
    auto_err struct err *err = NULL;

    if (ha_info_decode((struct sv){ (const char *)data, size }, &info, &err))
        assert(!info.auto_started_identifier || strlen(info.auto_started_identifier) < size);
    else
        assert(err && !info.auto_started_identifier);
    ha_info_done(&info);
    return 0;
}
