/*
 * The seed: what a guest needs to know, as files on the volume "cidata" (reference: runtime section
 * 15). cidata_render() is pure; cidata_write_iso() makes the medium. The host agent does both at
 * every start:
 *
 *     auto_cidata struct cidata seed = { 0 };
 *     if (!cidata_render(&input, &seed, errp) || !cidata_write_iso(&seed, path, errp))
 *         return false;
 *
 * Readers are cloud-init, the boot scripts (data/cidata) and the guest agent as /init.
 */
#ifndef SVC_CIDATA_CIDATA_H
#define SVC_CIDATA_CIDATA_H

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/strv.h"
#include "base/sv.h"
#include "base/vec.h"
#include "model/config/instance.h"

struct cidata_nic {
    const char *mac, *name;
    uint32_t metric;
};

/* Everything is borrowed. */
struct cidata_input {
    const struct instance_config *config; /* resolved */
    const char *name, *hostname;
    const char *iid;    /* cidata_iid() */
    const char *driver; /* "qemu" */
    const struct strv *ssh_keys;

    /* Network: 192.168.5.2, 192.168.5.3, 192.168.5.15 with QEMU's user network. address "" = DHCP
     * decides. */
    const char *gateway, *dns, *address;
    const struct strv *dns_addresses;    /* name servers of eth0; may be empty */
    uint16_t udp_dns_port, tcp_dns_port; /* of our DNS server on the host; 0 = none */
    const struct cidata_nic *nics;       /* the first is eth0 */
    size_t n_nics;

    const struct strv *env;      /* KEY=value, from cidata_environment() */
    const struct strv *ca_certs; /* PEM texts, of caCerts.certs and caCerts.files */
    struct sv zone_data;         /* of config->timezone, for images without; empty = none */
    const char *host_home;
    /* Mounts are rows of the guest's fstab, one tag each (drivers with a virtiofs of their own);
     * else the guest agent mounts them. */
    bool mounts_in_fstab;
    uint32_t vsock_port;     /* of the guest link; 0 = none */
    const char *virtio_port; /* name; "" = none */

    const char *guest_agent_path;        /* file on the host; NULL = none */
    const char *containerd_archive_path; /* file on the host; NULL = none */
    bool debug;
};

struct cidata_entry {
    char *path; /* below the root of the volume */
    mode_t mode;
    char *data; /* content; NULL: that of the file source_path */
    size_t size;
    char *source_path;
};

struct cidata {
    struct cidata_entry *v; /* sorted by path */
    size_t n, cap;
};

/* ERR_INVALID names what the guest could not live with: no key, a user root, ... */
bool cidata_render(const struct cidata_input *in, struct cidata *out, struct err **errp) MUST_USE;
void cidata_done(struct cidata *seed);
#define auto_cidata AUTO_CALL(cidata_done)

/* Content of cloud-config.yaml: user-data without write_files. Owned. */
char *cidata_cloud_config(const struct cidata_input *in);

/* Writes an ISO 9660 image with Rock Ridge and the label "cidata", atomically. */
bool cidata_write_iso(const struct cidata *seed, const char *path, struct err **errp) MUST_USE;

/* "iid-1700000000": owned. */
char *cidata_iid(int64_t unix_seconds);

/* The environment of the guest (reference: runtime section 15.7): env of the configuration, and the
 * proxy variables of host_environ when they are to be propagated, with the gateway in place of
 * loopback hosts. Appends KEY=value, sorted. */
void cidata_environment(const struct instance_config *config, char *const *host_environ,
                        const char *gateway, struct strv *out);

#endif
