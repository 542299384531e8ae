#include "vhost/ring.h"

#include <endian.h>
#include <string.h>
#include <unistd.h>

/*
 * Layouts: descriptor { le64 addr; le32 len; le16 flags; le16 next }, available ring
 * { le16 flags, idx, ring[num], used_event }, used ring { le16 flags, idx; { le32 id, len } ring[num];
 * le16 avail_event }.
 */
#define DESC_LEN 16u
#define DESC_F_NEXT 1u
#define DESC_F_WRITE 2u
#define DESC_F_INDIRECT 4u
#define AVAIL_F_NO_INTERRUPT 1u
#define USED_F_NO_NOTIFY 1u

struct desc {
    uint64_t addr;
    uint32_t len;
    uint16_t flags, next;
};

static uint16_t load16(const uint8_t *at)
{
    return le16toh(__atomic_load_n((const uint16_t *)(const void *)at, __ATOMIC_RELAXED));
}

static uint16_t load16_acquire(const uint8_t *at)
{
    return le16toh(__atomic_load_n((const uint16_t *)(const void *)at, __ATOMIC_ACQUIRE));
}

static void store16(uint8_t *at, uint16_t value)
{
    __atomic_store_n((uint16_t *)(void *)at, htole16(value), __ATOMIC_RELAXED);
}

static const uint8_t *avail_idx(const struct vhost_ring *r)
{
    return r->avail + 2;
}

static const uint8_t *used_event(const struct vhost_ring *r)
{
    return r->avail + 4 + 2 * r->num;
}

static uint8_t *used_idx(const struct vhost_ring *r)
{
    return r->used + 2;
}

static uint8_t *avail_event(const struct vhost_ring *r)
{
    return r->used + 4 + 8 * r->num;
}

static bool locate(struct vhost_ring *r, const struct vhost_memory *memory,
                   const struct vhost_ring_setup *setup, struct err **errp)
{
    unsigned num = setup->num;
    uint8_t *desc, *avail, *used;

    if (num == 0 || num > VHOST_RING_NUM_MAX || (num & (num - 1)) != 0)
        return err_set(errp, ERR_PROTOCOL, "a queue of %u entries is not served", num);
    if (setup->desc % 16 != 0 || setup->avail % 2 != 0 || setup->used % 4 != 0)
        return err_set(errp, ERR_PROTOCOL, "a queue is not aligned");
    desc = vhost_memory_at_user(memory, setup->desc, (uint64_t)DESC_LEN * num);
    avail = vhost_memory_at_user(memory, setup->avail, 6 + 2ull * num);
    used = vhost_memory_at_user(memory, setup->used, 6 + 8ull * num);
    /* A mapping begins on a page, but the offset of a region in it may be odd. */
    if (!desc || !avail || !used || ((uintptr_t)desc | (uintptr_t)avail | (uintptr_t)used) % 2 != 0)
        return err_set(errp, ERR_PROTOCOL, "a queue lies outside of the guest's memory");
    r->desc = desc;
    r->avail = avail;
    r->used = used;
    return true;
}

bool vhost_ring_start(struct vhost_ring *r, const struct vhost_memory *memory,
                      const struct vhost_ring_setup *setup, uint16_t base, struct err **errp)
{
    if (!locate(r, memory, setup, errp))
        return false;
    r->memory = memory;
    r->num = setup->num;
    r->event_idx = setup->event_idx;
    r->indirect = setup->indirect;
    r->next_avail = r->seen_avail = base;
    r->next_used = r->told_used = load16(used_idx(r));
    r->suppressed = false;
    r->broken = NULL;
    return true;
}

bool vhost_ring_relocate(struct vhost_ring *r, const struct vhost_ring_setup *setup,
                         struct err **errp)
{
    return locate(r, r->memory, setup, errp);
}

uint16_t vhost_ring_stop(struct vhost_ring *r)
{
    r->memory = NULL;
    return r->next_avail;
}

bool vhost_ring_is_running(const struct vhost_ring *r)
{
    return r->memory && !r->broken;
}

static enum vhost_pop set_broken(struct vhost_ring *r, const char *why)
{
    r->broken = why;
    return VHOST_POP_BROKEN;
}

static struct desc load_desc(const uint8_t *table, unsigned index)
{
    struct desc d;

    /* One copy, which is checked and used; what the guest writes later does not matter. */
    memcpy(&d, table + (size_t)DESC_LEN * index, sizeof(d));
    __asm__ volatile("" : : : "memory");
    return (struct desc){ le64toh(d.addr), le32toh(d.len), le16toh(d.flags), le16toh(d.next) };
}

/* A walk along one chain. */
struct walk {
    struct vhost_chain *chain;
    struct iovec *iov;
    unsigned max_iov;
};

/* NULL, or why the descriptor is not valid. */
static const char *add_desc(const struct vhost_ring *r, struct walk *w, const struct desc *d)
{
    struct vhost_chain *chain = w->chain;
    unsigned n_iov = chain->n_out + chain->n_in, n;
    bool is_in = d->flags & DESC_F_WRITE;

    if (!is_in && chain->n_in > 0)
        return "a readable buffer follows a writable one";
    if (d->len == 0)
        return "a buffer is empty";
    if (n_iov == w->max_iov)
        return "a chain has too many buffers";
    n = vhost_memory_pieces(r->memory, d->addr, d->len, w->iov + n_iov, w->max_iov - n_iov);
    if (n == 0)
        return "a buffer lies outside of the guest's memory";
    if (is_in) {
        chain->n_in += n;
        chain->in_len += d->len;
    } else {
        chain->n_out += n;
        chain->out_len += d->len;
    }
    return NULL;
}

