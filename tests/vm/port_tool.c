/*
 * Runs in a guest and does what it is told on standard input, a line at a time, with a line of
 * answer:
 *
 *     listen tcp|udp ADDRESS PORT     "ok"; answers everybody with "PROTO PORT " and what it got
 *     listen unix PATH 0
 *     ask tcp|udp ADDRESS PORT TEXT   "answer" and what came back
 *     ask unix PATH 0 TEXT
 *     storm tcp ADDRESS PORT COUNT    "ok"; each of so many ports is listened on for a moment
 *     close                           "ok"; all listeners
 *
 * A connection that is reset has no answer. Over streams it answers after the other side has ended
 * its sending direction, and asks the same way.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PEERS_MAX 4096
#define TEXT_MAX  512
#define ANSWER_MS 10000

enum kind { COMMANDS, LISTENER, DATAGRAMS, CONNECTION };

static struct peer {
    enum kind kind;
    unsigned port;
    char text[TEXT_MAX];
    size_t n;
} peers[PEERS_MAX];
static struct pollfd polls[PEERS_MAX];
static size_t n_peers;

static struct peer *add(int fd, enum kind kind, unsigned port)
{
    if (n_peers == PEERS_MAX)
        abort();
    polls[n_peers] = (struct pollfd){ .fd = fd, .events = POLLIN };
    peers[n_peers] = (struct peer){ .kind = kind, .port = port };
    return &peers[n_peers++];
}

static void drop(size_t i)
{
    (void)close(polls[i].fd);
    n_peers--;
    polls[i] = polls[n_peers];
    peers[i] = peers[n_peers];
}

static void say(const char *text)
{
    printf("%s\n", text);
    (void)fflush(stdout);
}

static socklen_t parse(const char *proto, const char *address, unsigned port,
                       struct sockaddr_storage *out)
{
    struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };
    struct sockaddr_un un = { .sun_family = AF_UNIX };

    if (strcmp(proto, "unix") == 0) {
        (void)snprintf(un.sun_path, sizeof(un.sun_path), "%s", address);
        memcpy(out, &un, sizeof(un));
        return sizeof(un);
    }
    if (inet_pton(AF_INET, address, &v4.sin_addr) == 1) {
        memcpy(out, &v4, sizeof(v4));
        return sizeof(v4);
    }
    if (inet_pton(AF_INET6, address, &v6.sin6_addr) == 1) {
        memcpy(out, &v6, sizeof(v6));
        return sizeof(v6);
    }
    return 0;
}

static int open_socket(const char *proto, const struct sockaddr_storage *address)
{
    int type = strcmp(proto, "udp") == 0 ? SOCK_DGRAM : SOCK_STREAM, on = 1;
    int fd = socket(address->ss_family, type | SOCK_CLOEXEC, 0);

    if (fd >= 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    return fd;
}

static void do_listen(const char *proto, const char *where, unsigned port)
{
    struct sockaddr_storage address = { 0 };
    socklen_t size = parse(proto, where, port, &address);
    int is_udp = strcmp(proto, "udp") == 0;
    int fd = size ? open_socket(proto, &address) : -1;

    if (address.ss_family == AF_UNIX)
        (void)unlink(where);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) < 0 ||
        (!is_udp && listen(fd, 128) < 0)) {
        say(strerror(errno));
        if (fd >= 0)
            (void)close(fd);
        return;
    }
    (void)add(fd, is_udp ? DATAGRAMS : LISTENER, port);
    say("ok");
}

static void do_storm(const char *proto, const char *where, unsigned port, unsigned n)
{
    for (; n > 0; n--, port++) {
        struct sockaddr_storage address = { 0 };
        socklen_t size = parse(proto, where, port, &address);
        int fd = size ? open_socket(proto, &address) : -1;

        if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) < 0 || listen(fd, 128) < 0) {
            say(strerror(errno));
            if (fd >= 0)
                (void)close(fd);
            return;
        }
        (void)close(fd);
    }
    say("ok");
}

static void do_ask(const char *proto, const char *where, unsigned port, const char *text)
{
    struct sockaddr_storage address = { 0 };
    socklen_t size = parse(proto, where, port, &address);
    int fd = size ? open_socket(proto, &address) : -1;
    char got[TEXT_MAX] = "";
    size_t n = 0;
    ssize_t more;

    if (fd < 0 || (connect(fd, (struct sockaddr *)&address, size) < 0 && errno != ECONNRESET)) {
        say(strerror(errno));
    } else {
        struct pollfd ready = { .fd = fd, .events = POLLIN };

        (void)send(fd, text, strlen(text), MSG_NOSIGNAL); /* it may be reset already */
        if (strcmp(proto, "udp") != 0)
            (void)shutdown(fd, SHUT_WR);
        while (n < sizeof(got) - 1 && poll(&ready, 1, ANSWER_MS) == 1 &&
               (more = recv(fd, got + n, sizeof(got) - 1 - n, 0)) > 0) {
            n += (size_t)more;
            if (strcmp(proto, "udp") == 0)
                break;
        }
        got[n] = '\0';
        printf("answer %s\n", got);
        (void)fflush(stdout);
    }
    if (fd >= 0)
        (void)close(fd);
}

