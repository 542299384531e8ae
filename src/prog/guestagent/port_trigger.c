/*
 * The programs are assembled here by hand: they are a dozen instructions each, and a compiler for
 * BPF, its object files and their loader would be many times the size of this agent. They read two
 * things of kernel structures, which have been where they are since Linux 3.8 and 2.6: the port in
 * struct sock_common and the type in struct socket.
 */
#include "prog/guestagent/port_trigger.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/sb.h"
#include "sys/file.h"

enum {
    STATE_CLOSE = 7,        /* TCP_CLOSE */
    STATE_LISTEN = 10,      /* TCP_LISTEN */
    OFFSET_SOCK_NUM = 14,   /* of skc_num in struct sock_common */
    OFFSET_SOCKET_TYPE = 4, /* of type in struct socket */
    RING_PAGES = 1,         /* an event is 8 bytes, and they are read at once */
    PORT_KEYS_MAX = 65536,  /* every UDP port */
    PROBES_MAX = 6,
};

#define INET6_TABLE "/proc/net/if_inet6" /* is there IPv6? */

/* Where struct pt_regs has the first argument of a function. */
#if defined(__x86_64__)
enum { OFFSET_ARG0 = 14 * 8, REGISTER_SIZE = BPF_DW };
#elif defined(__aarch64__)
enum { OFFSET_ARG0 = 0, REGISTER_SIZE = BPF_DW };
#elif defined(__riscv) && __riscv_xlen == 64
enum { OFFSET_ARG0 = 10 * 8, REGISTER_SIZE = BPF_DW };
#elif defined(__arm__)
enum { OFFSET_ARG0 = 0, REGISTER_SIZE = BPF_W };
#else
enum { OFFSET_ARG0 = -1, REGISTER_SIZE = BPF_DW };
#endif

struct port_trigger {
    struct evloop *loop; /* borrowed */
    port_trigger_fn on_event;
    void *arg; /* borrowed */
    struct ev_source source;
    int ring_fd, ports_fd;
    int program_fds[PROBES_MAX], probe_fds[PROBES_MAX]; /* n_probes each */
    size_t n_probes;
    bool watches_tables; /* or cannot */
    size_t page_size;
    unsigned long *consumer;            /* how far the ring was read */
    const unsigned long *producer;      /* how far it was written */
    uint32_t known[PORT_KEYS_MAX / 32]; /* what the map has */
};

/* Instructions. */

#define INSN(code_, dst_, src_, off_, imm_)                                                 \
    {                                                                                       \
        .code = (code_), .dst_reg = (dst_), .src_reg = (src_), .off = (off_), .imm = (imm_) \
    }
#define LOAD(size, dst, src, off)    INSN(BPF_LDX | BPF_MEM | (size), dst, src, off, 0)
#define STORE_IMM(size, dst, off, v) INSN(BPF_ST | BPF_MEM | (size), dst, 0, off, v)
#define MOVE_REG(dst, src)           INSN(BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0)
#define MOVE_IMM(dst, v)             INSN(BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, v)
#define ADD_IMM(dst, v)              INSN(BPF_ALU64 | BPF_ADD | BPF_K, dst, 0, 0, v)
#define JUMP_IF(op, dst, v, skip)    INSN(BPF_JMP | (op) | BPF_K, dst, 0, skip, v)
#define CALL(helper)                 INSN(BPF_JMP | BPF_CALL, 0, 0, 0, helper)
#define EXIT                         INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)
/* Two instructions; the descriptor is filled in. */
#define LOAD_MAP(dst, which) \
    INSN(BPF_LD | BPF_DW | BPF_IMM, dst, BPF_PSEUDO_MAP_FD, 0, which), INSN(0, 0, 0, 0, 0)
#define MAP_RING  0
#define MAP_PORTS 1

/* Wakes us. */
#define WAKE                                                                             \
    STORE_IMM(BPF_DW, BPF_REG_10, -8, 1), LOAD_MAP(BPF_REG_1, MAP_RING),                 \
        MOVE_REG(BPF_REG_2, BPF_REG_10), ADD_IMM(BPF_REG_2, -8), MOVE_IMM(BPF_REG_3, 8), \
        MOVE_IMM(BPF_REG_4, 0), CALL(BPF_FUNC_ringbuf_output)
