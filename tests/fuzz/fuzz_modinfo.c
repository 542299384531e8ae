/* Kernel modules and cpio archives. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "svc/build/cpio.h"
#include "svc/build/modinfo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sv bytes = { (const char *)data, size };
    auto_strv struct strv needs = { 0 };
    size_t length;

    (void)modinfo_depends(bytes, &needs);
    if (cpio_length(bytes, &length))
        assert(length <= size);
    return 0;
}
