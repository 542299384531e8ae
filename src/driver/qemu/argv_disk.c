#include "driver/qemu/argv_priv.h"

#include "base/mem.h"
#include "driver/qemu/files.h"

/*
 * Formats are always given: a guest that writes a header of another format into a raw disk would
 * otherwise choose which host files QEMU opens at the next start.
 */
static void put_drive(struct argv *a, const struct qemu_disk *disk, const char *id)
{
    auto_mem char *path = argv_escape(disk->path);

    argv_put(a, "-drive", "file=%s,format=%s,if=none,id=%s,discard=on,detect-zeroes=unmap", path,
             disk->format, id);
}

static void put_cd(struct argv *a, const char *name, const char *id, const char *bus, int bootindex)
{
    auto_mem char *path = argv_path(a, name);

    argv_put(a, "-drive", "file=%s,format=raw,if=none,id=%s,readonly=on", path, id);
    if (bootindex >= 0)
        argv_put(a, "-device", "scsi-cd,bus=%s.0,drive=%s,bootindex=%d", bus, id, bootindex);
    else
        argv_put(a, "-device", "scsi-cd,bus=%s.0,drive=%s", bus, id);
}

/* QEMU gets them open. The set's text tells a later host agent what it holds. */
static void put_block(struct argv *a, size_t i)
{
    const struct qemu_block *block = &a->m->blocks[i];
    auto_mem char *id = mem_printf(QEMU_BLOCK_ID "%zu", i);
    auto_mem char *path = argv_escape(block->path);

    argv_put(a, "-add-fd", "fd=%d,set=%zu,opaque=%s:%s", QEMU_FD_BLOCK + (int)i, i, id, path);
    argv_put(a, "-blockdev",
             "driver=raw,node-name=%s,discard=unmap,file.driver=host_device,"
             "file.filename=/dev/fdset/%zu",
             id, i);
    argv_put(a, "-device", "virtio-blk-%s,id=%s,drive=%s,serial=%s", argv_virtio_bus(a), id, id,
             block->serial);
}

void argv_put_disks(struct argv *a)
{
    const struct qemu_machine *m = a->m;
    const char *bus = argv_virtio_bus(a);

    put_drive(a, &m->disk, "boot-disk");
    argv_put(a, "-device", "virtio-blk-%s,drive=boot-disk,bootindex=1", bus);
    argv_put_single(a, "-boot", "menu=off,splash-time=0");

    for (size_t i = 0; i < m->n_disks; i++) {
        auto_mem char *id = mem_printf("disk%zu", i);

        put_drive(a, &m->disks[i], id);
        argv_put(a, "-device", "virtio-blk-%s,drive=%s", bus, id);
    }

    for (size_t i = 0; i < m->n_blocks; i++)
        put_block(a, i);

    if (m->has_iso || m->seed == QEMU_SEED_CD)
        argv_put(a, "-device", "virtio-scsi-%s,id=scsi0", bus);
    if (m->has_iso)
        put_cd(a, NAME_ISO, "iso", "scsi0", 0);
    if (m->seed == QEMU_SEED_CD)
        put_cd(a, NAME_CIDATA_ISO, "cidata", "scsi0", -1);
    if (m->seed == QEMU_SEED_DISK) {
        auto_mem char *path = argv_path(a, NAME_CIDATA_ISO);

        argv_put(a, "-drive", "file=%s,format=raw,if=none,id=cidata,readonly=on", path);
        argv_put(a, "-device", "virtio-blk-%s,drive=cidata,serial=cidata", bus);
    }
}
