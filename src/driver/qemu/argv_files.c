#include "driver/qemu/argv_priv.h"

#include "base/mem.h"
#include "wire/guest.h"

/* Of requests for files; the largest that QEMU has. It bounds the length of a request, too. */
enum { QUEUE_SIZE = 1024 };

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
        argv_put(a, "-chardev", "socket,id=char-fs,fd=%d", QEMU_FD_FILES);
        argv_put(a, "-device",
                 "vhost-user-fs-pci,id=fs0,bus=port-fs,chardev=char-fs,tag=%s,queue-size=%d",
                 GUEST_FS_TAG, QUEUE_SIZE);
    }
    for (size_t i = 0; i < m->n_shares; i++)
        put_share(a, &m->shares[i]);
}
