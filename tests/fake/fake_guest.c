#include "fake_guest.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_ring.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "wire/vhost_user.h"

#define USER_BASE 0x7f0000000000ull
#define USER_GAP 0x10000000ull /* between the regions, in QEMU's address space */
#define QUEUE_AT(q) ((q) * 0x4000u)
#define AVAIL_AT(q) (QUEUE_AT(q) + 0x1000u)
#define USED_AT(q) (QUEUE_AT(q) + 0x2000u)
/* The receive buffers lie across the border of the regions. */
#define TX_AT 0x10000u
#define RX_AT (TX_AT + FAKE_TX_SLOTS * FAKE_TX_SIZE)

static uint16_t *at16(struct fake_guest *g, uint32_t at)
{
    return (uint16_t *)(void *)(g->mem + at);
}

static bool has(const struct fake_guest *g, unsigned feature)
{
    return g->features >> feature & 1;
}

void fake_guest_send_raw(struct fake_guest *g, const void *bytes, size_t n, const int *fds,
                         unsigned n_fds)
{
    union {
        char bytes[CMSG_SPACE(16 * sizeof(int))];
        struct cmsghdr align;
    } control = { 0 };
    struct iovec iov = { (void *)bytes, n };
    struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };

    if (n_fds > 0) {
        struct cmsghdr *c;

        mh.msg_control = control.bytes;
        mh.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
        c = CMSG_FIRSTHDR(&mh);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
        memcpy(CMSG_DATA(c), fds, n_fds * sizeof(int));
    }
    (void)sendmsg(g->sock, &mh, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static bool read_whole(struct fake_guest *g, void *out, size_t n)
{
    for (size_t done = 0; done < n;) {
        ssize_t got = recv(g->sock, (char *)out + done, n - done, MSG_DONTWAIT);

        if (got == 0 || (got < 0 && errno != EAGAIN))
            return false;
        if (got < 0)
            g->spin(g->arg);
        else
            done += (size_t)got;
    }
    return true;
}

int fake_guest_request(struct fake_guest *g, uint32_t request, bool need_reply, const void *payload,
                       uint32_t n, const int *fds, unsigned n_fds, void *answer)
{
    uint8_t bytes[VHOST_USER_HEAD_LEN + 4096];
    const uint32_t head[3] = { request, VHOST_USER_VERSION | (need_reply ? VHOST_USER_NEED_REPLY : 0),
                               n };
    uint32_t answer_head[3];
    uint8_t rest[VHOST_USER_PAYLOAD_LEN_MAX];

    memcpy(bytes, head, sizeof(head));
    if (n > 0)
        memcpy(bytes + sizeof(head), payload, n);
    fake_guest_send_raw(g, bytes, sizeof(head) + n, fds, n_fds);
    g->spin(g->arg);
    if (!need_reply && !answer)
        return 0;
    if (!read_whole(g, answer_head, sizeof(answer_head)) || answer_head[2] > sizeof(rest) ||
        !read_whole(g, rest, answer_head[2]))
        return -1;
    if (answer)
        memcpy(answer, rest, answer_head[2]);
    return (int)answer_head[2];
}

static void set(struct fake_guest *g, uint32_t request, const void *payload, uint32_t n, int fd)
{
    uint64_t result = 1;

    if (fake_guest_request(g, request, true, payload, n, &fd, fd >= 0 ? 1 : 0, &result) == 8)
        g->is_up = g->is_up && result == 0;
    else
        g->is_up = false;
}

bool fake_guest_set_memory(struct fake_guest *g)
{
    const struct {
        uint32_t n, pad;
        uint64_t regions[2][4];
    } table = { 2, 0,
                { { 0, FAKE_SPLIT, USER_BASE, 0 },
                  { FAKE_SPLIT, FAKE_MEM_SIZE - FAKE_SPLIT, USER_BASE + FAKE_SPLIT + USER_GAP,
                    FAKE_SPLIT } } };
    const int fds[2] = { g->mem_fd, g->mem_fd };
    uint64_t result = 1;

    return fake_guest_request(g, VHOST_USER_SET_MEM_TABLE, true, &table, sizeof(table), fds, 2,
                              &result) == 8 && result == 0;
}

struct fake_guest *fake_guest_new(int take_sock, uint64_t features, void (*spin)(void *), void *arg)
{
    struct fake_guest *g = mem_new(struct fake_guest);
    int rc;

    g->sock = take_sock;
    g->spin = spin;
    g->arg = arg;
    g->mem_fd = memfd_create("guest", MFD_CLOEXEC);
    rc = ftruncate(g->mem_fd, FAKE_MEM_SIZE);
    g->mem = mmap(NULL, FAKE_MEM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, g->mem_fd, 0);
    assert(rc == 0 && g->mem != MAP_FAILED);
    for (unsigned q = 0; q < 2; q++) {
        g->kick_fd[q] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        g->call_fd[q] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    }
    g->is_up = true;
    if (fake_guest_request(g, VHOST_USER_GET_FEATURES, false, NULL, 0, NULL, 0, &g->features) != 8)
        g->is_up = false;
    g->features &= features;
    set(g, VHOST_USER_SET_OWNER, NULL, 0, -1);
    set(g, VHOST_USER_SET_FEATURES, &g->features, 8, -1);
    return g;
}

void fake_guest_free(struct fake_guest *g)
{
    for (unsigned q = 0; q < 2; q++) {
        (void)close(g->kick_fd[q]);
        (void)close(g->call_fd[q]);
    }
    (void)munmap(g->mem, FAKE_MEM_SIZE);
    (void)close(g->mem_fd);
    (void)close(g->sock);
    free(g);
}

void fake_guest_desc(struct fake_guest *g, unsigned queue, unsigned index, uint64_t addr,
                     uint32_t len, uint16_t flags, uint16_t next)
{
    const struct vring_desc d = { addr, len, flags, next };

    memcpy(g->mem + QUEUE_AT(queue) + 16 * index, &d, sizeof(d));
}

void fake_guest_kick(struct fake_guest *g, unsigned queue)
{
    const uint64_t one = 1;
    ssize_t n = write(g->kick_fd[queue], &one, sizeof(one));

    g->n_kicks += n > 0;
}

void fake_guest_offer(struct fake_guest *g, unsigned queue, uint16_t head)
{
    uint16_t old = g->avail[queue]++;
    bool wanted;

    *at16(g, AVAIL_AT(queue) + 4 + 2 * (old % FAKE_QUEUE_NUM)) = head;
    __atomic_store_n(at16(g, AVAIL_AT(queue) + 2), g->avail[queue], __ATOMIC_SEQ_CST);
    wanted = has(g, VIRTIO_RING_F_EVENT_IDX)
                 ? *at16(g, USED_AT(queue) + 4 + 8 * FAKE_QUEUE_NUM) == old
                 : !(*at16(g, USED_AT(queue)) & VRING_USED_F_NO_NOTIFY);
    if (wanted && g->is_up)
        fake_guest_kick(g, queue);
}

bool fake_guest_used(struct fake_guest *g, unsigned queue, uint32_t *out_head, uint32_t *out_len)
{
    uint8_t *elem = g->mem + USED_AT(queue) + 4 + 8 * (g->used[queue] % FAKE_QUEUE_NUM);

    if (__atomic_load_n(at16(g, USED_AT(queue) + 2), __ATOMIC_ACQUIRE) == g->used[queue])
        return false;
    memcpy(out_head, elem, 4);
    memcpy(out_len, elem + 4, 4);
    g->used[queue]++;
    /* Asks for an interrupt at the next one. */
    *at16(g, AVAIL_AT(queue) + 4 + 2 * FAKE_QUEUE_NUM) = g->used[queue];
    return true;
}

/* As Linux 6.1 does: the header and the buffer are two descriptors. */
static void offer_rx(struct fake_guest *g, unsigned slot)
{
    uint64_t at = RX_AT + (uint64_t)slot * 2 * FAKE_RX_SIZE;

    fake_guest_desc(g, 0, 2 * slot, at, 44, VRING_DESC_F_NEXT | VRING_DESC_F_WRITE,
                    (uint16_t)(2 * slot + 1));
    fake_guest_desc(g, 0, 2 * slot + 1, at + 44, FAKE_RX_SIZE, VRING_DESC_F_WRITE, 0);
    fake_guest_offer(g, 0, (uint16_t)(2 * slot));
}

static void set_up_driver(struct fake_guest *g)
{
    memset(g->mem, 0, TX_AT);
    memset(g->avail, 0, sizeof(g->avail));
    memset(g->used, 0, sizeof(g->used));
    memset(g->base, 0, sizeof(g->base));
    g->n_tx_free = 0;
    for (unsigned i = 0; i < FAKE_TX_SLOTS; i++)
        g->tx_free[g->n_tx_free++] = (uint16_t)i;
    g->is_up = false; /* no kicks yet */
    for (unsigned i = 0; i < FAKE_RX_BUFFERS && !g->has_no_rx; i++)
        offer_rx(g, i);
}

void fake_guest_start(struct fake_guest *g, bool resume)
{
    if (!resume)
        set_up_driver(g);
    g->is_up = fake_guest_set_memory(g);
    for (uint32_t q = 0; q < 2; q++) {
        const struct {
            uint32_t index, flags;
            uint64_t desc, used, avail, log;
        } addr = { q, 0, USER_BASE + QUEUE_AT(q), USER_BASE + USED_AT(q), USER_BASE + AVAIL_AT(q), 0 };
        const uint64_t number = q;

        set(g, VHOST_USER_SET_VRING_NUM, (uint32_t[]){ q, FAKE_QUEUE_NUM }, 8, -1);
        set(g, VHOST_USER_SET_VRING_BASE, (uint32_t[]){ q, g->base[q] }, 8, -1);
        set(g, VHOST_USER_SET_VRING_ADDR, &addr, sizeof(addr), -1);
        set(g, VHOST_USER_SET_VRING_KICK, &number, 8, g->kick_fd[q]);
        set(g, VHOST_USER_SET_VRING_CALL, &number, 8, g->call_fd[q]);
        set(g, VHOST_USER_SET_VRING_ENABLE, (uint32_t[]){ q, 1 }, 8, -1);
    }
}

void fake_guest_stop(struct fake_guest *g)
{
    for (uint32_t q = 0; q < 2; q++) {
        uint32_t answer[2] = { 0 };

        (void)fake_guest_request(g, VHOST_USER_GET_VRING_BASE, false, (uint32_t[]){ q, 0 }, 8, NULL,
                                 0, answer);
        g->base[q] = (uint16_t)answer[1];
    }
    g->is_up = false;
}

bool fake_guest_send(struct fake_guest *g, const void *packet, size_t n)
{
    uint32_t head, len;
    unsigned slot;

    while (fake_guest_used(g, 1, &head, &len))
        if (head < 2 * FAKE_TX_SLOTS && g->n_tx_free < FAKE_TX_SLOTS)
            g->tx_free[g->n_tx_free++] = (uint16_t)(head / 2);
    if (g->n_tx_free == 0 || n > FAKE_TX_SIZE)
        return false;
    slot = g->tx_free[--g->n_tx_free];
    memcpy(g->mem + TX_AT + slot * FAKE_TX_SIZE, packet, n);
    if (n > 44) {
        fake_guest_desc(g, 1, 2 * slot, TX_AT + slot * FAKE_TX_SIZE, 44, VRING_DESC_F_NEXT,
                        (uint16_t)(2 * slot + 1));
        fake_guest_desc(g, 1, 2 * slot + 1, TX_AT + slot * FAKE_TX_SIZE + 44, (uint32_t)n - 44, 0, 0);
    } else {
        fake_guest_desc(g, 1, 2 * slot, TX_AT + slot * FAKE_TX_SIZE, (uint32_t)n, 0, 0);
    }
    fake_guest_offer(g, 1, (uint16_t)(2 * slot));
    return true;
}

size_t fake_guest_receive(struct fake_guest *g, uint8_t out[44 + FAKE_RX_SIZE])
{
    uint32_t head, len;

    if (!fake_guest_used(g, 0, &head, &len) || head >= 2 * FAKE_RX_BUFFERS ||
        len > 44 + FAKE_RX_SIZE)
        return 0;
    memcpy(out, g->mem + RX_AT + (head / 2) * 2 * FAKE_RX_SIZE, len);
    offer_rx(g, head / 2);
    return len;
}

bool fake_guest_called(struct fake_guest *g, unsigned queue)
{
    uint64_t n;
    bool called = read(g->call_fd[queue], &n, sizeof(n)) > 0;

    g->n_calls += called;
    return called;
}
