/*
 * Names that are answered without asking anybody: those of `hostResolver.hosts`, our own, and the
 * host's /etc/hosts. A name has addresses, or is an alias of another name. Pure.
 *
 * Names are text in lower case without a dot at the end, as dns_name_key() makes it. A zeroed table
 * is empty. PTR questions are answered from the same table, by the first name of an address.
 */
#ifndef SVC_DNS_NAMES_H
#define SVC_DNS_NAMES_H

#include "base/err.h"
#include "base/map.h"
#include "base/vec.h"
#include "model/forward/ip_address.h"

struct dns_name {
    VEC(struct ip_address) addresses;
    char *alias; /* a name; NULL when there are addresses */
};

struct dns_names {
    /* private */
    struct map by_name;    /* -> struct dns_name */
    struct map by_pointer; /* "1.0.0.127.in-addr.arpa" -> char *, the name */
};

/* value is an address or another name; what was known of the name is replaced. ERR_INVALID: one of
 * them is no name. */
bool dns_names_set(struct dns_names *names, const char *name, const char *value,
                   struct err **errp) MUST_USE;
/* Adds what hosts(5) says; lines that make no sense are left out. */
void dns_names_read_hosts(struct dns_names *names, struct sv text);
/* NULL: not known. Borrowed until the table changes. */
const struct dns_name *dns_names_find(const struct dns_names *names, const char *key);
/* The name that a PTR question is about; NULL: not known. */
const char *dns_names_find_pointer(const struct dns_names *names, const char *key);
void dns_names_done(struct dns_names *names);

/* "Example.COM." -> "example.com"; owned. NULL when it is longer than a name may be, or empty. */
char *dns_name_key(struct sv text);
/* "1.0.0.127.in-addr.arpa"; owned. */
char *dns_pointer_key(const struct ip_address *ip);

#endif