#define WAKE_LEN 8 /* instructions */
#define END      MOVE_IMM(BPF_REG_0, 0), EXIT

/* (sock, old state, new state). A connection that is accepted begins as a copy of its listener, and
 * so leaves LISTEN too, but not for CLOSE. */
static const struct bpf_insn tcp_state[] = {
    LOAD(BPF_DW, BPF_REG_2, BPF_REG_1, 8),
    LOAD(BPF_DW, BPF_REG_3, BPF_REG_1, 16),
    JUMP_IF(BPF_JEQ, BPF_REG_3, STATE_LISTEN, 2),
    JUMP_IF(BPF_JNE, BPF_REG_2, STATE_LISTEN, 1 + WAKE_LEN),
    JUMP_IF(BPF_JNE, BPF_REG_3, STATE_CLOSE, WAKE_LEN),
    WAKE,
    END,
};

/* Whatever its arguments are. */
static const struct bpf_insn any_event[] = { WAKE, END };

/* Reads n bytes at an offset of what the first argument points to, to the stack at -8. */
#define READ_ARG0(n, offset)                                                                      \
    STORE_IMM(BPF_DW, BPF_REG_10, -8, 0), LOAD(REGISTER_SIZE, BPF_REG_3, BPF_REG_1, OFFSET_ARG0), \
        ADD_IMM(BPF_REG_3, offset), MOVE_REG(BPF_REG_1, BPF_REG_10), ADD_IMM(BPF_REG_1, -8),      \
        MOVE_IMM(BPF_REG_2, n), CALL(BPF_FUNC_probe_read_kernel)

/* inet_bind(struct socket *, ...) */
static const struct bpf_insn udp_bind[] = {
    READ_ARG0(2, OFFSET_SOCKET_TYPE),
    LOAD(BPF_H, BPF_REG_2, BPF_REG_10, -8),
    JUMP_IF(BPF_JNE, BPF_REG_2, SOCK_DGRAM, WAKE_LEN),
    WAKE,
    END,
};

/* udp_lib_unhash(struct sock *) */
static const struct bpf_insn udp_end[] = {
    READ_ARG0(2, OFFSET_SOCK_NUM),
    LOAD(BPF_H, BPF_REG_2, BPF_REG_10, -8),
    INSN(BPF_STX | BPF_MEM | BPF_W, BPF_REG_10, BPF_REG_2, -8, 0),
    LOAD_MAP(BPF_REG_1, MAP_PORTS),
    MOVE_REG(BPF_REG_2, BPF_REG_10),
    ADD_IMM(BPF_REG_2, -8),
    CALL(BPF_FUNC_map_lookup_elem),
    JUMP_IF(BPF_JEQ, BPF_REG_0, 0, WAKE_LEN),
    WAKE,
    END,
};

/* Loading. */

static int bpf(enum bpf_cmd command, union bpf_attr *attr)
{
    return (int)syscall(SYS_bpf, command, attr, sizeof(*attr));
}

static uint64_t address(const void *p)
{
    return (uint64_t)(uintptr_t)p;
}

static bool create_map(enum bpf_map_type type, uint32_t key_size, uint32_t value_size,
                       uint32_t n_max, int *out_fd, struct err **errp)
{
    union bpf_attr attr = { .map_type = type,
                            .key_size = key_size,
                            .value_size = value_size,
                            .max_entries = n_max,
                            .map_flags = type == BPF_MAP_TYPE_HASH ? BPF_F_NO_PREALLOC : 0 };

    *out_fd = bpf(BPF_MAP_CREATE, &attr);
    return *out_fd >= 0 || err_set_os(errp, errno, "cannot create a BPF map");
}

