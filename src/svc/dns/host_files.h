/*
 * The host's resolv.conf and hosts file as they are now.
 *
 * Files of this kind are replaced, edited, or links to files of other programs that come and go
 * with a VPN. So nothing is watched, which costs nothing while nobody asks: before each question
 * dns_host_files_refresh() looks whether the files are still those that were read.
 */
#ifndef SVC_DNS_HOST_FILES_H
#define SVC_DNS_HOST_FILES_H

#include <stdbool.h>
#include <sys/stat.h>
#include <time.h>

#include "svc/dns/names.h"
#include "svc/dns/resolv_conf.h"

#define DNS_RESOLV_CONF "/etc/resolv.conf"
#define DNS_HOSTS       "/etc/hosts"

struct dns_host_file {
    /* private */
    char *path;
    bool is_known; /* it was read at least once */
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec modified, changed;
};

struct dns_host_files {
    struct resolv_conf conf;
    struct dns_names hosts;
    struct dns_host_file conf_file, hosts_file; /* private */
};

/* Reads both. Without a resolv.conf public name servers are used, as Lima has it; one that was
 * there and is missing now counts until there is another. */
void dns_host_files_init(struct dns_host_files *files, const char *resolv_conf_path,
                         const char *hosts_path);
/* True when conf is another. */
bool dns_host_files_refresh(struct dns_host_files *files);
void dns_host_files_done(struct dns_host_files *files);

#endif
