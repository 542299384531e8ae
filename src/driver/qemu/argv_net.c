#include "driver/qemu/argv_priv.h"

#include "base/mem.h"
#include "driver/qemu/files.h"

void argv_put_network(struct argv *a)
{
    const struct qemu_machine *m = a->m;

    auto_mem char *forward =
        m->ssh_port ? mem_printf(",hostfwd=tcp:127.0.0.1:%u-:22", (unsigned)m->ssh_port) : NULL;

    argv_put(a, "-netdev", "user,id=net0,net=%s,dhcpstart=%s%s", QEMU_USER_NET, QEMU_USER_GUEST,
             forward ? forward : "");
    /* No option ROM: nothing boots from the network. */
    if (m->arch->bus == QEMU_BUS_CCW)
        argv_put(a, "-device", "virtio-net-ccw,netdev=net0,mac=%s", m->mac);
    else
        argv_put(a, "-device", "virtio-net-pci,netdev=net0,mac=%s,romfile=", m->mac);
}

/* What may be plugged and unplugged sits behind a port of its own. */
static void put_root_ports(struct argv *a)
{
    static const char *const named[] = { "port-vsock", "port-fs" };
    unsigned chassis = 1;

    for (size_t i = 0; i < COUNT(named); i++)
        argv_put(a, "-device", "pcie-root-port,id=%s,bus=pcie.0,chassis=%u", named[i], chassis++);
    for (unsigned i = 0; i < QEMU_SPARE_ROOT_PORTS; i++)
        argv_put(a, "-device", "pcie-root-port,id=" QEMU_SPARE_PORT "%u,bus=pcie.0,chassis=%u", i,
                 chassis++);
}

static void put_serial_consoles(struct argv *a)
{
    const struct qemu_machine *m = a->m;
    bool with_agent = m->link == DRIVER_LINK_SERIAL;
    static const struct {
        const char *id, *sock, *log;
    } consoles[] = {
        { "char-serial", NAME_SERIAL_SOCK, NAME_SERIAL_LOG },
        { "char-serial-pci", NAME_SERIAL_PCI_SOCK, NAME_SERIAL_PCI_LOG },
        { "char-serial-virtio", NAME_SERIAL_VIRT_SOCK, NAME_SERIAL_VIRT_LOG },
    };

    for (size_t i = 0; i < COUNT(consoles); i++) {
        if (i == 1 && !m->arch->has_pci_serial)
            continue;
        auto_mem char *sock = argv_path(a, consoles[i].sock);
        auto_mem char *log = argv_path(a, consoles[i].log);

        argv_put(a, "-chardev", "socket,id=%s,path=%s,server=on,wait=off,logfile=%s",
                 consoles[i].id, sock, log);
    }
    argv_put(a, "-serial", "chardev:char-serial");
    if (m->arch->has_pci_serial)
        argv_put(a, "-device", "pci-serial,chardev=char-serial-pci");
    argv_put(a, "-device", "virtio-serial-%s,id=virtio-serial0,max_ports=%d", argv_virtio_bus(a),
             with_agent ? 2 : 1);
    argv_put(a, "-device",
             "virtconsole,bus=virtio-serial0.0,nr=0,chardev=char-serial-virtio,id=console0");
    if (with_agent) {
        argv_put(a, "-chardev", "socket,id=char-agent,fd=%d,server=on,wait=off", QEMU_FD_AGENT);
        argv_put(a, "-device",
                 "virtserialport,bus=virtio-serial0.0,nr=1,chardev=char-agent,name=%s",
                 QEMU_AGENT_PORT);
    }
}

void argv_put_links(struct argv *a)
{
    const struct qemu_machine *m = a->m;

    if (m->arch->bus == QEMU_BUS_PCIE)
        put_root_ports(a);
    if (m->link == DRIVER_LINK_DEVICES) {
        argv_put_served(a, QEMU_SERVED_STREAMS, QEMU_FD_DEVICES);
    }
    put_serial_consoles(a);
    argv_put(a, "-chardev", "socket,id=char-qmp,fd=%d,server=on,wait=off", QEMU_FD_QMP);
    argv_put(a, "-qmp", "chardev:char-qmp");
}
