/*
 * struct instance_config: the whole of lima.yaml (reference: config sections 4 and 5). Members have
 * the names of the keys; the order is the order in which keys are written.
 *
 * config_load() (model/config/config.h) yields a resolved one: every default is filled in, sizes
 * are in bytes, templates are expanded, so that readers need not know any default. What may still
 * be unset then: minimum_lima_version, vm_opts, cpu_type, message, rosetta, ssh.over_vsock, and
 * what its own section says.
 */
#ifndef MODEL_CONFIG_INSTANCE_H
#define MODEL_CONFIG_INSTANCE_H

#include "lang/schema/field.h"
#include "model/config/disk.h"
#include "model/config/display.h"
#include "model/config/forward.h"
#include "model/config/image.h"
#include "model/config/locator.h"
#include "model/config/mount.h"
#include "model/config/network.h"
#include "model/config/probe.h"
#include "model/config/provision.h"
#include "model/config/ssh.h"
#include "model/config/user.h"
#include "model/config/words.h"

#define INSTANCE_FIELDS(F)                                                                         \
    F(LIST, base, "base", locator_config, MERGE_OWN, FIELD_ONE, CHECK_ANY,                         \
      "Templates this one builds on.")                                                             \
    F(STR, minimum_lima_version, "minimumLimaVersion", NULL, MERGE_OWN,                            \
      FIELD_KEEP | FIELD_NULLABLE, CHECK_ANY, "Oldest version of Lima that can use this file.")    \
    F(STR, vm_type, "vmType", NULL, MERGE_FILL, FIELD_KEEP | FIELD_NULLABLE,                       \
      CHECK_WORDS(config_vm_types), "Driver: qemu, vz or wsl2.")                                   \
    F(TREE, vm_opts, "vmOpts", NULL, MERGE_UNION, 0, CHECK_ANY,                                    \
      "Options of the driver, below its name.")                                                    \
    F(STR, os, "os", NULL, MERGE_FILL, FIELD_KEEP | FIELD_NULLABLE, CHECK_WORDS(config_oses),      \
      "Guest system: Linux, Darwin, FreeBSD or Windows.")                                          \
    F(STR, arch, "arch", NULL, MERGE_FILL, FIELD_KEEP | FIELD_NULLABLE,                            \
      CHECK_WORDS(config_arches), "Guest architecture; that of the host when not given.")          \
    F(LIST, images, "images", image_config, MERGE_APPEND, FIELD_NULLABLE, CHECK_ANY,               \
      "Disk images; the first that fits and can be had is used.")                                  \
    F(MAP, cpu_type, "cpuType", NULL, MERGE_OWN, FIELD_NULLABLE, CHECK_ANY,                        \
      "Deprecated: vmOpts.qemu.cpuType.")                                                          \
    F(INT, cpus, "cpus", NULL, MERGE_FILL, FIELD_KEEP | FIELD_NULLABLE, CHECK_ANY,                 \
      "Virtual CPUs; 4, or as many as the host has.")                                              \
    F(SIZE, memory, "memory", NULL, MERGE_FILL, FIELD_KEEP | FIELD_NULLABLE, CHECK_ANY,            \
      "Memory; 4GiB, or half of what the host has.")                                               \
    F(SIZE, disk, "disk", NULL, MERGE_FILL, FIELD_KEEP | FIELD_NULLABLE, CHECK_ANY,                \
      "Size of the primary disk; 100GiB when not given.")                                          \
    F(LIST, additional_disks, "additionalDisks", disk_config, MERGE_APPEND, FIELD_NULLABLE,        \
      CHECK_ANY, "Disks made with \"limactl disk create\".")                                       \
    F(LIST, mounts, "mounts", mount_config, MERGE_STACK, 0, CHECK_ANY,                             \
      "Directories of the host shared with the guest.")                                            \
    F(STRS, mount_types_unsupported, "mountTypesUnsupported", NULL, MERGE_APPEND, FIELD_NULLABLE,  \
      CHECK_ANY, "Mount types that the guest's kernel lacks.")                                     \
    F(STR, mount_type, "mountType", NULL, MERGE_FILL, FIELD_KEEP | FIELD_NULLABLE,                 \
      CHECK_WORDS(config_mount_types), "How mounts are done: virtiofs, 9p, reverse-sshfs, wsl2.")  \
    F(BOOL, mount_inotify, "mountInotify", "false", MERGE_FILL, FIELD_KEEP | FIELD_NULLABLE,       \
      CHECK_ANY, "Show changes made on the host as inotify events in the guest.")                  \
    F(SUB, ssh, "ssh", ssh_config, MERGE_FILL, 0, CHECK_ANY, "How the guest is reached.")          \
    F(SUB, firmware, "firmware", firmware_config, MERGE_FILL, 0, CHECK_ANY, "Firmware.")           \
    F(SUB, audio, "audio", audio_config, MERGE_FILL, 0, CHECK_ANY, "Sound.")                       \
    F(SUB, video, "video", video_config, MERGE_FILL, 0, CHECK_ANY, "Screen.")                      \
    F(LIST, provision, "provision", provision_config, MERGE_APPEND, 0, CHECK_ANY,                  \
      "Scripts run, and files made, in the guest at every boot.")                                  \
    F(BOOL, upgrade_packages, "upgradePackages", "false", MERGE_FILL, FIELD_KEEP | FIELD_NULLABLE, \
      CHECK_ANY, "Upgrade the guest's packages at boot.")                                          \
    F(SUB, containerd, "containerd", containerd_config, MERGE_FILL, 0, CHECK_ANY,                  \
      "containerd and nerdctl in the guest.")                                                      \
    F(STR, guest_install_prefix, "guestInstallPrefix", "/usr/local", MERGE_FILL,                   \
      FIELD_KEEP | FIELD_NULLABLE, CHECK_ANY, "Where programs are installed in the guest.")        \
    F(LIST, probes, "probes", probe_config, MERGE_APPEND, 0, CHECK_ANY,                            \
      "Scripts that tell when the guest is ready.")                                                \
    F(LIST, port_forwards, "portForwards", forward_config, MERGE_APPEND, 0, CHECK_ANY,             \
      "Which guest ports appear where on the host; the first rule that matches counts.")           \
    F(STR, port_forward_default, "portForwardDefault", NULL, MERGE_FILL, 0,                        \
      CHECK_WORDS(config_forward_defaults),                                                        \
      "What becomes of ports without a rule: loopback (127.0.0.1 of the host), none.")             \
    F(LIST, copy_to_host, "copyToHost", copy_config, MERGE_APPEND, 0, CHECK_ANY,                   \
      "Files copied from the guest when it is ready.")                                             \
    F(STR, message, "message", NULL, MERGE_OWN, 0, CHECK_ANY, "Shown after a start; template.")    \
    F(LIST, networks, "networks", network_config, MERGE_STACK, FIELD_NULLABLE, CHECK_ANY,          \
      "Network interfaces besides the default one.")                                               \
    F(MAP, env, "env", NULL, MERGE_UNION, 0, CHECK_ANY, "Environment variables of the guest.")     \
    F(MAP, param, "param", NULL, MERGE_UNION, 0, CHECK_ANY,                                        \
      "Values for {{.Param.x}} in templates and $PARAM_x in scripts.")                             \
    F(IPS, dns, "dns", NULL, MERGE_FILL, 0, CHECK_ANY,                                             \
      "DNS servers of the guest, when hostResolver is off.")                                       \
    F(SUB, host_resolver, "hostResolver", host_resolver_config, MERGE_FILL, 0, CHECK_ANY,          \
      "DNS through the host.")                                                                     \
    F(BOOL, propagate_proxy_env, "propagateProxyEnv", "true", MERGE_FILL,                          \
      FIELD_KEEP | FIELD_NULLABLE, CHECK_ANY, "Hand the host's proxy variables to the guest.")     \
    F(SUB, ca_certs, "caCerts", ca_certs_config, MERGE_FILL, 0, CHECK_ANY,                         \
      "Certificates that the guest trusts.")                                                       \
    F(SUB, rosetta, "rosetta", rosetta_config, MERGE_OWN, 0, CHECK_ANY,                            \
      "Deprecated: vmOpts.vz.rosetta.")                                                            \
    F(BOOL, plain, "plain", "false", MERGE_FILL, FIELD_KEEP | FIELD_NULLABLE, CHECK_ANY,           \
      "Change the guest as little as possible: no mounts, agent, dynamic forwards.")               \
    F(STR, timezone, "timezone", NULL, MERGE_FILL, FIELD_KEEP | FIELD_NULLABLE, CHECK_ANY,         \
      "Time zone; that of the host when not given, empty for the image's.")                        \
    F(BOOL, nested_virtualization, "nestedVirtualization", "false", MERGE_FILL,                    \
      FIELD_KEEP | FIELD_NULLABLE, CHECK_ANY, "Let the guest run virtual machines (vz).")          \
    F(SUB, user, "user", user_config, MERGE_FILL, 0, CHECK_ANY, "The user in the guest.")          \
    F(BOOL, tpm, "tpm", "false", MERGE_FILL, FIELD_KEEP | FIELD_NULLABLE, CHECK_ANY,               \
      "Emulate a TPM (QEMU).")                                                                     \
    F(TREE, os_opts, "osOpts", NULL, MERGE_UNION, 0, CHECK_ANY,                                    \
      "Options of the guest system, below its name.")                                              \
    F(STRS, block_devices, "blockDevices", NULL, MERGE_APPEND, FIELD_NULLABLE, CHECK_ANY,          \
      "Block devices of the host given to the guest; absolute paths.")
struct instance_config {
    INSTANCE_FIELDS(FIELD_MEMBER)
};

extern const struct field_table instance_config_table;

void config_done(struct instance_config *config);
#define auto_config AUTO_CALL(config_done)

#endif
