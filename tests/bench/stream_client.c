#include "stream_client.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BUFFER_SIZE (256u << 10)

static char buffer[BUFFER_SIZE];

double stream_now(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

bool stream_ask(int fd, enum stream_command command, uint64_t number)
{
    const struct stream_request r = { command, number };

    errno = 0;
    return send(fd, &r, sizeof(r), MSG_NOSIGNAL) == sizeof(r);
}

bool stream_exchange(int fd)
{
    char byte = 'x';

    errno = 0;
    return send(fd, &byte, 1, MSG_NOSIGNAL) == 1 && recv(fd, &byte, 1, 0) == 1;
}

/* Does what the socket is ready for; adds to *came what it brought. False at its end. */
static bool move_some(struct pollfd *p, uint64_t *left, uint64_t *came)
{
    size_t part = *left < BUFFER_SIZE ? (size_t)*left : BUFFER_SIZE;
    ssize_t done;

    if (p->events == POLLIN) {
        done = recv(p->fd, buffer, BUFFER_SIZE, 0);
        *came += done > 0 ? (uint64_t)done : 0;
        return done > 0;
    }
    done = send(p->fd, buffer, part, MSG_DONTWAIT | MSG_NOSIGNAL);
    *left -= done > 0 ? (uint64_t)done : 0;
    if (*left == 0) { /* the guest answers when it has everything */
        (void)shutdown(p->fd, SHUT_WR);
        p->events = POLLIN;
    }
    return true;
}

bool stream_move(const int *take_fds, unsigned n, enum stream_command command, uint64_t each)
{
    struct pollfd fds[STREAM_CLIENT_MAX];
    uint64_t left[STREAM_CLIENT_MAX], came = 0;
    unsigned n_open = n;

    for (unsigned i = 0; i < n; i++) {
        left[i] = each;
        fds[i] = (struct pollfd){ .fd = take_fds[i],
                                  .events = command == STREAM_TAKE ? POLLOUT : POLLIN };
    }
    while (n_open > 0) {
        if (poll(fds, n, -1) < 0)
            continue;
        for (unsigned i = 0; i < n; i++) {
            if (fds[i].fd >= 0 && fds[i].revents && !move_some(&fds[i], &left[i], &came)) {
                (void)close(fds[i].fd);
                fds[i].fd = -1;
                n_open--;
            }
        }
    }
    errno = 0;
    return came == (command == STREAM_TAKE ? sizeof(uint64_t) : each) * n;
}
