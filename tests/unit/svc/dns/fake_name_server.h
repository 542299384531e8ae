/*
 * A name server on 127.0.0.1, UDP and TCP on one port, played by the test on its own loop. It knows
 * the records it is given, says NXDOMAIN for other names, and misbehaves as it is told.
 */
#ifndef TESTS_FAKE_NAME_SERVER_H
#define TESTS_FAKE_NAME_SERVER_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "base/list.h"
#include "base/vec.h"
#include "loop_test.h"
#include "svc/dns/message.h"
#include "svc/loop/stream.h"
#include "svc/loop/watch.h"
#include "sys/sock.h"

struct fake_connection {
    struct list link;
    struct fake_name_server *owner;
    struct stream *stream;
    struct sb in;
};

struct fake_name_server {
    const char *const *records; /* presentation format, NULL-terminated */
    unsigned rcode;             /* of every answer, unless 0 */
    bool is_silent;
    bool cuts_datagrams;   /* they have no records, and say that they are cut */
    bool hates_edns;       /* FORMERR */
    bool closes;           /* TCP connections, instead of answering */
    bool says_other_first; /* a datagram with another id goes ahead of each answer */
    bool is_authentic;
    unsigned n_udp, n_tcp; /* queries that came */
    bool last_had_edns;

    uint16_t port;
    struct watch *udp, *tcp;
    struct list connections;
};

static inline bool fake_has_name(const struct fake_name_server *s, const ldns_rdf *name,
                                 ldns_pkt *reply, ldns_rr_type type)
{
    bool found = false;

    for (const char *const *text = s->records; *text; text++) {
        ldns_rr *rr = NULL;

        assert_int_equal(ldns_rr_new_frm_str(&rr, *text, 0, NULL, NULL), LDNS_STATUS_OK);
        if (ldns_dname_compare(ldns_rr_owner(rr), name) == 0) {
            found = true;
            if (ldns_rr_get_type(rr) == type || ldns_rr_get_type(rr) == LDNS_RR_TYPE_CNAME) {
                ldns_pkt_push_rr(reply, LDNS_SECTION_ANSWER, rr);
                rr = NULL;
            }
        }
        ldns_rr_free(rr);
    }
    return found;
}

static inline void fake_reply(struct fake_name_server *s, struct sv message, bool is_udp,
                              struct sb *out)
{
    auto_mem uint8_t *bytes = NULL;
    ldns_pkt *query, *reply = ldns_pkt_new();
    const ldns_rr *asked;
    size_t n;

    assert_int_equal(ldns_wire2pkt(&query, (const uint8_t *)message.p, message.n), LDNS_STATUS_OK);
    asked = ldns_rr_list_rr(ldns_pkt_question(query), 0);
    s->last_had_edns = ldns_pkt_edns(query);
    ldns_pkt_set_id(reply, ldns_pkt_id(query));
    ldns_pkt_set_qr(reply, true);
    ldns_pkt_set_ad(reply, s->is_authentic);
    ldns_pkt_push_rr(reply, LDNS_SECTION_QUESTION, ldns_rr_clone(asked));
    if (s->hates_edns && s->last_had_edns)
        ldns_pkt_set_rcode(reply, LDNS_RCODE_FORMERR);
    else if (s->rcode)
        ldns_pkt_set_rcode(reply, (uint8_t)s->rcode);
    else if (is_udp && s->cuts_datagrams)
        ldns_pkt_set_tc(reply, true);
    else if (!fake_has_name(s, ldns_rr_owner(asked), reply, ldns_rr_get_type(asked)))
        ldns_pkt_set_rcode(reply, LDNS_RCODE_NXDOMAIN);
    assert_int_equal(ldns_pkt2wire(&bytes, reply, &n), LDNS_STATUS_OK);
    sb_put_mem(out, bytes, n);
    ldns_pkt_free(query);
    ldns_pkt_free(reply);
}

