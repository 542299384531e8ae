#include "prog/hostagent/forward.h"

#include <assert.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/enum.h"
#include "base/log.h"
#include "base/mem.h"
#include "prog/hostagent/acceptor.h"
#include "prog/hostagent/forward_socket.h"
#include "prog/hostagent/udp_forward.h"
#include "svc/loop/timer.h"
#include "sys/file.h"

enum { RETRY_MIN_MS = 1000, RETRY_MAX_MS = 30 * 1000 };

const char *const forward_state_names[] = { "closed", "opening", "open", "blocked" };
ENUM_NAMES_MATCH(forward_state_names, FORWARD_STATE_COUNT);

struct forward {
    struct forward_ways *ways; /* borrowed */
    enum forward_proto proto;
    struct forward_end host;
    char *host_text, *host_path;
    uint32_t tag;
    enum forward_state state;
    VEC(struct forward_claim *) claims; /* borrowed; the first is served */
    struct acceptor *acceptor;
    struct udp_forward *udp;
    char *ssh_spec; /* OPENING, OPEN through ssh */
    struct timer *retry;
    uint64_t retry_ms;
    char *error;
    bool is_taken, is_blamed;
};

static bool may_follow(enum forward_state from, enum forward_state to)
{
    switch (from) {
    case FORWARD_CLOSED:
    case FORWARD_BLOCKED:
        return true;
    case FORWARD_OPENING:
        return to == FORWARD_OPEN || to == FORWARD_BLOCKED || to == FORWARD_CLOSED;
    case FORWARD_OPEN:
        return to == FORWARD_CLOSED || to == FORWARD_OPENING;
    case FORWARD_STATE_COUNT:
        break;
    }
    return false;
}

static void set_state(struct forward *f, enum forward_state to)
{
    assert(may_follow(f->state, to));
    if (f->state != to)
        log_debug("forward of %s %s: %s -> %s", forward_proto_names[f->proto], f->host_text,
                  forward_state_names[f->state], forward_state_names[to]);
    f->state = to;
}

/* --- Through vsock --- */

static struct devices_client *devices_of(const struct forward *f)
{
    return guest_link_devices(f->ways->link);
}

static struct tunnel_preface preface_for(const struct forward *f)
{
    const struct forward_end *guest = &f->claims.v[0]->guest;

    if (guest->path)
        return (struct tunnel_preface){ .kind = TUNNEL_UNIX, .path = sv_of(guest->path) };
    return (struct tunnel_preface){ .kind = f->proto == FORWARD_UDP ? TUNNEL_UDP : TUNNEL_TCP,
                                    .port = guest->port,
                                    .address = ip_address_bytes(&guest->ip) };
}

static void close_with_reset(int fd)
{
    const struct linger now = { .l_onoff = 1, .l_linger = 0 };

    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    (void)close(fd);
}

static void connection_accepted(void *arg, int take_fd, const struct sockaddr_storage *peer)
{
    struct forward *f = arg;
    struct devices_client *devices = devices_of(f);
    auto_mem char *source = forward_socket_peer(peer);
    struct tunnel_preface preface = preface_for(f);
    auto_sb struct sb bytes = { 0 };

    if (!devices) {
        close_with_reset(take_fd);
        return;
    }
    preface.source = sv_of(source);
    preface.flags = f->host.path ? TUNNEL_FROM_UNIX : 0;
    if (guest_link_is_chunked(f->ways->link)) {
        preface.flags |= TUNNEL_CHUNKED;
        tunnel_preface_put(&bytes, &preface);
        devices_client_forward(devices, TUNNEL_PORT, take_fd, sb_view(&bytes), f->tag);
    } else {
        tunnel_preface_put(&bytes, &preface);
        devices_client_pump(devices, TUNNEL_PORT, take_fd, sb_view(&bytes), f->tag, NULL, NULL);
    }
}

static struct devices_client *get_devices(void *arg)
{
    return devices_of(arg);
}

