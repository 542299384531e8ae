/*
 * Names and numbers that QEMU and others agree on, besides those of model/store/names.h: our own
 * files of the instance directory, the user network (reference: runtime section 19 and config
 * section 16), the guest agent's port.
 */
#ifndef DRIVER_QEMU_FILES_H
#define DRIVER_QEMU_FILES_H

#include "model/store/names.h"

#define QEMU_PID_NAME      "qemu" NAME_PID_SUFFIX
#define QEMU_EFI_VARS_NAME "qemu-efi-vars.fd" /* Lima keeps no variables */
#define QEMU_STDERR_NAME   "qemu.stderr.log"  /* what QEMU said last */

#define QEMU_USER_NET     "192.168.5.0/24"
#define QEMU_USER_GUEST   "192.168.5.15"
#define QEMU_USER_GATEWAY "192.168.5.2"
#define QEMU_USER_DNS     "192.168.5.3"

/* Devices, and the nodes and sets of descriptors behind them, that hold disks: of the host's block
 * devices that were there at the start, and of what came later, with the number of the port. */
#define QEMU_BLOCK_ID   "block"
#define QEMU_SPARE_ID   "disk-spare"
#define QEMU_SPARE_PORT "port-spare"

/* Folders that come later: file system back ends, two for each spare port, and the link in the
 * instance directory that both lead to. */
#define QEMU_SHARE_READ  "share-read"
#define QEMU_SHARE_WRITE "share-write"
#define QEMU_SHARE_LINK  "share-link"

#define QEMU_DEVICES_PROGRAM "libexec/lima/devices"
#define QEMU_AGENT_PORT      "io.lima-vm.guest_agent.0"

#endif
