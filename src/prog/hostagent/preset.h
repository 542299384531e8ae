/*
 * Two small decisions of the beginning. Pure.
 */
#ifndef PROG_HOSTAGENT_PRESET_H
#define PROG_HOSTAGENT_PRESET_H

#include <stdint.h>

/* The port for ssh when nothing runs yet; 0 = choose a free one. configured: ssh.localPort; version:
 * that made the instance, "" = unknown, NULL = it is new. */
uint16_t preset_ssh_port(const char *name, int64_t configured, const char *version);

/* The service of systemd this process belongs to, if it is one of ours: "lima-vm@NAME.service";
 * cgroup is the text of /proc/self/cgroup. Owned, NULL = none. */
char *preset_autostart_unit(const char *cgroup);

#endif
