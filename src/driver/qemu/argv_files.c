#include "driver/qemu/argv_priv.h"

#include "base/mem.h"

bool qemu_machine_has_files(const struct qemu_machine *m)
{
    return m->link == DRIVER_LINK_DEVICES && m->features.fs;
}

static void put_share(struct argv *a, const struct qemu_share *share)
{
    auto_mem char *path = argv_escape(share->path);
    auto_mem char *model = argv_escape(share->security_model);

    argv_put(a, "-virtfs", "local,mount_tag=%s,path=%s,security_model=%s%s", share->tag, path, model,
             share->is_read_only ? ",readonly=on" : "");
}

void argv_put_files(struct argv *a)
{
    const struct qemu_machine *m = a->m;

    if (qemu_machine_has_files(m)) {
        argv_put_served(a, QEMU_SERVED_FILES, QEMU_FD_FILES);
    }
    for (size_t i = 0; i < m->n_shares; i++)
        put_share(a, &m->shares[i]);
}