static void do_line(char *line)
{
    char command[16] = "", proto[16] = "", where[256] = "", text[256] = "";
    unsigned port = 0;
    int n = sscanf(line, "%15s %15s %255s %u %255s", command, proto, where, &port, text);

    if (strcmp(command, "listen") == 0 && n >= 4) {
        do_listen(proto, where, port);
    } else if (strcmp(command, "ask") == 0 && n == 5) {
        do_ask(proto, where, port, text);
    } else if (strcmp(command, "storm") == 0 && n == 5) {
        do_storm(proto, where, port, (unsigned)strtoul(text, NULL, 10));
    } else if (strcmp(command, "close") == 0) {
        for (size_t i = n_peers; i-- > 1;)
            drop(i);
        say("ok");
    } else {
        say("unknown command");
    }
}

/* False at the end. */
static int read_commands(struct peer *p)
{
    ssize_t n = read(STDIN_FILENO, p->text + p->n, sizeof(p->text) - p->n - 1);
    char *end;

    if (n <= 0)
        return 0;
    p->n += (size_t)n;
    p->text[p->n] = '\0';
    while ((end = strchr(p->text, '\n'))) {
        *end = '\0';
        do_line(p->text);
        p->n -= (size_t)(end + 1 - p->text);
        memmove(p->text, end + 1, p->n + 1);
    }
    return 1;
}

static void answer_datagram(int fd, unsigned port)
{
    struct sockaddr_storage from;
    socklen_t size = sizeof(from);
    char text[TEXT_MAX], answer[TEXT_MAX + 32];
    ssize_t n = recvfrom(fd, text, sizeof(text), 0, (struct sockaddr *)&from, &size);
    int len = n < 0 ? 0 : snprintf(answer, sizeof(answer), "udp %u %.*s", port, (int)n, text);

    if (len > 0)
        (void)sendto(fd, answer, (size_t)len, 0, (struct sockaddr *)&from, size);
}

/* False when the connection is over. */
static int serve(int fd, struct peer *p)
{
    ssize_t n = recv(fd, p->text + p->n, sizeof(p->text) - p->n, 0);
    char answer[TEXT_MAX + 32];
    int len;

    if (n > 0) {
        p->n += (size_t)n;
        return p->n < sizeof(p->text);
    }
    len = snprintf(answer, sizeof(answer), "%s %u %.*s", p->port ? "tcp" : "unix", p->port,
                   (int)p->n, p->text);
    (void)send(fd, answer, (size_t)len, MSG_NOSIGNAL);
    return 0;
}

int main(void)
{
    const struct rlimit descriptors = { PEERS_MAX + 16, PEERS_MAX + 16 };

    (void)setrlimit(RLIMIT_NOFILE, &descriptors);
    (void)add(STDIN_FILENO, COMMANDS, 0);
    for (;;) {
        if (poll(polls, n_peers, -1) < 0 && errno != EINTR)
            return 1;
        for (size_t i = n_peers; i-- > 0;) {
            int fd = polls[i].fd;

            if (!polls[i].revents)
                continue;
            switch (peers[i].kind) {
            case COMMANDS:
                if (!read_commands(&peers[i]))
                    return 0;
                break;
            case LISTENER:
                fd = accept(fd, NULL, NULL);
                if (fd >= 0)
                    (void)add(fd, CONNECTION, peers[i].port);
                break;
            case DATAGRAMS:
                answer_datagram(fd, peers[i].port);
                break;
            case CONNECTION:
                if (!serve(fd, &peers[i]))
                    drop(i);
                break;
            }
        }
    }
}
