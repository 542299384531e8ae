/* The header of a disk that a guest may have written. */
#include "fuzz.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "driver/qemu/disk_legacy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *name = NULL;

    if (qcow2_backing_name((struct sv){ (const char *)data, size }, &name))
        assert(strlen(name) <= size);
    else
        assert(!name);
    free(name);
    return 0;
}
