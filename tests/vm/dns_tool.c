/*
 * Runs in a guest and asks a name server: dns_tool udp|tcp SERVER NAME TYPE [SIZE]
 *
 * TYPE is a number, SIZE what the asker takes over UDP with EDNS. Prints the response code, "tc"
 * when the answer is cut, and how many records it has; then each record on a line, in presentation
 * format with single blanks.
 */
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <poll.h>
#include <resolv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANSWER_MS 20000
#define PORT      53

static unsigned char message[NS_MAXMSG + 2], query[NS_PACKETSZ + 2];

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "%s\n", what);
    exit(1);
}

/* Behind two bytes for the length. */
static size_t make_query(const char *name, int type, unsigned size)
{
    unsigned char *at = query + 2;
    int n = res_mkquery(ns_o_query, name, ns_c_in, type, NULL, 0, NULL, at, NS_PACKETSZ);

    if (n < 0)
        fail("not a name");
    if (size) {
        const unsigned char opt[] = {
            0, 0, ns_t_opt, (unsigned char)(size >> 8), (unsigned char)size, 0, 0, 0, 0, 0, 0
        };

        memcpy(at + n, opt, sizeof(opt));
        n += (int)sizeof(opt);
        at[11] = 1; /* an additional record */
    }
    query[0] = (unsigned char)(n >> 8);
    query[1] = (unsigned char)n;
    return (size_t)n;
}

static ssize_t receive(int fd, unsigned char *to, size_t size)
{
    struct pollfd ready = { .fd = fd, .events = POLLIN };

    return poll(&ready, 1, ANSWER_MS) == 1 ? recv(fd, to, size, 0) : -1;
}

static size_t receive_all(int fd, unsigned char *to, size_t size)
{
    size_t n = 0;

    while (n < size) {
        ssize_t more = receive(fd, to + n, size - n);

        if (more <= 0)
            fail("no answer");
        n += (size_t)more;
    }
    return n;
}

static size_t ask(int is_tcp, const char *server, size_t n_query)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(PORT) };
    int fd = socket(AF_INET, (is_tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0);
    const unsigned char *from = is_tcp ? query : query + 2;
    ssize_t n;

    if (inet_pton(AF_INET, server, &to.sin_addr) != 1)
        fail("not an address");
    if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0 ||
        send(fd, from, n_query + (is_tcp ? 2 : 0), 0) < 0)
        fail("no server");
    if (is_tcp) {
        (void)receive_all(fd, message, 2);
        return receive_all(fd, message, (size_t)message[0] << 8 | message[1]);
    }
    n = receive(fd, message, sizeof(message));
    if (n < 0)
        fail("no answer");
    return (size_t)n;
}

/* The C library would rather have programs resolve names than look at records. */
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

static void print_record(const ns_msg *answer, int i)
{
    char text[4096];
    int blank = 0;
    ns_rr rr;

    if (ns_parserr((ns_msg *)answer, ns_s_an, i, &rr) < 0 ||
        ns_sprintrr(answer, &rr, NULL, NULL, text, sizeof(text)) < 0)
        fail("not a record");
    for (const char *p = text; *p; p++) {
        int is_blank = *p == ' ' || *p == '\t';

        if (!is_blank || !blank)
            (void)putchar(is_blank ? ' ' : *p);
        blank = is_blank;
    }
    (void)putchar('\n');
}

int main(int argc, char **argv)
{
    ns_msg answer;
    size_t n;

    if (argc < 5)
        fail("usage: dns_tool udp|tcp SERVER NAME TYPE [SIZE]");
    n = make_query(argv[3], (int)strtol(argv[4], NULL, 10),
                   argc > 5 ? (unsigned)strtoul(argv[5], NULL, 10) : 0);
    n = ask(strcmp(argv[1], "tcp") == 0, argv[2], n);
    if (ns_initparse(message, (int)n, &answer) < 0 ||
        ns_msg_id(answer) != (unsigned)(query[2] << 8 | query[3]))
        fail("not an answer");
    printf("rcode %d%s %d\n", ns_msg_getflag(answer, ns_f_rcode),
           ns_msg_getflag(answer, ns_f_tc) ? " tc" : "", ns_msg_count(answer, ns_s_an));
    for (int i = 0; i < ns_msg_count(answer, ns_s_an); i++)
        print_record(&answer, i);
    return 0;
}
