#include "svc/build/initrd.h"

#include "base/sb.h"
#include "svc/build/cpio.h"
#include "sys/file.h"
#include "wire/initrd.h"

#define INITRD_LIMIT (256u << 20)
#define AGENT_LIMIT (64u << 20)

/* Appends the archive with the agent. */
static bool put_agent(struct sb *out, const char *agent_path, struct err **errp)
{
    auto_sb struct sb agent = { 0 };

    if (!file_read_all(agent_path, AGENT_LIMIT, &agent, errp))
        return err_wrap(errp, "reading the guest agent");

    struct cpio cpio = { .out = *out };

    cpio_put_file(&cpio, INITRD_INIT, 0755, sb_view(&agent));
    cpio_end(&cpio);
    *out = cpio.out;
    return true;
}

bool initrd_pack(int modules_fd, const char *agent_path, const char *out_path, struct err **errp)
{
    auto_sb struct sb bytes = { 0 };

    if (!file_read_fd(modules_fd, "modules of the initramfs", INITRD_LIMIT, &bytes, errp) ||
        !put_agent(&bytes, agent_path, errp))
        return false;
    return file_write_atomic(out_path, sb_view(&bytes), 0644, errp);
}

bool initrd_update(const char *path, const char *agent_path, struct err **errp)
{
    auto_sb struct sb old = { 0 };
    auto_sb struct sb bytes = { 0 };
    size_t modules_length;

    if (!file_read_all(path, INITRD_LIMIT, &old, errp))
        return false;
    if (!cpio_length(sb_view(&old), &modules_length))
        return err_set(errp, ERR_INVALID, "%s: not an initramfs of ours", path);

    sb_put(&bytes, sv_slice(sb_view(&old), 0, modules_length));
    if (!put_agent(&bytes, agent_path, errp))
        return false;
    if (sv_eq(sb_view(&bytes), sb_view(&old)))
        return true;
    return file_write_atomic(path, sb_view(&bytes), 0644, errp);
}
