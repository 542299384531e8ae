#include "prog/guestagent/spares.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static void old_news(struct ev_source *source, uint32_t events)
{
}

void spares_init(struct spares *spares, struct evloop *loop)
{
    spares->loop = loop;
    for (int row = 0; row < SPARES_FAMILIES; row++)
        for (int i = 0; i < SPARES_MAX; i++)
            spares->all[row][i].fd = -1;
}

void spares_done(struct spares *spares)
{
    for (int row = 0; row < SPARES_FAMILIES; row++)
        for (int i = 0; i < SPARES_MAX; i++)
            if (spares->all[row][i].fd >= 0)
                evloop_close(spares->loop, &spares->all[row][i]);
}

/* SPARES_MAX of them. */
static struct ev_source *of_family(struct spares *spares, int family)
{
    return spares->all[family == AF_INET6 ? SPARES_V6 : SPARES_V4];
}

/* After both ends, nothing unacknowledged means that the connection is gone, not just ending: to
 * disconnect it then throws nothing away. */
static bool is_over(int fd)
{
    int n_unacknowledged, error;
    socklen_t len = sizeof(error);

    return ioctl(fd, SIOCOUTQ, &n_unacknowledged) == 0 && n_unacknowledged == 0 &&
           getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 && error == 0;
}

bool spares_give(struct spares *spares, struct ev_source *source, int family)
{
    struct ev_source *some = of_family(spares, family);

    for (int i = 0; i < SPARES_MAX; i++) {
        if (some[i].fd >= 0)
            continue;
        if (!is_over(source->fd))
            return false;
        evloop_move(spares->loop, source, &some[i], old_news);
        return true;
    }
    return false;
}

/* Not before: the kernel tells the loop about it, unless it is connected again by then. */
static bool disconnect(int fd)
{
    const struct sockaddr nobody = { .sa_family = AF_UNSPEC };

    return connect(fd, &nobody, sizeof(nobody)) == 0;
}

bool spares_take(struct spares *spares, int family, struct ev_source *source, ev_source_fn on_ready)
{
    struct ev_source *some = of_family(spares, family);

    for (int i = 0; i < SPARES_MAX; i++) {
        if (some[i].fd < 0)
            continue;
        if (disconnect(some[i].fd)) {
            evloop_move(spares->loop, &some[i], source, on_ready);
            return true;
        }
        evloop_close(spares->loop, &some[i]);
    }
    return false;
}
