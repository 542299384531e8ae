/* Reverse forwards of the rules: through vsock (reverse_forward.h), or through ssh. */
#include "base/mem.h"
#include "base/log.h"
#include "base/quote.h"
#include "prog/hostagent/forwards_priv.h"

#define BIT(proto) (1u << (proto))

static void tell(struct reverse *r, enum event_port_type type)
{
    static const char *const words[] = { "Forwarding", "", "Stopping forwarding",
                                         "Not forwarding" };

    log_at(type == EVENT_FAILED ? LOG_WARN : LOG_INFO, "%s \"%s\" (host) to \"%s\" (guest)%s%s",
           words[type], r->host_text, r->guest_text, r->error ? ": " : "",
           r->error ? r->error : "");
    events_port(r->owner->params.events,
                &(struct event_port){ .type = type,
                                      .protocol = (char *)forward_proto_names[r->proto],
                                      .guest_addr = r->guest_text,
                                      .host_addr = r->host_text,
                                      .error = r->error });
}

/* It listens now, or why is said. */
static void changed(struct reverse *r, const char *why)
{
    bool is_news = !why || !r->error || strcmp(r->error, why) != 0;

    mem_replace(&r->error, mem_strdup(why));
    r->is_open = !why;
    if (is_news)
        tell(r, why ? EVENT_FAILED : EVENT_FORWARDING);
}

static void forward_changed(void *arg, struct reverse_forward *forward, const char *why)
{
    changed(arg, why);
}

static void ssh_answered(void *arg, const struct err *err)
{
    changed(arg, err ? err_text(err) : NULL);
}

static char *ssh_spec(const struct reverse *r)
{
    return mem_printf("%s:%s", r->guest_text, r->host_text);
}

static void begin_over_ssh(struct reverse *r)
{
    auto_mem char *spec = ssh_spec(r);
    auto_sb struct sb script = { 0 };

    if (r->proto == FORWARD_UNIX) { /* sshd does not replace a socket */
        sb_puts(&script, "#!/bin/sh\nexec rm -f -- ");
        quote_shell(&script, sv_of(r->guest_text));
        sb_putc(&script, '\n');
    }
    r->is_over_ssh = true;
    ssh_forwards_add(r->owner->ssh, "-R", spec, script.n ? sb_str(&script) : NULL, ssh_answered, r);
}

static bool goes_over_ssh(const struct reverse *r)
{
    const struct forwards *m = r->owner;

    return r->proto != FORWARD_UDP && (m->params.prefers_ssh || !guest_link_devices(m->link));
}

void forwards_begin_reverses(struct forwards *m, bool is_greeted)
{
    for (size_t i = 0; i < m->reverses.n; i++) {
        struct reverse *r = m->reverses.v[i];

        if (r->is_over_ssh)
            continue;
        if (goes_over_ssh(r) && m->ways.ssh)
            begin_over_ssh(r);
        else if (!goes_over_ssh(r) && is_greeted && guest_link_devices(m->link))
            reverse_forward_link(r->forward, m->link);
    }
}

bool forwards_is_reverse(const struct forwards *m, enum forward_proto proto,
                         const struct forward_end *guest)
{
    for (size_t i = 0; i < m->reverses.n; i++) {
        const struct forward_end *end = &reverse_forward_params(m->reverses.v[i]->forward)->guest;

        /* sshd may listen on both loopback addresses, whichever was asked for. */
        if (m->reverses.v[i]->proto == proto && !end->path && end->port == guest->port &&
            (m->reverses.v[i]->is_over_ssh || ip_address_eq(&end->ip, &guest->ip)))
            return true;
    }
    return false;
}

void forwards_unlink_reverses(struct forwards *m)
{
    for (size_t i = 0; i < m->reverses.n; i++) {
        reverse_forward_unlink(m->reverses.v[i]->forward);
        m->reverses.v[i]->is_open = m->reverses.v[i]->is_over_ssh && m->reverses.v[i]->is_open;
    }
}

void forwards_detach_reverses(struct forwards *m)
{
    for (size_t i = 0; i < m->reverses.n; i++)
        reverse_forward_detach(m->reverses.v[i]->forward);
}

void forwards_answer(struct forwards *m, const struct guest_msg *msg)
{
    for (size_t i = 0; i < m->reverses.n; i++)
        if (reverse_forward_answer(m->reverses.v[i]->forward, msg))
            return;
}

static void add(struct forwards *m, const struct forward_rule *rule, enum forward_proto proto,
                const struct forward_end *guest, uint16_t guest_port)
{
    struct reverse *r = mem_new(struct reverse);
    struct reverse_forward_params params = {
        .loop = m->params.loop,
        .proto = proto,
        .guest = *guest,
        .host = forward_rule_host(rule, guest_port),
        .number = (uint32_t)m->reverses.n + 1,
        .uid = (uint32_t)m->params.config->user.uid.v,
        .on_change = forward_changed,
        .arg = r,
    };

    r->owner = m;
    r->rule = rule;
    r->proto = proto;
    r->guest_text = forward_end_text(guest);
    r->host_text = forward_end_text(&params.host);
    r->forward = reverse_forward_open(&params);
    *vec_push(&m->reverses) = r;
}

void forwards_make_reverses(struct forwards *m)
{
    for (size_t i = 0; i < m->rules.list.n; i++) {
        const struct forward_rule *rule = &m->rules.list.v[i];

        if (!rule->is_reverse || rule->is_ignore || rule->is_static)
            continue;
        if (rule->guest_socket) {
            add(m, rule, FORWARD_UNIX, &(struct forward_end){ .path = rule->guest_socket },
                rule->guest_first);
            continue;
        }
        for (unsigned port = rule->guest_first; port <= rule->guest_last; port++)
            for (enum forward_proto proto = FORWARD_TCP; proto <= FORWARD_UDP; proto++)
                if ((rule->protos & BIT(proto)) && !(proto == FORWARD_UDP && rule->host_socket))
                    add(m, rule, proto,
                        &(struct forward_end){ .ip = rule->guest_ip, .port = (uint16_t)port },
                        (uint16_t)port);
    }
}

void forwards_free_reverses(struct forwards *m)
{
    for (size_t i = 0; i < m->reverses.n; i++) {
        struct reverse *r = m->reverses.v[i];

        reverse_forward_close(r->forward);
        free(r->guest_text);
        free(r->host_text);
        free(r->error);
        free(r);
    }
    vec_done(&m->reverses);
}
