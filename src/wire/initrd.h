/*
 * What an initramfs of ours looks like, and how its system goes on; the agreement between
 * svc/build, which makes images and packs the initramfs, svc/cidata, which makes the seed, and the
 * guest agent, which is its /init.
 *
 *     /init                     the guest agent
 *     /dev/console              character device 5:1
 *     /lib/clima/modules        module file names, one a line, each after those it depends on
 *     /lib/clima/NAME.ko        the modules, uncompressed, for finit_module()
 *     /dev /proc /sys /run /sysroot   empty directories
 *
 * Needed modules, unless built in: virtio_pci, virtio_blk, ext4, isofs (seed), virtio_net,
 * vmw_vsock_virtio_transport, virtio_console (guest link without vsock), and for
 * INITRD_CMDLINE_SUPERVISE the power button (button, evdev). A name that cannot be loaded is a
 * warning, not the end.
 *
 * Kernel command line: the word "clima.init", and "root=LABEL=clima-root" (or root=UUID=...,
 * root=/dev/...), "rootfstype=ext4", "rw" or "ro". The root file system is mounted on /sysroot and
 * grows to the size of its device when boot.sh is to run. The seed is the disk with the serial
 * "cidata", else the one with that label. /init applies it to the root: user, keys, sudo, host
 * name, time zone, environment, network, host key, and leaves it mounted on INITRD_SEED_DIR. Then
 * it becomes "init=PATH" (default /sbin/init).
 *
 * With the word INITRD_CMDLINE_SUPERVISE the root needs no init: the agent stays process 1, mounts
 * what is missing, keeps the programs of the "respawn" rows of /etc/inittab running (arguments
 * split as a shell would, no shell is started), runs boot.sh, and powers off cleanly at the power
 * button, or when a `poweroff` or `reboot` of busybox asks for it.
 *
 * On a root with systemd it installs two units: lima-guestagent.service (the daemon) and
 * lima-boot.service (boot.sh of the seed, once per boot). boot.sh writes the names of what failed
 * into INITRD_BOOT_FAILED, one a line, before it writes the IID into INITRD_BOOT_DONE; that is how
 * the guest agent reports the phase `boot`, whoever started boot.sh.
 */
#ifndef WIRE_INITRD_H
#define WIRE_INITRD_H

#define INITRD_INIT        "init"
#define INITRD_MODULE_DIR  "lib/clima"
#define INITRD_MODULE_LIST "lib/clima/modules"
#define INITRD_SYSROOT     "sysroot"

/* Words of the kernel command line. */
#define INITRD_CMDLINE_MARK      "clima.init"
#define INITRD_CMDLINE_SUPERVISE "clima.supervise"
#define INITRD_ROOT_LABEL        "clima-root"

/* The seed. */
#define INITRD_SEED_LABEL "cidata"
#define INITRD_SEED_DIR   "/mnt/lima-cidata"

/* Files of a running guest; reference: runtime section 1.4. Each holds the IID of the seed, except
 * INITRD_BOOT_FAILED, which exists only when something failed. */
#define INITRD_SSH_READY   "/run/lima-ssh-ready"
#define INITRD_BOOT_DONE   "/run/lima-boot-done"
#define INITRD_BOOT_FAILED "/run/lima-boot-failed"

#endif
