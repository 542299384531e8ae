#include "model/config/check_priv.h"

#include "base/mem.h"
#include "base/path.h"
#include "base/quote.h"

/* Longest path of a Unix socket with its terminator. */
#define UNIX_PATH_MAX     108
/* Each port of a reverse rule is listened on from the start. */
#define REVERSE_PORTS_MAX 256

static bool is_text(const char *text)
{
    return text && *text;
}

static bool is_range(const struct field_pair *range)
{
    return range->v[0] != range->v[1];
}

static void check_field_port(struct checker *c, size_t i, const char *key, int64_t port)
{
    auto_mem char *field = mem_printf("portForwards[%zu].%s", i, key);

    check_port(c, field, port);
}

/* guestPort or hostPort against its socket and its range. */
static void check_single(struct checker *c, size_t i, const char *side, int64_t port,
                         const char *socket, const struct field_pair *range)
{
    auto_mem char *key = mem_printf("%sPort", side);

    if (port == 0)
        return;
    if (is_text(socket))
        check_fail(c,
                   "field `portForwards[%zu].%s` must be 0 when field `portForwards[%zu].%sSocket` "
                   "is set",
                   i, key, i, side);
    if (port != range->v[0])
        check_fail(c,
                   "field `portForwards[%zu].%s` must match field `portForwards[%zu].%sRange[0]`",
                   i, key, i, key);
    check_field_port(c, i, key, port);
}

static void check_range_members(struct checker *c, size_t i, const char *side,
                                const struct field_pair *range)
{
    for (size_t j = 0; j < 2; j++) {
        auto_mem char *key = mem_printf("%sPortRange[%zu]", side, j);

        check_field_port(c, i, key, range->v[j]);
    }
}

static void check_range_order(struct checker *c, size_t i, const char *side,
                              const struct field_pair *range)
{
    if (range->v[0] > range->v[1])
        check_fail(
            c,
            "field `portForwards[%zu].%sPortRange[1]` must be greater than or equal to field "
            "`portForwards[%zu].%sPortRange[0]`",
            i, side, i, side);
}

static void check_socket(struct checker *c, size_t i, const char *key, const char *socket,
                         const char *mapped, const char *other_socket,
                         const struct field_pair *other_range)
{
    if (!is_text(socket))
        return;
    if (!path_is_absolute(socket)) {
        auto_mem char *quoted = quote_tick_dup(socket);

        check_fail(c, "field `portForwards[%zu].%s` must be an absolute path, but is %s", i, key,
                   quoted);
    }
    if (!is_text(other_socket) && is_range(other_range))
        check_fail(
            c,
            "field `portForwards[%zu].%s` can only be mapped %s a single port or socket. not "
            "a range",
            i, key, mapped);
}

static void check_rest(struct checker *c, size_t i, const struct forward_config *f)
{
    const struct field_pair *guest = &f->guest_port_range, *host = &f->host_port_range;

    if (!is_text(f->host_socket) && !is_text(f->guest_socket) &&
        guest->v[1] - guest->v[0] != host->v[1] - host->v[0])
        check_fail(
            c,
            "field `portForwards[%zu].hostPortRange` must specify the same number of ports as "
            "field `portForwards[%zu].guestPortRange`",
            i, i);
    if (f->host_socket && strlen(f->host_socket) >= UNIX_PATH_MAX)
        check_fail(c,
                   "field `portForwards[%zu].hostSocket` must be less than UNIX_PATH_MAX=%d "
                   "characters, but is %zu",
                   i, UNIX_PATH_MAX, strlen(f->host_socket));
    if (!check_is_word(f->proto, config_protocols))
        check_fail(c, "field `portForwards[%zu].proto` must be `tcp`, `udp`, or `any`", i);
    if (f->reverse.v && !is_text(f->guest_socket) && guest->v[1] - guest->v[0] >= REVERSE_PORTS_MAX)
        check_fail(c,
                   "field `portForwards[%zu].reverse` needs field `portForwards[%zu].guestSocket`, "
                   "or at most %d ports",
                   i, i, REVERSE_PORTS_MAX);
    if (f->reverse.v && f->is_static.v)
        check_fail(c, "field `portForwards[%zu].reverse` must be false for a static rule", i);
}

static void check_forward(struct checker *c, size_t i, const struct forward_config *f)
{
    const struct field_pair *guest = &f->guest_port_range, *host = &f->host_port_range;

    if (f->guest_ip_must_be_zero.v && strcmp(f->guest_ip, "0.0.0.0") != 0)
        check_fail(c,
                   "field `portForwards[%zu].guestIPMustBeZero` can only be true when field "
                   "`portForwards[%zu].guestIP` is 0.0.0.0",
                   i, i);
    check_single(c, i, "guest", f->guest_port.v, f->guest_socket, guest);
    check_single(c, i, "host", f->host_port.v, f->host_socket, host);
    check_range_members(c, i, "guest", guest);
    if (!is_text(f->host_socket))
        check_range_members(c, i, "host", host);
    check_range_order(c, i, "guest", guest);
    check_range_order(c, i, "host", host);
    check_socket(c, i, "guestSocket", f->guest_socket, "to", f->host_socket, host);
    check_socket(c, i, "hostSocket", f->host_socket, "from", f->guest_socket, guest);
    check_rest(c, i, f);
}

void check_forwards(struct checker *c)
{
    for (size_t i = 0; i < c->config->port_forwards.n; i++)
        check_forward(c, i, &c->config->port_forwards.v[i]);
    if (is_text(c->config->port_forward_default) &&
        !check_is_word(c->config->port_forward_default, config_forward_defaults))
        check_fail(c, "field `portForwardDefault` must be `loopback` or `none`");
}

static void check_copy(struct checker *c, size_t i, const char *key, const char *path)
{
    if (is_text(path) && !path_is_absolute(path)) {
        auto_mem char *quoted = quote_tick_dup(path);

        check_fail(c, "field `CopyToHost[%zu].%s` must be an absolute path, but is %s", i, key,
                   quoted);
    }
}

void check_copy_to_host(struct checker *c)
{
    for (size_t i = 0; i < c->config->copy_to_host.n; i++) {
        check_copy(c, i, "guest", c->config->copy_to_host.v[i].guest);
        check_copy(c, i, "host", c->config->copy_to_host.v[i].host);
    }
}