static bool load_program(struct port_trigger *t, enum bpf_prog_type type,
                         const struct bpf_insn *code, size_t n, int *out_fd, struct err **errp)
{
    auto_mem struct bpf_insn *copy = mem_dup(code, n * sizeof(*code));
    union bpf_attr attr = { .prog_type = type,
                            .insns = address(copy),
                            .insn_cnt = (uint32_t)n,
                            .license = address("Dual MIT/GPL") };

    for (size_t i = 0; i < n; i++)
        if (copy[i].code == (BPF_LD | BPF_DW | BPF_IMM) && copy[i].src_reg == BPF_PSEUDO_MAP_FD)
            copy[i].imm = copy[i].imm == MAP_RING ? t->ring_fd : t->ports_fd;
    *out_fd = bpf(BPF_PROG_LOAD, &attr);
    return *out_fd >= 0 || err_set_os(errp, errno, "cannot load a BPF program");
}

static bool attach_tracepoint(struct port_trigger *t, const char *name, const struct bpf_insn *code,
                              size_t n, struct err **errp)
{
    union bpf_attr attr = { 0 };
    int *program = &t->program_fds[t->n_probes], *probe = &t->probe_fds[t->n_probes];

    *probe = -1;
    if (!load_program(t, BPF_PROG_TYPE_RAW_TRACEPOINT, code, n, program, errp))
        return false;
    t->n_probes++;
    attr.raw_tracepoint.name = address(name);
    attr.raw_tracepoint.prog_fd = (uint32_t)*program;
    *probe = bpf(BPF_RAW_TRACEPOINT_OPEN, &attr);
    return *probe >= 0 || err_set_os(errp, errno, "cannot use the tracepoint %s", name);
}

static bool kprobe_type(uint32_t *out, struct err **errp)
{
    auto_sb struct sb text = { 0 };

    if (!file_read_all("/sys/bus/event_source/devices/kprobe/type", 64, &text, errp))
        return false;
    return parse_u32(sv_trim(sb_view(&text)), out) ||
           err_set(errp, ERR_UNSUPPORTED, "this kernel has no kprobes");
}

static bool attach_kprobe(struct port_trigger *t, const char *function, const struct bpf_insn *code,
                          size_t n, struct err **errp)
{
    struct perf_event_attr attr = { .size = sizeof(attr), .config1 = address(function) };
    int *program = &t->program_fds[t->n_probes], *probe = &t->probe_fds[t->n_probes];

    *probe = -1;
    if (OFFSET_ARG0 < 0)
        return err_set(errp, ERR_UNSUPPORTED, "no kprobes on this kind of processor");
    if (!kprobe_type(&attr.type, errp) ||
        !load_program(t, BPF_PROG_TYPE_KPROBE, code, n, program, errp))
        return false;
    t->n_probes++;
    *probe = (int)syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
    if (*probe < 0 || ioctl(*probe, PERF_EVENT_IOC_SET_BPF, *program) < 0 ||
        ioctl(*probe, PERF_EVENT_IOC_ENABLE, 0) < 0)
        return err_set_os(errp, errno, "cannot probe %s", function);
    return true;
}

/* Waking. */

static void ring_ready(struct ev_source *source, uint32_t events)
{
    struct port_trigger *t = CONTAINER_OF(source, struct port_trigger, source);

    t->on_event(t->arg);
}

void port_trigger_arm(struct port_trigger *t)
{
    /* What the events say does not matter: take them all off. */
    __atomic_store_n(t->consumer, __atomic_load_n(t->producer, __ATOMIC_ACQUIRE), __ATOMIC_RELEASE);
    evloop_change(t->loop, &t->source, EPOLLIN | EPOLLONESHOT);
}

static bool open_ring(struct port_trigger *t, struct err **errp)
{
    void *mem;

    t->page_size = (size_t)sysconf(_SC_PAGESIZE);
    if (!create_map(BPF_MAP_TYPE_RINGBUF, 0, 0, (uint32_t)(RING_PAGES * t->page_size), &t->ring_fd,
                    errp))
        return false;
    mem = mmap(NULL, t->page_size, PROT_READ | PROT_WRITE, MAP_SHARED, t->ring_fd, 0);
    if (mem == MAP_FAILED)
        return err_set_os(errp, errno, "cannot map a BPF ring");
    t->consumer = mem;
    mem = mmap(NULL, t->page_size, PROT_READ, MAP_SHARED, t->ring_fd, (off_t)t->page_size);
    if (mem == MAP_FAILED)
        return err_set_os(errp, errno, "cannot map a BPF ring");
    t->producer = mem;
    return evloop_add(t->loop, &t->source, t->ring_fd, EPOLLIN | EPOLLONESHOT, ring_ready, errp);
}

