#include "model/config/words.h"

#include <stddef.h>

const char *const config_vm_types[] = { "qemu", "vz", "wsl2", NULL };
const char *const config_oses[] = { "Linux", "Darwin", "FreeBSD", "Windows", NULL };
const char *const config_arches[] = { "x86_64",  "aarch64", "armv7l", "ppc64le",
                                      "riscv64", "s390x",   NULL };
const char *const config_mount_types[] = { "reverse-sshfs", "9p", "virtiofs", "wsl2", NULL };
const char *const config_provision_modes[] = { "system",     "user",    "boot", "data",
                                               "dependency", "ansible", "yq",   NULL };
const char *const config_protocols[] = { "tcp", "udp", "any", NULL };
const char *const config_virtiofs_caches[] = { "auto", "always", "never", NULL };
const char *const config_virtiofs_owners[] = { "host", "mapped", NULL };
const char *const config_forward_defaults[] = { "loopback", "none", NULL };
