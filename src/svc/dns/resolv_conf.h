/*
 * The host's resolver configuration, resolv.conf(5): which name servers to ask, and how. Pure.
 *
 * Beyond the manual page a name server may be written as "[ADDRESS]:PORT". Lines and words that are
 * not known, and addresses that are none, are left out, as the C library does it.
 */
#ifndef SVC_DNS_RESOLV_CONF_H
#define SVC_DNS_RESOLV_CONF_H

#include <stdbool.h>
#include <stdint.h>

#include "base/strv.h"
#include "base/sv.h"

#define RESOLV_SERVERS_MAX     8
#define RESOLV_SEARCH_MAX      16
#define RESOLV_NDOTS_MAX       15
#define RESOLV_TIMEOUT_MAX_S   30
#define RESOLV_ATTEMPTS_MAX    5
#define RESOLV_PORT            53
#define RESOLV_ADDRESS_LEN_MAX 64

struct resolv_server {
    char address[RESOLV_ADDRESS_LEN_MAX]; /* IPv4 or IPv6, the latter maybe with "%interface" */
    uint16_t port;
};

struct resolv_conf {
    struct resolv_server servers[RESOLV_SERVERS_MAX];
    size_t n_servers;
    struct strv search; /* domains, without a dot at the end */
    unsigned ndots;
    unsigned timeout_s; /* for one try; 0 = the file does not say */
    unsigned attempts;
    bool rotate;
    bool use_tcp;  /* "use-vc" */
    bool edns0;    /* ask for long answers whoever asks us */
    bool trust_ad; /* the servers' word that an answer is authentic counts */
};

/* *out is zeroed, or done with. */
void resolv_conf_parse(struct sv text, struct resolv_conf *out);
void resolv_conf_copy(struct resolv_conf *out, const struct resolv_conf *conf);
void resolv_conf_done(struct resolv_conf *conf);
#define auto_resolv_conf AUTO_CALL(resolv_conf_done)

/* False when text is neither ADDRESS nor [ADDRESS]:PORT. */
bool resolv_server_parse(struct sv text, struct resolv_server *out) MUST_USE;
/* "192.168.1.1", "[::1]:5353"; owned. */
char *resolv_server_text(const struct resolv_server *server);

#endif
