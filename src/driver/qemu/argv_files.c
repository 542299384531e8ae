#include "driver/qemu/argv_priv.h"

#include "base/mem.h"
#include "driver/qemu/files.h"

bool qemu_machine_has_files(const struct qemu_machine *m)
{
    return m->link == DRIVER_LINK_DEVICES && m->features.fs;
}

static void put_share(struct argv *a, const struct qemu_share *share)
{
    auto_mem char *path = argv_escape(share->path);
    auto_mem char *model = argv_escape(share->security_model);

    argv_put(a, "-virtfs", "local,mount_tag=%s,path=%s,security_model=%s%s", share->tag, path,
             model, share->is_read_only ? ",readonly=on" : "");
}

/* For folders that come later; the links are made then. */
static void put_spare_shares(struct argv *a)
{
    for (unsigned i = 0; i < QEMU_SPARE_ROOT_PORTS; i++) {
        auto_mem char *name = mem_printf(QEMU_SHARE_LINK "%u", i);
        auto_mem char *path = argv_path(a, name);

        argv_put(a, "-fsdev", "local,id=" QEMU_SHARE_WRITE "%u,path=%s,security_model=none", i,
                 path);
        argv_put(a, "-fsdev",
                 "local,id=" QEMU_SHARE_READ "%u,path=%s,security_model=none,readonly=on", i, path);
    }
}

void argv_put_files(struct argv *a)
{
    const struct qemu_machine *m = a->m;

    if (qemu_machine_has_files(m)) {
        argv_put_served(a, QEMU_SERVED_FILES, QEMU_FD_FILES);
    }
    for (size_t i = 0; i < m->n_shares; i++)
        put_share(a, &m->shares[i]);
    if (m->arch->bus == QEMU_BUS_PCIE && m->features.ninep)
        put_spare_shares(a);
}
