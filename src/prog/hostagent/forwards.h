/*
 * All forwards of an instance: what the guest tells of its ports, the rules, the listeners made
 * from both, and the forwards that do not depend on ports (static ones, Unix sockets, reverse
 * ones).
 *
 *     forwards_open()
 *     forwards_attach()        the link to the guest is open; forwards_detach() before it closes:
 *                              the listeners of the host are closed until there is another link
 *     forwards_greeted()       its agent has spoken, and reads; forwards_lost() when it is gone
 *     forwards_ssh_usable()    ssh works: whatever goes through ssh may begin
 *     forwards_close()         after the link has been closed
 *
 * Ports that the guest told of stay for FORWARDS_GRACE_MS after its agent is lost: it may be
 * replaced, or its connection may have broken.
 *
 * Everything a guest says is bounded: how many ports it has, how many lines and events it causes.
 */
#ifndef PROG_HOSTAGENT_FORWARDS_H
#define PROG_HOSTAGENT_FORWARDS_H

#include <jansson.h>

#include "model/config/instance.h"
#include "prog/hostagent/event.h"
#include "prog/hostagent/guest_link.h"
#include "prog/hostagent/guest_ssh.h"

#define FORWARDS_GRACE_MS  (10 * 1000)
#define FORWARDS_PORTS_MAX 16384

struct forwards;

/* Everything is borrowed for the life of the object. */
struct forwards_params {
    struct uv_loop_s *loop;
    const struct instance_config *config;
    const char *name, *dir;
    const char *home; /* $LIMA_HOME */
    struct guest_ssh ssh;
    bool prefers_ssh; /* LIMA_SSH_PORT_FORWARDER */
    bool relays_ssh;  /* the driver does not: ssh_port leads to the guest's through vsock */
    struct events *events;
};

struct forwards *forwards_open(const struct forwards_params *params);
void forwards_close(struct forwards *m);

void forwards_attach(struct forwards *m, struct guest_link *link);
void forwards_detach(struct forwards *m);
void forwards_greeted(struct forwards *m);
void forwards_lost(struct forwards *m);
void forwards_ports(struct forwards *m, const struct guest_msg *msg);
void forwards_answer(struct forwards *m, const struct guest_msg *msg); /* LISTEN_RESULT */
void forwards_ssh_usable(struct forwards *m);

/* What does not work at the moment, appended. */
void forwards_errors(const struct forwards *m, struct strv *out);

/* Everything there is, as the API tells it: {"ports": [...]}. on_done comes once, maybe at once;
 * report is borrowed. */
typedef void (*forwards_report_fn)(void *arg, json_t *report);
void forwards_report(struct forwards *m, forwards_report_fn on_done, void *arg);

#endif