/* Walks a table of num descriptors from index on. The first indirect descriptor ends the walk and
 * is returned in *out_indirect, whose len is 0 otherwise. */
static const char *walk_table(const struct vhost_ring *r, struct walk *w, const uint8_t *table,
                              unsigned num, unsigned index, struct desc *out_indirect)
{
    out_indirect->len = 0;
    for (unsigned n_seen = 0;; n_seen++) {
        struct desc d;

        if (n_seen == num)
            return "a chain is a loop";
        if (index >= num)
            return "a chain leaves its table";
        d = load_desc(table, index);
        if (d.flags & DESC_F_INDIRECT) {
            if (d.flags & DESC_F_NEXT)
                return "a chain goes on after an indirect table";
            if (d.len == 0)
                return "an indirect table is empty";
            *out_indirect = d;
            return NULL;
        }
        const char *why = add_desc(r, w, &d);

        if (why)
            return why;
        if (!(d.flags & DESC_F_NEXT))
            return NULL;
        index = d.next;
    }
}

static const char *walk_chain(const struct vhost_ring *r, struct walk *w)
{
    const uint8_t *table;
    struct desc indirect;
    const char *why = walk_table(r, w, r->desc, r->num, w->chain->head, &indirect);
    unsigned num;

    if (why || indirect.len == 0)
        return why;
    num = indirect.len / DESC_LEN;
    if (!r->indirect)
        return "indirect tables were not agreed on";
    if (indirect.len % DESC_LEN != 0 || num > VHOST_INDIRECT_NUM_MAX)
        return "an indirect table has a wrong length";
    table = vhost_memory_at_guest(r->memory, indirect.addr, indirect.len);
    if (!table)
        return "an indirect table lies outside of the guest's memory";
    why = walk_table(r, w, table, num, 0, &indirect);
    if (!why && indirect.len != 0)
        why = "an indirect table inside of another";
    return why;
}

enum vhost_pop vhost_ring_pop(struct vhost_ring *r, struct vhost_chain *out, struct iovec *iov,
                              unsigned max_iov)
{
    struct vhost_chain chain = { 0 };
    struct walk w = { &chain, iov, max_iov };
    const char *why;

    if (!vhost_ring_is_running(r))
        return VHOST_POP_BROKEN;
    if (r->next_avail == r->seen_avail) {
        r->seen_avail = load16_acquire(avail_idx(r));
        if (r->next_avail == r->seen_avail)
            return VHOST_POP_EMPTY;
        if ((uint16_t)(r->seen_avail - r->next_avail) > r->num)
            return set_broken(r, "more chains are available than the queue has entries");
    }
    chain.head = load16(r->avail + 4 + 2 * (r->next_avail & (r->num - 1)));
    why = walk_chain(r, &w);
    if (why)
        return set_broken(r, why);
    r->next_avail++;
    *out = chain;
    return VHOST_POP_CHAIN;
}

void vhost_ring_break(struct vhost_ring *r, const char *why)
{
    r->broken = why;
}

void vhost_ring_unpop(struct vhost_ring *r, unsigned n)
{
    r->next_avail = (uint16_t)(r->next_avail - n);
}

void vhost_ring_push(struct vhost_ring *r, const struct vhost_chain *chain, uint32_t n_written)
{
    uint8_t *elem = r->used + 4 + 8 * (size_t)(r->next_used & (r->num - 1));
    const uint32_t words[2] = { htole32(chain->head), htole32(n_written) };

    memcpy(elem, words, sizeof(words));
    r->next_used++;
    __atomic_store_n((uint16_t *)(void *)used_idx(r), htole16(r->next_used), __ATOMIC_RELEASE);
}

static void interrupt(struct vhost_ring *r)
{
    const uint64_t one = 1;

    r->suppressed = false;
    if (r->call_fd >= 0) {
        /* Fails only when the counter is full, and then the guest is already being called. */
        ssize_t n = write(r->call_fd, &one, sizeof(one));

        (void)n;
    }
}

void vhost_ring_notify(struct vhost_ring *r)
{
    uint16_t from = r->told_used;
    bool wanted;

    if (!r->memory || r->next_used == from)
        return;
    r->told_used = r->next_used;
    /* The used index must be visible before the guest's wish is read. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (r->event_idx) {
        uint16_t event = load16(used_event(r));

        wanted = (uint16_t)(r->next_used - event - 1) < (uint16_t)(r->next_used - from);
    } else {
        wanted = !(load16(r->avail) & AVAIL_F_NO_INTERRUPT);
    }
    if (wanted)
        interrupt(r);
    else
        r->suppressed = true;
}

unsigned vhost_ring_untold(const struct vhost_ring *r)
{
    return r->memory ? (uint16_t)(r->next_used - r->told_used) : 0;
}

void vhost_ring_notify_again(struct vhost_ring *r)
{
    if (r->memory && r->suppressed)
        interrupt(r);
}

bool vhost_ring_want_kicks(struct vhost_ring *r)
{
    if (!vhost_ring_is_running(r))
        return false;
    if (r->event_idx)
        store16(avail_event(r), r->next_avail);
    else
        store16(r->used, 0);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return load16(avail_idx(r)) != r->next_avail;
}

void vhost_ring_refuse_kicks(struct vhost_ring *r)
{
    /* With event indexes nothing needs to be said: an old position asks for no kick. */
    if (vhost_ring_is_running(r) && !r->event_idx)
        store16(r->used, USED_F_NO_NOTIFY);
}
