/*
 * The name server of the guest: the guest agent makes the address of the user network's DNS server
 * its own, and what is asked there comes through vsock to the host's side of it (svc/dns), over UDP
 * and TCP. While the agent is away, the user network's own DNS server answers at that address.
 *
 *     dns_open()          NULL when `hostResolver` is off: all the others allow that
 *     dns_greeted()       the guest agent has spoken, and reads; dns_lost() when it is gone
 *     dns_detach()        before the link is closed
 *     dns_close()         after it
 */
#ifndef PROG_HOSTAGENT_DNS_H
#define PROG_HOSTAGENT_DNS_H

#include "model/config/instance.h"
#include "prog/hostagent/guest_link.h"

struct dns;

struct dns_params {
    struct uv_loop_s *loop;
    const struct instance_config *config;
    const struct driver_facts *facts; /* the addresses of the user network */
    const char *hostname;             /* of the guest */
    const char *resolv_conf_path;     /* NULL: /etc/resolv.conf */
};

struct dns *dns_open(const struct dns_params *params);
void dns_close(struct dns *d);

void dns_greeted(struct dns *d, struct guest_link *link);
void dns_lost(struct dns *d);
void dns_detach(struct dns *d);
/* LISTEN_RESULT; true when it was for us. */
bool dns_answer(struct dns *d, const struct guest_msg *msg);

#endif
