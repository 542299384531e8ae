#include "prog/guestagent/netif.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/route.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/sb.h"
#include "sys/dir.h"
#include "sys/file.h"

enum { SYSFS_VALUE_MAX = 256 };

static struct ifreq request(const char *name)
{
    struct ifreq ifr = { 0 };

    (void)snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
    return ifr;
}

static bool control(unsigned long op, void *arg, const char *what, const char *name,
                    struct err **errp)
{
    auto_fd int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || ioctl(fd, op, arg) < 0)
        return err_set_os(errp, errno, "cannot %s of %s", what, name);
    return true;
}

static bool set_up(const char *name, bool up, struct err **errp)
{
    struct ifreq ifr = request(name);

    if (!control(SIOCGIFFLAGS, &ifr, "read the flags", name, errp))
        return false;
    if (up)
        ifr.ifr_flags = (short)(ifr.ifr_flags | IFF_UP);
    else
        ifr.ifr_flags = (short)(ifr.ifr_flags & ~IFF_UP);
    return control(SIOCSIFFLAGS, &ifr, "set the flags", name, errp);
}

bool netif_up(const char *name, struct err **errp)
{
    return set_up(name, true, errp);
}

static struct sockaddr *ipv4(struct sockaddr *addr, uint32_t ip_be)
{
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = ip_be };

    memcpy(addr, &in, sizeof(in));
    return addr;
}

bool netif_set_address(const char *name, const char *ip, unsigned prefix_len, struct err **errp)
{
    struct ifreq address = request(name), mask = request(name);

    ipv4(&address.ifr_addr, inet_addr(ip));
    ipv4(&mask.ifr_netmask, htonl(prefix_len ? UINT32_MAX << (32 - prefix_len) : 0));
    return control(SIOCSIFADDR, &address, "set the address", name, errp) &&
           control(SIOCSIFNETMASK, &mask, "set the netmask", name, errp);
}

bool netif_set_default_route(const char *name, const char *gateway, uint32_t metric,
                             struct err **errp)
{
    char device[IFNAMSIZ];
    /* The kernel takes the metric off by one here. */
    struct rtentry route = { .rt_flags = RTF_UP | RTF_GATEWAY,
                             .rt_metric = (short)(metric + 1),
                             .rt_dev = device };
    auto_fd int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    (void)snprintf(device, sizeof(device), "%s", name);
    ipv4(&route.rt_dst, 0);
    ipv4(&route.rt_genmask, 0);
    ipv4(&route.rt_gateway, inet_addr(gateway));
    if (fd < 0 || (ioctl(fd, SIOCADDRT, &route) < 0 && errno != EEXIST))
        return err_set_os(errp, errno, "cannot set the default route through %s", gateway);
    return true;
}

/* The name of the interface with this MAC address, NULL when there is none; owned. */
static char *name_of(const char *mac)
{
    auto_strv struct strv names = { 0 };

    if (!dir_list("/sys/class/net", &names, NULL))
        return NULL;
    for (size_t i = 0; i < names.n; i++) {
        auto_mem char *path = mem_printf("/sys/class/net/%s/address", names.v[i]);
        auto_sb struct sb address = { 0 };

        if (file_read_all(path, SYSFS_VALUE_MAX, &address, NULL) &&
            sv_eq_str(sv_trim(sb_view(&address)), mac))
            return mem_strdup(names.v[i]);
    }
    return NULL;
}

static bool rename_one(const char *mac, const char *wanted, struct err **errp)
{
    auto_mem char *name = name_of(mac);
    struct ifreq ifr;

    if (!name) {
        log_warn("There is no network interface with the address %s", mac);
        return true;
    }
    if (str_eq(name, wanted))
        return true;
    ifr = request(name);
    (void)snprintf(ifr.ifr_newname, sizeof(ifr.ifr_newname), "%s", wanted);
    return set_up(name, false, errp) && control(SIOCSIFNAME, &ifr, "change the name", name, errp);
}

static bool is_misnamed(const struct seed_nic *nic)
{
    auto_mem char *name = name_of(nic->mac);

    return name && !str_eq(name, nic->name);
}

bool netif_rename_all(const struct seed *seed, struct err **errp)
{
    /* First out of each other's way, then to the final names. */
    for (size_t i = 0; i < seed->nics.n; i++) {
        auto_mem char *temporary = mem_printf("lima-new%zu", i);

        if (is_misnamed(&seed->nics.v[i]) && !rename_one(seed->nics.v[i].mac, temporary, errp))
            return false;
    }
    for (size_t i = 0; i < seed->nics.n; i++)
        if (!rename_one(seed->nics.v[i].mac, seed->nics.v[i].name, errp))
            return false;
    return true;
}

bool netif_has_address(const char *name)
{
    struct ifreq ifr = request(name);

    ifr.ifr_addr.sa_family = AF_INET;
    return control(SIOCGIFADDR, &ifr, "read the address", name, NULL);
}

bool netif_watch_addresses(int *out_fd, struct err **errp)
{
    struct sockaddr_nl addr = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_IPV4_IFADDR };
    auto_fd int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

    if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
        return err_set_os(errp, errno, "cannot watch for network addresses");
    *out_fd = MOVE_FD(fd);
    return true;
}
