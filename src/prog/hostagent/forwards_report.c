/*
 * What GET /v1/ports tells. Connections and bytes are counted by `devices`, so it is asked about
 * each open forward, a few at a time: it drops a host agent that does not read its answers.
 */
#include "base/mem.h"
#include "lang/json/json.h"
#include "prog/hostagent/forwards_priv.h"
#include "svc/devices/devices_client.h"

enum { QUESTIONS_MAX = 32 };

struct question {
    struct report *report;
    json_t *entry; /* borrowed from the report */
    uint32_t tag;
    struct devctl_counters counted; /* what `devices` does not know */
};

struct report {
    json_t *doc;
    VEC(struct question *) questions;
    size_t n_asked, n_answered;
    forwards_report_fn on_done; /* NULL once done */
    void *arg;
    struct devices_client *devices;
};

static void put_counters(json_t *entry, const struct devctl_counters *counters)
{
    (void)json_object_set_new(entry, "connections", json_integer((json_int_t)counters->live));
    (void)json_object_set_new(entry, "totalConnections", json_integer((json_int_t)counters->total));
    (void)json_object_set_new(entry, "bytesToGuest",
                              json_integer((json_int_t)counters->bytes_to_guest));
    (void)json_object_set_new(entry, "bytesFromGuest",
                              json_integer((json_int_t)counters->bytes_from_guest));
}

static void put_text(json_t *entry, const char *key, const char *text)
{
    if (text)
        (void)json_object_set_new(entry, key, json_string(text));
}

static json_t *new_entry(struct report *r, const char *rule, bool is_reverse,
                         enum forward_proto proto, const char *guest_text)
{
    json_t *entry = json_object();

    put_text(entry, "rule", rule);
    put_text(entry, "direction", is_reverse ? "guest-to-host" : "host-to-guest");
    put_text(entry, "protocol", forward_proto_names[proto]);
    put_text(entry, "guestAddr", guest_text);
    (void)json_array_append_new(json_object_get(r->doc, "ports"), entry);
    return entry;
}

static void ask_about(struct report *r, json_t *entry, uint32_t tag,
                      const struct devctl_counters *counted)
{
    struct question *q = mem_new(struct question);

    *q = (struct question){ r, entry, tag, *counted };
    *vec_push(&r->questions) = q;
}

static void add_wish(struct report *r, const struct wish *wish)
{
    const struct forward *f = wish->claim.at;
    json_t *entry =
        new_entry(r, wish->claim.rule, false, wish->claim.proto, wish->claim.guest_text);
    struct devctl_counters counters = { 0 };

    if (wish->is_nat)
        (void)json_object_set_new(entry, "nat", json_true());
    if (!f) {
        put_text(entry, "state", "not-forwarded");
        return;
    }
    put_text(entry, "hostProtocol", forward_proto_names[forward_get_proto(f)]);
    put_text(entry, "hostAddr", forward_host_text(f));
    put_text(entry, "via", forward_is_over_ssh(f) ? "ssh" : "vsock");
    put_text(entry, "state",
             forward_claim_at(f, 0) == &wish->claim || forward_error(f)
                 ? forward_state_names[forward_get_state(f)]
                 : "standby");
    put_text(entry, "error", forward_error(f));
    if (forward_get_state(f) != FORWARD_OPEN || forward_is_over_ssh(f) ||
        forward_claim_at(f, 0) != &wish->claim)
        return;
    forward_count(f, &counters);
    ask_about(r, entry, forward_get_proto(f) == FORWARD_UDP ? 0 : forward_tag(f), &counters);
}

static void add_reverse(struct report *r, const struct reverse *reverse)
{
    json_t *entry = new_entry(r, reverse->rule->name, true, reverse->proto, reverse->guest_text);
    struct devctl_counters counters = { 0 };

    put_text(entry, "hostProtocol",
             forward_proto_names[reverse_forward_params(reverse->forward)->host.path ? FORWARD_UNIX
                                 : reverse->proto == FORWARD_UDP                     ? FORWARD_UDP
                                                                 : FORWARD_TCP]);
    put_text(entry, "hostAddr", reverse->host_text);
    put_text(entry, "via", reverse->is_over_ssh ? "ssh" : "vsock");
    put_text(entry, "state", reverse->error ? "blocked" : reverse->is_open ? "open" : "closed");
    put_text(entry, "error", reverse->error);
    if (reverse->is_over_ssh)
        return;
    reverse_forward_count(reverse->forward, &counters);
    ask_about(r, entry, reverse->proto == FORWARD_UDP ? 0 : reverse_forward_tag(reverse->forward),
              &counters);
}

static void finish(struct report *r)
{
    r->on_done(r->arg, r->doc);
    for (size_t i = 0; i < r->questions.n; i++)
        free(r->questions.v[i]);
    vec_done(&r->questions);
    json_decref(r->doc);
    free(r);
}

static void ask_next(struct report *r);

/* Until then nothing was asked about the forward, err has no counters, or `devices` is gone. */
static void answered(void *arg, const struct devctl_counters *counters, const struct err *err)
{
    struct question *q = arg;
    struct report *r = q->report;

    if (counters) {
        q->counted.live += counters->live;
        q->counted.total += counters->total;
        q->counted.bytes_to_guest += counters->bytes_to_guest;
        q->counted.bytes_from_guest += counters->bytes_from_guest;
    }
    if (err && err_kind(err) == ERR_CANCELED)
        r->devices = NULL;
    put_counters(q->entry, &q->counted);
    r->n_answered++;
    ask_next(r);
}

static void ask_next(struct report *r)
{
    while (r->n_asked < r->questions.n && r->n_asked - r->n_answered < QUESTIONS_MAX) {
        struct question *q = r->questions.v[r->n_asked++];

        if (q->tag && r->devices) {
            devices_client_stats(r->devices, q->tag, answered, q);
        } else {
            put_counters(q->entry, &q->counted);
            r->n_answered++;
        }
    }
    if (r->n_answered == r->questions.n)
        finish(r);
}

/* ssh, where the driver forwards it. */
static void add_driver_ssh(struct report *r, const struct forwards *m)
{
    json_t *entry = new_entry(r, "ssh", false, FORWARD_TCP, "0.0.0.0:22");

    put_text(entry, "hostProtocol", "tcp");
    (void)json_object_set_new(
        entry, "hostAddr",
        json_sprintf("%s:%u", m->params.ssh.address, (unsigned)m->params.ssh.port));
    put_text(entry, "via", "driver");
    put_text(entry, "state", "open");
}

void forwards_report(struct forwards *m, forwards_report_fn on_done, void *arg)
{
    struct report *r = mem_new(struct report);

    r->doc = json_pack("{s:[]}", "ports");
    r->on_done = on_done;
    r->arg = arg;
    r->devices = guest_link_devices(m->link);
    if (!m->params.relays_ssh && m->params.ssh.port)
        add_driver_ssh(r, m);
    list_for_each (wish, &m->wishes, struct wish, link)
        if (wish->verdict != FORWARD_STATIC) /* the static forward speaks for it */
            add_wish(r, wish);
    for (size_t i = 0; i < m->reverses.n; i++)
        add_reverse(r, m->reverses.v[i]);
    ask_next(r);
}
