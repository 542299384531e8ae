/*
 * What an initramfs of ours looks like; the agreement between svc/build, which packs it, and the guest
 * agent, which is its /init.
 *
 *     /init                     the guest agent
 *     /dev/console              character device 5:1
 *     /lib/clima/modules        module file names, one a line, each after those it depends on
 *     /lib/clima/NAME.ko        the modules, uncompressed, for finit_module()
 *     /dev /proc /sys /run /sysroot   empty directories
 *
 * Kernel command line: the word "clima.init", and "root=LABEL=clima-root" (or root=/dev/...),
 * "rootfstype=ext4", "rw" or "ro". The root file system is mounted on /sysroot.
 */
#ifndef WIRE_INITRD_H
#define WIRE_INITRD_H

#define INITRD_INIT "init"
#define INITRD_MODULE_DIR "lib/clima"
#define INITRD_MODULE_LIST "lib/clima/modules"
#define INITRD_SYSROOT "sysroot"

/* Words of the kernel command line. */
#define INITRD_CMDLINE_MARK "clima.init"
#define INITRD_ROOT_LABEL "clima-root"

#endif
