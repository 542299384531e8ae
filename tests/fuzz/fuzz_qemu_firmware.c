/* Firmware descriptors, which any package may drop into the folder. */
#include "fuzz.h"

#include <assert.h>

#include "driver/qemu/firmware.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < n_qemu_archs; i++) {
        auto_qemu_firmware struct qemu_firmware fw = { 0 };

        if (!qemu_archs[i].has_firmware)
            continue;
        if (qemu_firmware_parse((struct sv){ (const char *)data, size }, &qemu_archs[i], &fw))
            assert(fw.code && fw.code[0] == '/' && fw.code_format && !fw.vars == !fw.vars_format);
    }
    return 0;
}
