/*
 * Facts about this machine, and its clocks. No name service calls; usable in static programs.
 */
#ifndef SYS_HOST_H
#define SYS_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/sb.h"
#include "base/strv.h"

unsigned host_cpus(void); /* that this process may use, at least 1 */
uint64_t host_memory(void); /* bytes; 0 when unknown */
/* In Lima's names: x86_64 aarch64 armv7l ppc64le riscv64 s390x; else what the kernel says. */
const char *host_arch(void);
bool host_has_aes(void); /* the processor has AES instructions */
const char *host_os(void);   /* as Go spells it: "linux" */
char *host_name(void);       /* owned */
char *host_kernel_release(void); /* owned */
/* IANA name such as "Europe/Berlin" (TZ, /etc/timezone, /etc/localtime), owned; NULL = unknown. */
char *host_timezone(void);
#define HOST_ZONES_DIR "/usr/share/zoneinfo"
/* Appends what the directory knows of a time zone (TZif, RFC 8536). False when that is nothing: the
 * name, which may be anybody's, leads out of it, or to another kind of file. */
bool host_zone_data(const char *zones_dir, const char *zone, struct sb *out) MUST_USE;
/* /etc/machine-id, or that of D-Bus; ERR_NOT_FOUND when the machine has none. */
bool host_machine_id(char **out_id, struct err **errp) MUST_USE;
/* Changes with each boot. */
bool host_boot_id(char **out_id, struct err **errp) MUST_USE;
/* Name servers in use, in order; behind a local stub resolver those that it asks. Unusable ones
 * (loopback) are left out; the result may be empty. */
void host_dns_servers(struct strv *out);
void host_dns_parse(const char *resolv_conf, struct strv *out); /* pure: "nameserver" lines */

uint64_t host_monotonic_ns(void); /* stands still while suspended */
uint64_t host_boottime_ns(void);  /* counts suspended time */
int64_t host_realtime_ns(void);   /* since 1970 */

#endif