static bool open_socket(struct forward *f, struct err **errp)
{
    int fd;

    if (!forward_socket_listen(f->proto, &f->host, &fd, errp))
        return false;
    if (f->proto != FORWARD_UDP) {
        f->acceptor = acceptor_open(f->ways->loop, fd, connection_accepted, f, errp);
        return f->acceptor != NULL;
    }
    f->udp = udp_forward_open(&(struct udp_forward_params){ .loop = f->ways->loop,
                                                            .take_fd = fd,
                                                            .get_devices = get_devices,
                                                            .arg = f,
                                                            .preface = preface_for(f) },
                              errp);
    return f->udp != NULL;
}

static void remove_file(const struct forward *f)
{
    auto_err struct err *err = NULL;

    if (!file_remove(f->host.path, &err))
        log_debug("%s", err_text(err));
}

static void close_socket(struct forward *f)
{
    if (f->acceptor && f->host.path)
        remove_file(f);
    acceptor_close(MOVE(f->acceptor));
    udp_forward_close(MOVE(f->udp));
}

/* --- What the host refuses --- */

static void forget_error(struct forward *f)
{
    mem_replace(&f->error, NULL);
    f->is_taken = f->is_blamed = false;
}

static void block(struct forward *f, const struct err *err)
{
    auto_mem char *permit = NULL;
    bool is_news = !f->error;

    f->is_taken = err_kind(err) == ERR_BUSY;
    if (err_errno(err) == EACCES && !f->host.path)
        permit = forward_socket_permit(f->host.port, forward_socket_unprivileged_start());
    if (is_news)
        f->error = permit ? mem_printf("%s; this allows it: %s", err_text(err), permit)
                          : mem_strdup(err_text(err));
    set_state(f, FORWARD_BLOCKED);
    timer_set(f->retry, f->retry_ms);
    f->retry_ms = f->retry_ms * 2 > RETRY_MAX_MS ? RETRY_MAX_MS : f->retry_ms * 2;
    if (is_news)
        f->ways->on_change(f->ways->arg, f);
}

static void opened(struct forward *f)
{
    forget_error(f);
    f->retry_ms = RETRY_MIN_MS;
    set_state(f, FORWARD_OPEN);
    f->ways->on_change(f->ways->arg, f);
}

/* --- Through ssh --- */

static void ssh_answered(void *arg, const struct err *err)
{
    struct forward *f = arg;

    if (!err) {
        opened(f);
        return;
    }
    mem_replace(&f->ssh_spec, NULL);
    block(f, err);
}

static void begin_ssh(struct forward *f)
{
    auto_err struct err *err = NULL;

    if (f->host.path &&
        !(forward_socket_make_dir(f->host.path, &err) && file_remove(f->host.path, &err))) {
        block(f, err);
        return;
    }
    f->ssh_spec = mem_printf("%s:%s", f->host_text, f->claims.v[0]->guest_text);
    set_state(f, FORWARD_OPENING);
    ssh_forwards_add(f->ways->ssh, "-L", f->ssh_spec, NULL, ssh_answered, f);
}

static void end_ssh(struct forward *f)
{
    if (!f->ssh_spec)
        return;
    if (f->ways->ssh)
        ssh_forwards_cancel(f->ways->ssh, "-L", f->ssh_spec);
    mem_replace(&f->ssh_spec, NULL);
    if (f->host.path)
        remove_file(f);
}

/* --- Life --- */

static bool goes_over_ssh(const struct forward *f)
{
    return f->proto != FORWARD_UDP && (f->ways->prefers_ssh || !devices_of(f));
}

void forward_try(struct forward *f)
{
    auto_err struct err *err = NULL;

    if (f->state == FORWARD_OPENING || f->state == FORWARD_OPEN || f->claims.n == 0)
        return;
    timer_stop(f->retry);
    if (goes_over_ssh(f)) {
        if (f->ways->ssh)
            begin_ssh(f);
    } else if (devices_of(f)) {
        if (open_socket(f, &err))
            opened(f);
        else
            block(f, err);
    }
}

static void retry_due(void *arg)
{
    forward_try(arg);
}

