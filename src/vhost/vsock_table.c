#include "base/mem.h"
#include "vhost/vsock_priv.h"

/* Ports of connections that the host begins; high, so that listeners do not meet them. */
#define FIRST_PORT 0x40000000u

static struct vsock_stream **bucket_of(struct vsock_dev *v, uint32_t guest_port, uint32_t host_port)
{
    uint32_t hash = (guest_port ^ host_port * 0x9e3779b1u) * 0x85ebca6bu;

    return &v->buckets[(hash ^ hash >> 16) % BUCKETS];
}

struct vsock_stream *vsock_table_find(struct vsock_dev *v, uint32_t guest_port, uint32_t host_port)
{
    for (struct vsock_stream *s = *bucket_of(v, guest_port, host_port); s; s = s->hash_next)
        if (s->guest_port == guest_port && s->host_port == host_port)
            return s;
    return NULL;
}

struct vsock_stream *vsock_table_add(struct vsock_dev *v, uint32_t guest_port, uint32_t host_port,
                                     enum vsock_state state)
{
    struct vsock_stream **bucket = bucket_of(v, guest_port, host_port);
    struct vsock_stream *s;

    if (v->n_streams >= v->n_streams_max)
        return NULL;
    s = mem_new(struct vsock_stream);
    s->dev = v;
    s->number = ++v->next_number;
    s->guest_port = guest_port;
    s->host_port = host_port;
    s->state = state;
    s->fd = s->source.fd = -1;
    s->space = v->granted + VSOCK_GRANT_START <= VSOCK_GRANT_TOTAL / 2 ? VSOCK_GRANT_START
                                                                       : VSOCK_GRANT_MIN;
    v->granted += s->space;
    s->hash_next = *bucket;
    *bucket = s;
    s->is_hashed = true;
    list_push_back(&v->streams, &s->link);
    v->n_streams++;
    return s;
}

void vsock_table_forget(struct vsock_stream *s)
{
    struct vsock_stream **at = bucket_of(s->dev, s->guest_port, s->host_port);

    if (!s->is_hashed)
        return;
    while (*at != s)
        at = &(*at)->hash_next;
    *at = s->hash_next;
    s->is_hashed = false;
}

void vsock_table_set_idle(struct vsock_stream *s, bool is_idle)
{
    struct vsock_dev *v = s->dev;

    if (is_idle == (s->idle.next != NULL))
        return;
    if (is_idle) {
        list_push_front(&v->idle, &s->idle);
        v->n_idle++;
    } else {
        list_remove(&s->idle);
        v->n_idle--;
    }
}

struct vsock_stream *vsock_table_find_idle(struct vsock_dev *v, uint32_t guest_port)
{
    list_for_each (s, &v->idle, struct vsock_stream, idle)
        if (s->guest_port == guest_port)
            return s;
    return NULL;
}

void vsock_table_remove(struct vsock_stream *s)
{
    struct vsock_dev *v = s->dev;

    vsock_table_forget(s);
    vsock_table_set_idle(s, false);
    list_remove(&s->link);
    list_remove(&s->turn);
    ev_timer_stop(&s->timer);
    vsock_group_unref(s->group);
    vsock_bytes_done(&s->preface);
    vsock_bytes_done(&s->backlog);
    v->granted -= s->space;
    v->n_streams--;
    free(s);
}

uint32_t vsock_table_free_port(struct vsock_dev *v, uint32_t guest_port)
{
    do {
        if (++v->next_port < FIRST_PORT || v->next_port == UINT32_MAX)
            v->next_port = FIRST_PORT;
    } while (vsock_table_find(v, guest_port, v->next_port));
    return v->next_port;
}

struct vsock_group *vsock_group_new(void)
{
    struct vsock_group *g = mem_new(struct vsock_group);

    g->refs = 1;
    return g;
}

struct vsock_group *vsock_group_ref(struct vsock_group *g)
{
    if (g)
        g->refs++;
    return g;
}

void vsock_group_unref(struct vsock_group *g)
{
    if (g && --g->refs == 0)
        free(g);
}

void vsock_bytes_add(struct vsock_bytes *b, const void *bytes, size_t n)
{
    if (b->start + b->n + n > b->cap) {
        if (b->start > 0)
            memmove(b->p, b->p + b->start, b->n);
        b->start = 0;
        if (b->n + n > b->cap) {
            b->cap = b->n + n > 2 * b->cap ? b->n + n : 2 * b->cap;
            b->p = mem_resize(b->p, b->cap, 1);
        }
    }
    memcpy(b->p + b->start + b->n, bytes, n);
    b->n += n;
}

void vsock_bytes_take(struct vsock_bytes *b, size_t n)
{
    b->start += n;
    b->n -= n;
    if (b->n == 0)
        vsock_bytes_done(b);
}

void vsock_bytes_done(struct vsock_bytes *b)
{
    free(b->p);
    *b = (struct vsock_bytes){ 0 };
}
