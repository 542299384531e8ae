#include "driver/qemu/served.h"

#include "wire/guest.h"

/* The queue of requests for files is the largest that QEMU has; it bounds the length of a request,
 * too. */
const struct qemu_served_device qemu_served_devices[] = {
    [QEMU_SERVED_STREAMS] = { "vsock0", "char-vsock",
                              "vhost-user-vsock-pci,id=vsock0,bus=port-vsock,chardev=char-vsock" },
    [QEMU_SERVED_FILES] = { "fs0", "char-fs",
                            "vhost-user-fs-pci,id=fs0,bus=port-fs,chardev=char-fs,tag=" GUEST_FS_TAG
                            ",queue-size=1024" },
};