void forward_reset(struct forward *f)
{
    close_socket(f);
    end_ssh(f);
    timer_stop(f->retry);
    forget_error(f);
    f->retry_ms = RETRY_MIN_MS;
    set_state(f, FORWARD_CLOSED);
}

struct forward *forward_new(struct forward_ways *ways, enum forward_proto proto,
                            const struct forward_end *host, uint32_t tag)
{
    struct forward *f = mem_new(struct forward);

    f->ways = ways;
    f->proto = proto;
    f->host = *host;
    f->host.path = f->host_path = mem_strdup(host->path);
    f->host_text = forward_end_text(host);
    f->tag = tag;
    f->retry_ms = RETRY_MIN_MS;
    f->retry = timer_open(ways->loop, retry_due, f);
    return f;
}

void forward_close(struct forward *f)
{
    if (!f)
        return;
    while (f->claims.n)
        f->claims.v[--f->claims.n]->at = NULL;
    forward_reset(f);
    timer_close(f->retry);
    vec_done(&f->claims);
    free(f->host_text);
    free(f->host_path);
    free(f);
}

void forward_add_claim(struct forward *f, struct forward_claim *claim)
{
    assert(!claim->at);
    claim->at = f;
    *vec_push(&f->claims) = claim;
}

/* The next claim is served from now on. */
static void retarget(struct forward *f)
{
    struct tunnel_preface preface;

    if (f->udp) {
        preface = preface_for(f);
        udp_forward_retarget(f->udp, &preface);
    } else if (f->ssh_spec) {
        forward_reset(f);
        forward_try(f);
    }
}

void forward_remove_claim(struct forward *f, struct forward_claim *claim)
{
    bool was_served = f->claims.v[0] == claim;

    for (size_t i = 0; i < f->claims.n; i++)
        if (f->claims.v[i] == claim) {
            vec_remove(&f->claims, i);
            break;
        }
    claim->at = NULL;
    if (f->claims.n && was_served)
        retarget(f);
}

size_t forward_claims(const struct forward *f)
{
    return f->claims.n;
}

struct forward_claim *forward_claim_at(const struct forward *f, size_t i)
{
    return f->claims.v[i];
}

enum forward_state forward_get_state(const struct forward *f)
{
    return f->state;
}

bool forward_is_over_ssh(const struct forward *f)
{
    return f->ssh_spec != NULL;
}

enum forward_proto forward_get_proto(const struct forward *f)
{
    return f->proto;
}

const struct forward_end *forward_host(const struct forward *f)
{
    return &f->host;
}

const char *forward_host_text(const struct forward *f)
{
    return f->host_text;
}

uint32_t forward_tag(const struct forward *f)
{
    return f->tag;
}

const char *forward_error(const struct forward *f)
{
    return f->state == FORWARD_BLOCKED ? f->error : NULL;
}

bool forward_is_taken(const struct forward *f)
{
    return f->state == FORWARD_BLOCKED && f->is_taken;
}

void forward_blame(struct forward *f, const char *owner)
{
    f->is_blamed = true;
    mem_replace(&f->error, mem_printf("%s of the host is in use by %s", f->host_text, owner));
}

bool forward_is_blamed(const struct forward *f)
{
    return f->is_blamed;
}

bool forward_is_negligible(const struct forward *f)
{
    /* Resolvers, time, and names on the local network, which every machine may have: 5355 is
     * systemd-resolved's, over both. */
    static const struct {
        enum forward_proto proto;
        uint16_t port;
    } usual[] = {
        { FORWARD_TCP, 53 },  { FORWARD_TCP, 5355 }, { FORWARD_UDP, 53 },
        { FORWARD_UDP, 323 }, { FORWARD_UDP, 5353 }, { FORWARD_UDP, 5355 },
    };

    if (f->host.path || f->state != FORWARD_BLOCKED)
        return false;
    for (size_t i = 0; i < COUNT(usual); i++)
        if (f->proto == usual[i].proto && f->host.port == usual[i].port)
            return true;
    return false;
}

void forward_count(const struct forward *f, struct devctl_counters *counters)
{
    if (f->udp)
        udp_forward_count(f->udp, counters);
}
