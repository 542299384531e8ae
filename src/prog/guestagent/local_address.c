#include "prog/guestagent/local_address.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/sb.h"
#include "prog/guestagent/netlink.h"

#define GROUPS (RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR)

bool local_address_parse(struct sv payload, struct local_address_info *out)
{
    struct ifaddrmsg head;
    struct sv attrs, value, local = { 0 }, address = { 0 };
    uint16_t type;

    if (payload.n < sizeof(head))
        return false;
    memcpy(&head, payload.p, sizeof(head));
    attrs = sv_slice(payload, NLMSG_ALIGN(sizeof(head)), payload.n);
    while (netlink_attr_next(&attrs, &type, &value)) {
        if (type == IFA_LOCAL)
            local = value;
        else if (type == IFA_ADDRESS)
            address = value;
    }
    *out = (struct local_address_info){ (int)head.ifa_index, head.ifa_prefixlen,
                                        local.n > 0 ? local : address };
    return (out->address.n == 4 || out->address.n == 16) && out->prefix_len <= out->address.n * 8;
}

static bool shares_prefix(struct sv a, const uint8_t *b, unsigned n_bits)
{
    unsigned rest = n_bits % 8;

    return memcmp(a.p, b, n_bits / 8) == 0 &&
           (rest == 0 || (((uint8_t)a.p[n_bits / 8] ^ b[n_bits / 8]) >> (8 - rest)) == 0);
}

/* Which interface has a network with the address in it? And has one the address itself? */
struct search {
    const struct local_address *wanted;
    int network_interface, own_interface;
    unsigned network_len;
};

static void look_at(void *arg, uint16_t type, struct sv payload)
{
    struct search *search = arg;
    const struct local_address *wanted = search->wanted;
    struct local_address_info info;

    if (type != RTM_NEWADDR || !local_address_parse(payload, &info) ||
        info.address.n != wanted->n_bytes)
        return;
    if (memcmp(info.address.p, wanted->bytes, wanted->n_bytes) == 0) {
        search->own_interface = info.interface;
    } else if (info.prefix_len > search->network_len &&
               shares_prefix(info.address, wanted->bytes, info.prefix_len)) {
        search->network_interface = info.interface;
        search->network_len = info.prefix_len;
    }
}

static bool change(int netlink_fd, const struct local_address *address, int interface,
                   uint16_t type, struct err **errp)
{
    struct ifaddrmsg head = { .ifa_family = address->n_bytes == 4 ? AF_INET : AF_INET6,
                              .ifa_prefixlen = (uint8_t)(address->n_bytes * 8),
                              .ifa_scope = RT_SCOPE_HOST,
                              .ifa_flags = IFA_F_NODAD,
                              .ifa_index = (uint32_t)interface };
    struct nlattr attr = { (uint16_t)(sizeof(attr) + address->n_bytes), IFA_LOCAL };
    auto_sb struct sb body = { 0 };

    sb_put_mem(&body, &head, sizeof(head));
    for (uint16_t kind = IFA_ADDRESS; kind <= IFA_LOCAL; kind++) {
        attr.nla_type = kind;
        sb_put_mem(&body, &attr, sizeof(attr));
        sb_put_mem(&body, address->bytes, address->n_bytes);
    }
    return netlink_ask(
        netlink_fd, type,
        (uint16_t)(NLM_F_ACK | (type == RTM_NEWADDR ? NLM_F_CREATE | NLM_F_REPLACE : 0)),
        sb_view(&body), NULL, NULL, errp);
}

