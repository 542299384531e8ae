/*
 * Names and numbers that QEMU and others agree on: files of the instance directory (reference:
 * runtime section 1.2), the user network (section 21), the guest agent's port.
 */
#ifndef DRIVER_QEMU_FILES_H
#define DRIVER_QEMU_FILES_H

#define QEMU_IMAGE_NAME "image"
#define QEMU_DISK_NAME "disk"
#define QEMU_ISO_NAME "iso"
#define QEMU_BASEDISK_NAME "basedisk"
#define QEMU_DIFFDISK_NAME "diffdisk"
#define QEMU_CIDATA_NAME "cidata.iso"
#define QEMU_KERNEL_NAME "kernel"
#define QEMU_CMDLINE_NAME "kernel.cmdline"
#define QEMU_INITRD_NAME "initrd"
#define QEMU_EFI_CODE_NAME "qemu-efi-code.fd"
#define QEMU_EFI_VARS_NAME "qemu-efi-vars.fd" /* ours; Lima keeps no variables */
#define QEMU_PID_NAME "qemu.pid"
#define QEMU_QMP_SOCK_NAME "qmp.sock"
#define QEMU_DEVICES_SOCK_NAME "devices.sock"
#define QEMU_AGENT_SOCK_NAME "ga.sock"
#define QEMU_SERIAL_SOCK_NAME "serial.sock"
#define QEMU_SERIAL_LOG_NAME "serial.log"
#define QEMU_SERIALP_SOCK_NAME "serialp.sock"
#define QEMU_SERIALP_LOG_NAME "serialp.log"
#define QEMU_SERIALV_SOCK_NAME "serialv.sock"
#define QEMU_SERIALV_LOG_NAME "serialv.log"
#define QEMU_STDERR_NAME "qemu.stderr.log" /* ours: what QEMU said last */

#define QEMU_USER_NET "192.168.5.0/24"
#define QEMU_USER_GUEST "192.168.5.15"
#define QEMU_USER_GATEWAY "192.168.5.2"
#define QEMU_USER_DNS "192.168.5.3"

#define QEMU_AGENT_PORT "io.lima-vm.guest_agent.0"

#endif
