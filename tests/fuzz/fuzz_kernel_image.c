/* The head of a downloaded kernel. */
#include "fuzz.h"

#include <assert.h>

#include "driver/qemu/kernel_image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct semver v = { 0 };
    bool known = kernel_image_version((struct sv){ (const char *)data, size }, &v);

    assert(known || (v.major == 0 && v.minor == 0 && v.patch == 0));
    return 0;
}