/* Puts it where it belongs, if it is not there. */
static bool place(struct local_address *address, struct err **errp)
{
    struct search search = { .wanted = address };
    struct rtgenmsg all = { .rtgen_family = address->n_bytes == 4 ? AF_INET : AF_INET6 };
    auto_fd int fd = -1;
    int interface;

    if (!netlink_open(NETLINK_ROUTE, 0, &fd, errp) ||
        !netlink_ask(fd, RTM_GETADDR, NLM_F_DUMP, (struct sv){ (char *)&all, sizeof(all) }, look_at,
                     &search, errp))
        return false;
    interface = search.network_interface ? search.network_interface : (int)if_nametoindex("lo");
    if (search.own_interface == interface) {
        address->interface = interface;
        return true;
    }
    if (!change(fd, address, interface, RTM_NEWADDR, errp))
        return false;
    if (address->interface && search.own_interface == address->interface)
        (void)change(fd, address, address->interface, RTM_DELADDR, NULL);
    address->interface = interface;
    return true;
}

static void remove_one(struct local_address *address)
{
    auto_fd int fd = -1;
    auto_err struct err *err = NULL;

    if (address->interface && (!netlink_open(NETLINK_ROUTE, 0, &fd, &err) ||
                               !change(fd, address, address->interface, RTM_DELADDR, &err)))
        log_debug("An address stays: %s", err_text(err));
}

static void interfaces_changed(struct ev_source *source, uint32_t events)
{
    struct local_addresses *set = CONTAINER_OF(source, struct local_addresses, watch);
    char bytes[8192];

    while (recv(set->watch_fd, bytes, sizeof(bytes), MSG_DONTWAIT) >= 0 || errno == ENOBUFS ||
           errno == EINTR)
        ; /* which one it was does not matter */
    for (size_t i = 0; i < set->list.n; i++) {
        auto_err struct err *err = NULL;

        if (!place(&set->list.v[i], &err))
            log_warn("An address of a forward is not there: %s", err_text(err));
    }
}

static void watch_interfaces(struct local_addresses *set)
{
    auto_err struct err *err = NULL;

    if (set->watch_fd >= 0)
        return;
    if (!netlink_open(NETLINK_ROUTE, GROUPS, &set->watch_fd, &err) ||
        !evloop_add(set->loop, &set->watch, set->watch_fd, EPOLLIN, interfaces_changed, &err))
        log_warn("Changes of the network are not seen: %s", err_text(err));
}

static void unwatch_interfaces(struct local_addresses *set)
{
    evloop_remove(set->loop, &set->watch);
    if (set->watch_fd >= 0)
        (void)close(MOVE_FD(set->watch_fd));
}

static struct local_address *find(struct local_addresses *set, struct sv address)
{
    for (size_t i = 0; i < set->list.n; i++)
        if (set->list.v[i].n_bytes == address.n &&
            memcmp(set->list.v[i].bytes, address.p, address.n) == 0)
            return &set->list.v[i];
    return NULL;
}

bool local_address_take(struct local_addresses *set, struct sv address, struct err **errp)
{
    struct local_address *known = find(set, address), fresh = { 0 };

    if (known) {
        known->refs++;
        return true;
    }
    memcpy(fresh.bytes, address.p, address.n);
    fresh.n_bytes = (uint8_t)address.n;
    fresh.refs = 1;
    watch_interfaces(set); /* first, so that no change is missed */
    if (!place(&fresh, errp))
        return err_wrap(errp, "the address cannot be taken");
    *vec_push(&set->list) = fresh;
    return true;
}

void local_address_give(struct local_addresses *set, struct sv address)
{
    struct local_address *known = find(set, address);

    if (!known || --known->refs > 0)
        return;
    remove_one(known);
    vec_remove(&set->list, (size_t)(known - set->list.v));
    if (set->list.n == 0)
        unwatch_interfaces(set);
}

void local_addresses_init(struct local_addresses *set, struct evloop *loop)
{
    *set = (struct local_addresses){ .loop = loop, .watch_fd = -1, .watch.fd = -1 };
}

void local_addresses_done(struct local_addresses *set)
{
    for (size_t i = 0; i < set->list.n; i++)
        remove_one(&set->list.v[i]);
    vec_done(&set->list);
    if (set->loop)
        unwatch_interfaces(set);
}
