#!/bin/sh
# Rootless containers and VPNs cannot load modules themselves. What is missing is built in, or not
# needed. Nothing waits for it.
read -r release </proc/sys/kernel/osrelease
[ -e "/lib/modules/$release/modules.dep" ] && has modprobe || exit 0

modprobe -qa overlay fuse bridge tap tun veth nf_tables x_tables \
    ip_tables iptable_filter iptable_nat ip6_tables ip6table_filter ip6table_nat \
    xt_addrtype xt_comment xt_conntrack xt_mark xt_MASQUERADE xt_multiport xt_nat xt_tcpudp \
    >/dev/null 2>&1 &
