/* Headers of disk images: whatever the bytes, a decision or an error. */
#include <stddef.h>
#include <stdint.h>

#include "svc/image/qcow2.h"
#include "svc/image/vmdk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sv bytes = { (const char *)data, size };
    auto_err struct err *qcow2_err = NULL;
    auto_err struct err *vmdk_err = NULL;
    struct qcow2_header header;

    if (qcow2_parse(bytes, &header, &qcow2_err))
        (void)!qcow2_check(&header, &qcow2_err);
    if (vmdk_is(bytes))
        (void)!vmdk_check(bytes, &vmdk_err);
    return 0;
}
