#include "prog/guestagent/netconf.h"

bool netconf_is_static(const struct seed *seed, size_t i)
{
    return i == 0 && seed->address[0];
}

static void put_name_servers(const struct seed *seed, const char *before, struct sb *out)
{
    for (size_t i = 0; i < seed->name_servers.n; i++)
        sb_putf(out, "%s%s\n", before, seed->name_servers.v[i]);
}

void netconf_networkd(const struct seed *seed, size_t i, struct sb *out)
{
    const struct seed_nic *nic = &seed->nics.v[i];

    sb_putf(out, "[Match]\nMACAddress=%s\n\n", nic->mac);
    if (i > 0)
        sb_puts(out, "[Link]\nRequiredForOnline=no\n\n");
    sb_puts(out, "[Network]\n");
    if (i == 0)
        put_name_servers(seed, "DNS=", out);
    if (netconf_is_static(seed, i)) {
        sb_putf(out, "Address=%s/%d\n\n", seed->address, NETCONF_PREFIX_LEN);
        if (seed->gateway[0])
            sb_putf(out, "[Route]\nGateway=%s\nMetric=%u\n", seed->gateway, nic->metric);
        return;
    }
    sb_putf(out, "DHCP=ipv4\n\n[DHCPv4]\nClientIdentifier=mac\nRouteMetric=%u\n", nic->metric);
    if (i == 0 && seed->name_servers.n > 0)
        sb_puts(out, "UseDNS=no\n");
}

void netconf_link(const struct seed *seed, size_t i, struct sb *out)
{
    const struct seed_nic *nic = &seed->nics.v[i];

    sb_putf(out, "[Match]\nMACAddress=%s\nType=ether\n\n[Link]\nName=%s\n", nic->mac, nic->name);
}

void netconf_ifupdown(const struct seed *seed, struct sb *out)
{
    for (size_t i = 0; i < seed->nics.n; i++) {
        const struct seed_nic *nic = &seed->nics.v[i];

        sb_putf(out, "auto %s\n", nic->name);
        if (netconf_is_static(seed, i)) {
            sb_putf(out, "iface %s inet static\n    address %s/%d\n", nic->name, seed->address,
                    NETCONF_PREFIX_LEN);
            if (seed->gateway[0])
                sb_putf(out, "    gateway %s\n", seed->gateway);
        } else {
            sb_putf(out, "iface %s inet dhcp\n", nic->name);
        }
        sb_putf(out, "    metric %u\n", nic->metric);
    }
}

void netconf_resolv(const struct seed *seed, struct sb *out)
{
    put_name_servers(seed, "nameserver ", out);
}
