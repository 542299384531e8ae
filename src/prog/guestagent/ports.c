#include "prog/guestagent/ports.h"

#include <string.h>

static const uint8_t mapped_prefix[12] = { [10] = 0xff, [11] = 0xff };

void ports_add(struct ports *p, enum guest_proto proto, unsigned flags, const void *address,
               size_t n_address, uint16_t port)
{
    const uint8_t *bytes = address;
    struct guest_port *entry;

    if (port == 0 || p->list.n >= PORTS_MAX)
        return;
    if (n_address == 16 && memcmp(bytes, mapped_prefix, sizeof(mapped_prefix)) == 0) {
        bytes += sizeof(mapped_prefix);
        n_address = 4;
    }
    entry = vec_push(&p->list);
    entry->proto = proto;
    entry->flags = (uint8_t)flags;
    entry->port = port;
    entry->n_address = (uint8_t)n_address;
    memcpy(entry->address, bytes, n_address);
}

/* The order: what makes an entry the same as another one. */
static int compare_keys(const struct guest_port *a, const struct guest_port *b)
{
    if (a->proto != b->proto)
        return a->proto < b->proto ? -1 : 1;
    if (a->port != b->port)
        return a->port < b->port ? -1 : 1;
    if (a->n_address != b->n_address)
        return a->n_address < b->n_address ? -1 : 1;
    return memcmp(a->address, b->address, sizeof(a->address));
}

static int compare(const void *a, const void *b)
{
    const struct guest_port *x = a, *y = b;
    int order = compare_keys(x, y);

    return order ? order : (int)x->flags - (int)y->flags;
}

void ports_settle(struct ports *p)
{
    size_t n = 0;

    if (p->list.n == 0)
        return;
    qsort(p->list.v, p->list.n, sizeof(*p->list.v), compare);
    for (size_t i = 1; i < p->list.n; i++)
        if (compare_keys(&p->list.v[n], &p->list.v[i]) != 0)
            p->list.v[++n] = p->list.v[i];
    p->list.n = n + 1;
}

bool ports_has_nat(const struct ports *p, enum guest_proto proto, uint16_t port)
{
    for (size_t i = 0; i < p->list.n; i++)
        if (p->list.v[i].proto == proto && p->list.v[i].port == port &&
            (p->list.v[i].flags & GUEST_PORT_NAT))
            return true;
    return false;
}

/* Entries are collected and sent when there are many. */
struct changes {
    struct sb entries;
    unsigned flags;
    struct sb *out; /* borrowed */
};

static void send_entries(struct changes *c)
{
    guest_encode(c->out, &(struct guest_msg){ .type = GUEST_PORTS,
                                              .flags = c->flags,
                                              .data = sb_view(&c->entries) });
    sb_truncate(&c->entries, 0);
    c->flags = 0;
}

static void put_change(struct changes *c, const struct guest_port *port, bool is_removed)
{
    struct guest_port entry = *port;

    entry.is_removed = is_removed;
    guest_port_put(&c->entries, &entry);
    if (c->entries.n + GUEST_PORT_LEN_MAX > GUEST_PORTS_LEN_MAX)
        send_entries(c);
}

void ports_put_changes(const struct ports *before, const struct ports *now, bool is_reset,
                       struct sb *out)
{
    struct changes changes = { .flags = is_reset ? GUEST_PORTS_RESET : 0, .out = out };
    size_t n_before = is_reset ? 0 : before->list.n, i = 0, k = 0;

    while (i < n_before || k < now->list.n) {
        int order = i >= n_before      ? 1
                    : k >= now->list.n ? -1
                                       : compare(&before->list.v[i], &now->list.v[k]);

        if (order < 0)
            put_change(&changes, &before->list.v[i], true);
        else if (order > 0)
            put_change(&changes, &now->list.v[k], false);
        i += order <= 0;
        k += order >= 0;
    }
    if (changes.entries.n > 0 || changes.flags)
        send_entries(&changes);
    sb_done(&changes.entries);
}

void ports_done(struct ports *p)
{
    vec_done(&p->list);
}
