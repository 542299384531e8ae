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
    for (int i = 0; i < SPARES_MAX; i++)
        spares->all[i].source.fd = -1;
}

void spares_done(struct spares *spares)
{
    for (int i = 0; i < SPARES_MAX; i++)
        if (spares->all[i].source.fd >= 0)
            evloop_close(spares->loop, &spares->all[i].source);
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
    for (int i = 0; i < SPARES_MAX; i++) {
        struct spare *spare = &spares->all[i];

        if (spare->source.fd >= 0)
            continue;
        if (!is_over(source->fd))
            return false;
        evloop_move(spares->loop, source, &spare->source, old_news);
        spare->family = family;
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
    for (int i = 0; i < SPARES_MAX; i++) {
        struct spare *spare = &spares->all[i];

        if (spare->source.fd < 0 || spare->family != family)
            continue;
        if (disconnect(spare->source.fd)) {
            evloop_move(spares->loop, &spare->source, source, on_ready);
            return true;
        }
        evloop_close(spares->loop, &spare->source);
    }
    return false;
}