static bool attach_all(struct port_trigger *t, unsigned protocols, struct err **errp)
{
    if ((protocols & GUEST_WATCH_TCP) &&
        !attach_tracepoint(t, "inet_sock_set_state", tcp_state, COUNT(tcp_state), errp))
        return false;
    if (!(protocols & GUEST_WATCH_UDP))
        return true;
    return create_map(BPF_MAP_TYPE_HASH, 4, 1, PORT_KEYS_MAX, &t->ports_fd, errp) &&
           attach_kprobe(t, "inet_bind", udp_bind, COUNT(udp_bind), errp) &&
           (!file_exists(INET6_TABLE) ||
            attach_kprobe(t, "inet6_bind", udp_bind, COUNT(udp_bind), errp)) &&
           attach_kprobe(t, "udp_lib_unhash", udp_end, COUNT(udp_end), errp);
}

static void watch_modules(struct port_trigger *t)
{
    auto_err struct err *err = NULL;

    if (!attach_tracepoint(t, "module_load", any_event, COUNT(any_event), &err))
        log_debug("Modules are not watched: %s", err_text(err));
}

struct port_trigger *port_trigger_new(struct evloop *loop, unsigned protocols,
                                      port_trigger_fn on_event, void *arg, struct err **errp)
{
    struct port_trigger *t = mem_new(struct port_trigger);

    t->loop = loop;
    t->on_event = on_event;
    t->arg = arg;
    t->source.fd = t->ring_fd = t->ports_fd = -1;
    if (open_ring(t, errp) && attach_all(t, protocols, errp)) {
        watch_modules(t);
        return t;
    }
    port_trigger_free(t);
    return NULL;
}

void port_trigger_watch_tables(struct port_trigger *t)
{
    auto_err struct err *err = NULL;

    if (t->watches_tables)
        return;
    t->watches_tables = true;
    if (!attach_kprobe(t, "xt_replace_table", any_event, COUNT(any_event), &err))
        log_debug("Tables of iptables are not watched: %s", err_text(err));
}

void port_trigger_free(struct port_trigger *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->n_probes; i++) {
        if (t->probe_fds[i] >= 0)
            (void)close(t->probe_fds[i]);
        (void)close(t->program_fds[i]);
    }
    evloop_remove(t->loop, &t->source);
    if (t->producer)
        (void)munmap((void *)t->producer, t->page_size);
    if (t->consumer)
        (void)munmap(t->consumer, t->page_size);
    if (t->ports_fd >= 0)
        (void)close(t->ports_fd);
    if (t->ring_fd >= 0)
        (void)close(t->ring_fd);
    free(t);
}

static void change_key(struct port_trigger *t, uint32_t port, bool is_added)
{
    const uint8_t value = 1;
    union bpf_attr attr = { .map_fd = (uint32_t)t->ports_fd,
                            .key = address(&port),
                            .value = is_added ? address(&value) : 0 };

    if (bpf(is_added ? BPF_MAP_UPDATE_ELEM : BPF_MAP_DELETE_ELEM, &attr) < 0)
        log_debug("A UDP port is not watched: %s", strerror(errno));
}

void port_trigger_set_ports(struct port_trigger *t, const struct ports *ports)
{
    uint32_t wanted[COUNT(t->known)] = { 0 };

    if (t->ports_fd < 0)
        return;
    for (size_t i = 0; i < ports->list.n; i++)
        if (ports->list.v[i].proto == GUEST_UDP)
            wanted[ports->list.v[i].port / 32] |= 1u << ports->list.v[i].port % 32;
    for (uint32_t i = 0; i < COUNT(wanted); i++) {
        uint32_t differs = wanted[i] ^ t->known[i];

        for (uint32_t bit = 0; bit < 32 && differs >> bit; bit++)
            if (differs >> bit & 1)
                change_key(t, i * 32 + bit, wanted[i] >> bit & 1);
        t->known[i] = wanted[i];
    }
}
