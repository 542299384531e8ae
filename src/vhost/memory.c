#include "vhost/memory.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/list.h"
#include "base/mem.h"

struct vhost_mapping {
    struct list link;
    dev_t dev;
    ino_t ino;
    uint8_t *start;
    size_t size;
    unsigned refs;
};

/* All mappings of the process: device threads share them. */
static pthread_mutex_t mappings_lock = PTHREAD_MUTEX_INITIALIZER;
static struct list mappings = { &mappings, &mappings };

static struct vhost_mapping *mapping_find(const struct stat *st)
{
    list_for_each(m, &mappings, struct vhost_mapping, link)
        if (m->dev == st->st_dev && m->ino == st->st_ino && m->size == (size_t)st->st_size)
            return m;
    return NULL;
}

static struct vhost_mapping *mapping_new(int fd, const struct stat *st, struct err **errp)
{
    struct vhost_mapping *m;
    void *start = mmap(NULL, (size_t)st->st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    if (start == MAP_FAILED) {
        (void)err_set_os(errp, errno, "cannot map %lld bytes of guest memory",
                         (long long)st->st_size);
        return NULL;
    }
    (void)madvise(start, (size_t)st->st_size, MADV_DONTDUMP); /* a core file need not hold the guest */
    m = mem_new(struct vhost_mapping);
    m->dev = st->st_dev;
    m->ino = st->st_ino;
    m->start = start;
    m->size = (size_t)st->st_size;
    list_push_back(&mappings, &m->link);
    return m;
}

static struct vhost_mapping *mapping_get(int fd, struct err **errp)
{
    struct vhost_mapping *m;
    struct stat st;

    if (fstat(fd, &st) < 0) {
        (void)err_set_os(errp, errno, "cannot examine the guest memory's descriptor");
        return NULL;
    }
    if (!S_ISREG(st.st_mode) || st.st_size <= 0) {
        (void)err_set(errp, ERR_PROTOCOL, "guest memory is not a file; QEMU needs share=on");
        return NULL;
    }
    (void)pthread_mutex_lock(&mappings_lock);
    m = mapping_find(&st);
    if (!m)
        m = mapping_new(fd, &st, errp);
    if (m)
        m->refs++;
    (void)pthread_mutex_unlock(&mappings_lock);
    return m;
}

static void mapping_put(struct vhost_mapping *m)
{
    (void)pthread_mutex_lock(&mappings_lock);
    if (--m->refs == 0) {
        list_remove(&m->link);
        (void)munmap(m->start, m->size);
        free(m);
    }
    (void)pthread_mutex_unlock(&mappings_lock);
}

static bool is_inside(uint64_t start, uint64_t size, uint64_t addr, uint64_t len)
{
    return addr >= start && addr - start <= size && len <= size - (addr - start);
}

static bool region_set(struct vhost_region *out, const struct vhost_user_region *in, int fd,
                       struct err **errp)
{
    struct vhost_mapping *mapping;

    if (in->size == 0 || in->guest_addr > UINT64_MAX - in->size ||
        in->user_addr > UINT64_MAX - in->size)
        return err_set(errp, ERR_PROTOCOL, "guest memory region of %llu bytes at %#llx is not valid",
                       (unsigned long long)in->size, (unsigned long long)in->guest_addr);
    mapping = mapping_get(fd, errp);
    if (!mapping)
        return false;
    if (!is_inside(0, mapping->size, in->mmap_offset, in->size)) {
        mapping_put(mapping);
        return err_set(errp, ERR_PROTOCOL, "guest memory region lies outside of its file");
    }
    *out = (struct vhost_region){ .guest_addr = in->guest_addr,
                                  .user_addr = in->user_addr,
                                  .size = in->size,
                                  .start = mapping->start + in->mmap_offset,
                                  .mapping = mapping };
    return true;
}

bool vhost_memory_set(struct vhost_memory *m, const struct vhost_user_region *regions,
                      const int *fds, unsigned n_regions, struct err **errp)
{
    struct vhost_memory fresh = { 0 };

    for (unsigned i = 0; i < n_regions; i++) {
        if (!region_set(&fresh.regions[i], &regions[i], fds[i], errp)) {
            vhost_memory_done(&fresh);
            return false;
        }
        fresh.n_regions++;
    }
    vhost_memory_done(m);
    *m = fresh;
    return true;
}

void vhost_memory_done(struct vhost_memory *m)
{
    for (unsigned i = 0; i < m->n_regions; i++)
        mapping_put(m->regions[i].mapping);
    memset(m, 0, sizeof(*m));
}

void *vhost_memory_at_guest(const struct vhost_memory *m, uint64_t addr, uint64_t len)
{
    for (unsigned i = 0; i < m->n_regions; i++) {
        const struct vhost_region *r = &m->regions[i];

        if (is_inside(r->guest_addr, r->size, addr, len))
            return r->start + (addr - r->guest_addr);
    }
    return NULL;
}

void *vhost_memory_at_user(const struct vhost_memory *m, uint64_t addr, uint64_t len)
{
    for (unsigned i = 0; i < m->n_regions; i++) {
        const struct vhost_region *r = &m->regions[i];

        if (is_inside(r->user_addr, r->size, addr, len))
            return r->start + (addr - r->user_addr);
    }
    return NULL;
}

unsigned vhost_memory_pieces(const struct vhost_memory *m, uint64_t addr, uint32_t len,
                             struct iovec *out, unsigned max)
{
    unsigned n = 0;

    while (len > 0) {
        const struct vhost_region *in = NULL;
        uint64_t part;

        for (unsigned i = 0; i < m->n_regions && !in; i++)
            if (is_inside(m->regions[i].guest_addr, m->regions[i].size, addr, 1))
                in = &m->regions[i];
        if (!in || n == max)
            return 0;
        part = in->size - (addr - in->guest_addr);
        if (part > len)
            part = len;
        out[n++] = (struct iovec){ in->start + (addr - in->guest_addr), (size_t)part };
        addr += part; /* cannot wrap: a region ends below 2^64 */
        len -= (uint32_t)part;
    }
    return n;
}
