/*
 * Words with a meaning in lima.yaml (reference: config sections 4 and 5), NULL-terminated.
 */
#ifndef MODEL_CONFIG_WORDS_H
#define MODEL_CONFIG_WORDS_H

extern const char *const config_vm_types[];    /* qemu vz wsl2: known everywhere */
extern const char *const config_oses[];        /* Linux Darwin FreeBSD Windows */
extern const char *const config_arches[];      /* x86_64 aarch64 ... */
extern const char *const config_mount_types[]; /* reverse-sshfs 9p virtiofs wsl2 */
extern const char *const config_provision_modes[];
extern const char *const config_protocols[];        /* tcp udp any */
extern const char *const config_virtiofs_caches[];  /* auto always never */
extern const char *const config_virtiofs_owners[];  /* host mapped */
extern const char *const config_forward_defaults[]; /* loopback none */

#endif
