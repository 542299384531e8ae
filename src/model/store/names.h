/*
 * Names of files and directories (reference: runtime section 1, config section 14). Others read and
 * write these files too: they are an interface, not a choice.
 */
#ifndef MODEL_STORE_NAMES_H
#define MODEL_STORE_NAMES_H

/* In $LIMA_HOME */
#define NAME_CONFIG_DIR    "_config"
#define NAME_DISKS_DIR     "_disks"
#define NAME_NETWORKS_DIR  "_networks"
#define NAME_TEMPLATES_DIR "_templates"

/* In _config */
#define NAME_DEFAULT_YAML  "default.yaml"
#define NAME_OVERRIDE_YAML "override.yaml"
#define NAME_BASE_YAML     "base.yaml"
#define NAME_NETWORKS_YAML "networks.yaml"
#define NAME_USER_KEY      "user"
#define NAME_USER_PUB_KEY  "user.pub"

/* In _disks/NAME */
#define NAME_DISK_DATA      "datadisk"
#define NAME_DISK_IN_USE_BY "in_use_by"

/* In an instance directory */
#define NAME_LIMA_YAML         "lima.yaml"
#define NAME_LIMA_VERSION      "lima-version"
#define NAME_PROTECTED         "protected"
#define NAME_CLOUD_CONFIG      "cloud-config.yaml"
#define NAME_CIDATA_ISO        "cidata.iso"
#define NAME_CIDATA_DIR        "cidata"
#define NAME_IMAGE             "image"
#define NAME_DISK              "disk"
#define NAME_ISO               "iso"
#define NAME_BASE_DISK         "basedisk" /* old instances */
#define NAME_DIFF_DISK         "diffdisk"
#define NAME_KERNEL            "kernel"
#define NAME_KERNEL_CMDLINE    "kernel.cmdline"
#define NAME_INITRD            "initrd"
#define NAME_QMP_SOCK          "qmp.sock"
#define NAME_EFI_CODE          "qemu-efi-code.fd"
#define NAME_VZ_IDENTIFIER     "vz-identifier"
#define NAME_SERIAL_LOG        "serial.log"
#define NAME_SERIAL_SOCK       "serial.sock"
#define NAME_SERIAL_PCI_LOG    "serialp.log"
#define NAME_SERIAL_PCI_SOCK   "serialp.sock"
#define NAME_SERIAL_VIRT_LOG   "serialv.log"
#define NAME_SERIAL_VIRT_SOCK  "serialv.sock"
#define NAME_SSH_SOCK          "ssh.sock"
#define NAME_SSH_CONFIG        "ssh.config"
#define NAME_GA_SOCK           "ga.sock"
#define NAME_HA_PID            "ha.pid"
#define NAME_HA_SOCK           "ha.sock"
#define NAME_HA_STDOUT_LOG     "ha.stdout.log"
#define NAME_HA_STDERR_LOG     "ha.stderr.log"
#define NAME_VNC_DISPLAY       "vncdisplay"
#define NAME_VNC_PASSWORD      "vncpassword"
#define NAME_SWTPM_DIR         "swtpm"
#define NAME_SWTPM_SOCK        "swtpm.sock"
#define NAME_ANSIBLE_INVENTORY "ansible-inventory.yaml"
#define NAME_SOCK_DIR          "sock"         /* relative hostSocket paths */
#define NAME_DEVICES_SOCK      "devices.sock" /* ours: control of the devices process */
#define NAME_DEVICES_PID       "devices.pid"
#define NAME_DEVICES_LOG       "devices.log"
#define NAME_HOT_MOUNTS        "hot-mounts.json" /* ours: what was mounted at run time */
#define NAME_BLOCK_DEVICE_SOCK "block-device.sock" /* ours: a moment per device */

/* The driver's pid file is vmType + this. */
#define NAME_PID_SUFFIX  ".pid"
#define NAME_SOCK_SUFFIX ".sock"
#define NAME_TMP_SUFFIX  ".tmp"

/* ssh binds this, a dot and 16 random characters before it renames: the longest socket path. */
#define NAME_SSH_SOCK_LONGEST NAME_SSH_SOCK ".1234567890123456"

#endif
