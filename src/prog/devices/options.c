#include "prog/devices/options.h"

#include <limits.h>
#include <string.h>

#include "base/num.h"

static bool parse_fd(const char *name, const char *text, int *out, struct err **errp)
{
    uint32_t fd;

    if (!text)
        return err_set(errp, ERR_INVALID, "%s needs a descriptor", name);
    if (!parse_u32(sv_of(text), &fd) || fd < 3 || fd > INT_MAX)
        return err_set(errp, ERR_INVALID, "%s: not a descriptor above 2: \"%s\"", name, text);
    *out = (int)fd;
    return true;
}

/* Where the number behind an option goes, or NULL. */
static int *fd_of(struct options *o, const char *name)
{
    if (strcmp(name, "--control-fd") == 0)
        return &o->control_fd;
    if (strcmp(name, "--vsock-fd") == 0)
        return &o->vsock_fd;
    return strcmp(name, "--fs-fd") == 0 ? &o->fs_fd : NULL;
}

bool options_parse(char *const *args, struct options *out, struct err **errp)
{
    struct options o = { .control_fd = -1, .vsock_fd = -1, .fs_fd = -1 };

    for (; *args; args++) {
        const char *arg = *args;

        if (strcmp(arg, "--debug") == 0) {
            o.debug = true;
        } else if (fd_of(&o, arg)) {
            if (!parse_fd(arg, args[1], fd_of(&o, arg), errp))
                return false;
            args++;
        } else {
            return err_set(errp, ERR_INVALID, "unknown argument \"%s\"", arg);
        }
    }
    if (o.control_fd < 0 || o.vsock_fd < 0 || o.control_fd == o.vsock_fd ||
        o.fs_fd == o.control_fd || o.fs_fd == o.vsock_fd)
        return err_set(errp, ERR_INVALID,
                       "--control-fd and --vsock-fd are needed, and descriptors differ");
    *out = o;
    return true;
}
