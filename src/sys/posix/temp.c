#include "sys/temp_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "sys/sys_priv.h"

bool temp_open(struct temp *temp, const char *target, struct err **errp)
{
    auto_mem char *path = mem_printf("%s.XXXXXX" TEMP_SUFFIX, target);
    int fd = mkostemps(path, strlen(TEMP_SUFFIX), O_CLOEXEC);

    if (fd < 0)
        return sys_fail(errp, errno, "cannot create %s", target);
    *temp = (struct temp){ .fd = fd, .path = MOVE(path) };
    return true;
}

void temp_done(struct temp *temp)
{
    if (temp->fd >= 0)
        (void)close(temp->fd);
    if (temp->path)
        (void)unlink(temp->path);
    free(temp->path);
    *temp = TEMP_NONE;
}