static inline void fake_datagram(void *arg)
{
    struct fake_name_server *s = arg;
    struct sockaddr_storage from;
    socklen_t from_len = sizeof(from);
    auto_sb struct sb out = { 0 };
    char bytes[4096];
    ssize_t n = recvfrom(watch_fd(s->udp), bytes, sizeof(bytes), MSG_DONTWAIT,
                         (struct sockaddr *)&from, &from_len);

    if (n < 0)
        return;
    s->n_udp++;
    if (s->is_silent)
        return;
    fake_reply(s, (struct sv){ bytes, (size_t)n }, true, &out);
    if (s->says_other_first) {
        out.p[0] ^= 1;
        (void)sendto(watch_fd(s->udp), out.p, out.n, 0, (struct sockaddr *)&from, from_len);
        out.p[0] ^= 1;
    }
    (void)sendto(watch_fd(s->udp), out.p, out.n, 0, (struct sockaddr *)&from, from_len);
}

static inline void fake_hang_up(struct fake_connection *c)
{
    list_remove(&c->link);
    stream_close(c->stream);
    sb_done(&c->in);
    free(c);
}

static inline void fake_stream_data(void *arg, struct sv bytes)
{
    struct fake_connection *c = arg;
    auto_sb struct sb out = { 0 };
    char head[2];
    size_t len;

    sb_put(&c->in, bytes);
    len = c->in.n < 2 ? 0 : (size_t)(uint8_t)c->in.p[0] << 8 | (uint8_t)c->in.p[1];
    if (c->in.n < 2 + len)
        return;
    c->owner->n_tcp++;
    if (c->owner->closes) {
        fake_hang_up(c);
        return;
    }
    fake_reply(c->owner, sv_slice(sb_view(&c->in), 2, 2 + len), false, &out);
    sb_consume(&c->in, 2 + len);
    head[0] = (char)(out.n >> 8);
    head[1] = (char)out.n;
    stream_send(c->stream, (struct sv){ head, sizeof(head) }); /* answers may come in pieces */
    stream_send(c->stream, sb_view(&out));
}

static inline void fake_stream_end(void *arg, const struct err *err)
{
    fake_hang_up(arg);
}

static inline void fake_incoming(void *arg)
{
    static const struct stream_events events = { .on_data = fake_stream_data,
                                                 .on_end = fake_stream_end };
    struct fake_name_server *s = arg;
    struct fake_connection *c = mem_new(struct fake_connection);
    int fd;

    assert_true(sock_accept(watch_fd(s->tcp), &fd, NULL));
    c->owner = s;
    c->stream = stream_open(&test_loop, fd, &events, c, NULL);
    assert_non_null(c->stream);
    list_push_back(&s->connections, &c->link);
}

static inline void fake_name_server_open(struct fake_name_server *s, const char *const *records)
{
    int udp_fd = -1, tcp_fd;

    *s = (struct fake_name_server){ .records = records };
    list_init(&s->connections);
    do { /* until a port is free for both */
        struct sockaddr_in address = { .sin_family = AF_INET,
                                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

        if (udp_fd >= 0) {
            (void)close(udp_fd);
            (void)close(tcp_fd);
        }
        assert_true(sock_tcp_listen("127.0.0.1", 0, &tcp_fd, &s->port, NULL));
        udp_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        address.sin_port = htons(s->port);
        if (bind(udp_fd, (struct sockaddr *)&address, sizeof(address)) == 0)
            break;
    } while (true);
    s->udp = watch_open(&test_loop, udp_fd, fake_datagram, s, NULL);
    s->tcp = watch_open(&test_loop, tcp_fd, fake_incoming, s, NULL);
    assert_true(s->udp && s->tcp);
}

static inline void fake_name_server_close(struct fake_name_server *s)
{
    list_for_each (c, &s->connections, struct fake_connection, link)
        fake_hang_up(c);
    watch_close(s->udp);
    watch_close(s->tcp);
}

#endif
